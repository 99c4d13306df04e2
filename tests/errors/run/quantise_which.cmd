quantise
tests/errors/run/input/small.toml
--out
[OUT]/net
