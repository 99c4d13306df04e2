run
tests/errors/run/input/small.toml
--out
[OUT]
--set
input.batch=170141183460469231731687303715884105728
