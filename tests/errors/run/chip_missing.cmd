run
tests/errors/run/input/small.toml
--out
[OUT]
--set
chips=["no-such-chip.toml"]
