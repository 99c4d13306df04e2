run
tests/errors/run/input/small.toml
--out
[OUT]
--set
chip.array.rows=0
