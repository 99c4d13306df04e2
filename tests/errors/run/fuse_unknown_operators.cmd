fuse
tests/errors/run/input/unsupported.onnx
[OUT].onnx
