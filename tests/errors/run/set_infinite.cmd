run
tests/errors/run/input/small.toml
--out
[OUT]
--set
chip.clock.frequency_mhz=inf
