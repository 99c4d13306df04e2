infer
tests/errors/run/input/trained.toml
--network
mini
--input
tests/errors/run/input/not-a-picture.png
--output
[OUT].npy
