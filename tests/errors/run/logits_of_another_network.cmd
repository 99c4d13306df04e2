run
tests/errors/run/input/trained.toml
--out
[OUT]
--set
networks.mini.logits=logits_zero.npy
