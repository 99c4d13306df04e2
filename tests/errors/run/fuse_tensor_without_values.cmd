fuse
tests/errors/run/input/tensor.onnx
[OUT].onnx
