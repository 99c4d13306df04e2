infer
tests/errors/run/input/trained.toml
--network
mini
--input
tests/errors/run/input/small.png
--output
[OUT].npy
