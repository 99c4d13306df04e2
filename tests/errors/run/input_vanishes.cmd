run
tests/errors/run/input/small.toml
--out
[OUT]
--set
networks.plain.name=vgg-16
--set
networks.plain.input=[8, 8, 3]
