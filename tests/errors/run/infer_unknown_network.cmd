infer
tests/errors/run/input/trained.toml
--network
maxi
--input
tests/errors/run/input/images.npy
--output
[OUT]/y.npy
