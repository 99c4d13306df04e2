run
tests/errors/run/input/trained.toml
--out
[OUT]
--set
networks.mini.images=images_of_another_size.npy
