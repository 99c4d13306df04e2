run
tests/errors/run/input/empty.toml
--out
[OUT]
