run
tests/errors/run/input/trained.toml
--out
[OUT]
--set
networks.mini.labels=three_labels.npy
