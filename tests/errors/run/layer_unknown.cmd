run
tests/errors/run/input/trained.toml
--out
[OUT]
--set
numerics.layers=[{ name = "stage9", weight_bits = 4 }, { name = "gap", weight_bits = 4 }]
