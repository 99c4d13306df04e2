run
tests/errors/run/input/residual.toml
--out
[OUT]
--set
numerics.weight_bits=2
--set
networks.mini.mean=[50]
