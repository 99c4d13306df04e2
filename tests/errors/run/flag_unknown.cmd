run
tests/errors/run/input/small.toml
--outt
[OUT]
