run
tests/errors/run/input/trained.toml
--out
[OUT]
--set
networks.mini.mean=[0.1, 0.2, 0.3]
