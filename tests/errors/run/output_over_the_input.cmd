infer
tests/errors/run/input/trained.toml
--input
tests/errors/run/input/images.npy
--output
tests/errors/run/input/images.npy
