run
tests/errors/run/input/small.toml
--out
[OUT]
--set
mapping.offload=forbid
