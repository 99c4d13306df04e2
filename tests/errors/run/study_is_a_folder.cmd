run
tests/errors/run/input
--out
[OUT]
