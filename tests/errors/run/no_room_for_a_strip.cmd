run
tests/errors/run/input/small.toml
--out
[OUT]
--set
chip.activation_sram.kib=2
