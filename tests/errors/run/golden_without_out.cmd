golden
configs/studies/repvgg-vs-resnet.toml
