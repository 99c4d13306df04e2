run
tests/errors/run/input/trained.toml
--out
[OUT]
--set
input.batch=4
