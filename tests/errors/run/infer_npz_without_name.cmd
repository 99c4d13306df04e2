infer
tests/errors/run/input/trained.toml
--network
mini
--input
tests/errors/run/input/two-arrays.npz
--output
[OUT].npy
