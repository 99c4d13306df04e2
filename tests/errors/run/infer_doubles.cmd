infer
tests/errors/run/input/small.toml
--network
seeded
--input
tests/errors/run/input/doubles.npy
--output
[OUT]/y.npy
