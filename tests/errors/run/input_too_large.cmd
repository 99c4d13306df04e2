run
tests/errors/run/input/small.toml
--out
[OUT]
--set
networks.plain.input=[16384, 16384, 4096]
