run
tests/errors/run/input/bare_chip.toml
--out
[OUT]
