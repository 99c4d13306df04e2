run
tests/errors/run/input/trained.toml
--out
[OUT]
--set
networks.mini.images=doubles.npy
