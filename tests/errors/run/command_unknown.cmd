rum
tests/errors/run/input/small.toml
