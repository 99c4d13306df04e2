run
tests/errors/run/input/images.npy
--out
[OUT]
