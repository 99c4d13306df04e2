run
tests/errors/run/input/small.toml
--out
[OUT]
--set
chips=["../../../../configs/chips/edge.toml","../../../../configs/chips/tiny.toml"]
--set
chip.name=same
