list
chips
tests/errors/run/nowhere
