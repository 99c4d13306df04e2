quantise
tests/errors/run/input/small.toml
--network
plain
--out
[OUT]/net
