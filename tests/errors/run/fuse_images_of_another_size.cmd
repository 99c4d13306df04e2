fuse
tests/import/fresh.onnx
[OUT].onnx
--input
tests/errors/run/input/two_rows.npy
