fuse
tests/import/fresh.onnx
[OUT].pth
