fuse
tests/import/fresh.onnx
tests/import/../import/fresh.onnx
