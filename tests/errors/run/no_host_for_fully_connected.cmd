run
tests/errors/run/input/small.toml
--out
[OUT]
--set
chips=["../../../../configs/chips/edge-general.toml"]
--set
mapping.fully_connected=host
