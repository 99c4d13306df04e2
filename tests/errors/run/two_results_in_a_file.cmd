run
tests/errors/run/input/small.toml
--out
[OUT]
--json
[OUT]/edge.json
