fuse
tests/errors/run/input/graph.onnx
[OUT].onnx
