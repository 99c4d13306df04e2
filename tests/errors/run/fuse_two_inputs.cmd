fuse
tests/errors/run/input/interface.onnx
[OUT].onnx
