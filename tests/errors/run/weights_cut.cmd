run
tests/errors/run/input/trained.toml
--out
[OUT]
--set
networks.mini.weights.file=cut.safetensors
