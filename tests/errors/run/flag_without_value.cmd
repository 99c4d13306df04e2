run
tests/errors/run/input/small.toml
--set
