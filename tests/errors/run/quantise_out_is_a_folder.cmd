quantise
tests/errors/run/input/trained.toml
--out
tests
