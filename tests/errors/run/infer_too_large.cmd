infer
tests/errors/run/input/small.toml
--network
seeded
--input
tests/errors/run/input/integers_too_large.npy
--output
[OUT]/y.npy
