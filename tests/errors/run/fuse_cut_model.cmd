fuse
tests/errors/run/input/cut.onnx
[OUT].onnx
