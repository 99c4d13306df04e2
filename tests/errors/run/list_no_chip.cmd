list
chips
tests/errors/output
