run
tests/errors/run/input/small.toml
--out
[OUT]
--set
numerics.weight_bits=16
--set
chip.weight_sram.kib=2
