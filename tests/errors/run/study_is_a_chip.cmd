run
configs/chips/edge.toml
--out
[OUT]
