infer
tests/errors/run/input/small.toml
--network
seeded
--input
tests/errors/run/input/nan.npy
--output
[OUT]/y.npy
