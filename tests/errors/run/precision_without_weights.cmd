precision
tests/errors/run/input/timed.toml
--out
[OUT]
