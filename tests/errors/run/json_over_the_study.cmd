run
tests/errors/run/input/small.toml
--out
[OUT]
--json
tests/errors/run/input/small.toml
