run
tests/errors/run/input/trained.toml
--out
[OUT]
--set
chip.pe.accumulator_bits=16
--set
chip.pe.overflow=trap
