run
configs/studies/repvgg-vs-resnet.toml
--emit
graph
--chip
nowhere
