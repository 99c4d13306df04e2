infer
tests/errors/run/input/small.toml
--network
seeded
--input
tests/errors/run/input/no-such.npy
--output
[OUT]/y.npy
