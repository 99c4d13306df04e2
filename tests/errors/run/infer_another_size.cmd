infer
tests/errors/run/input/trained.toml
--network
mini
--input
tests/errors/run/input/images_of_another_size.npy
--output
[OUT]/y.npy
