fuse
tests/errors/run/input/opset-9.onnx
[OUT].onnx
