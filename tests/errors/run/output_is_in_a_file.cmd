run
tests/errors/run/input/small.toml
--set
networks.seeded.execute=false
--out
tests/errors/run/input/small.toml/under
