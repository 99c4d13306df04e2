fuse
tests/import/object.pth
[OUT].onnx
