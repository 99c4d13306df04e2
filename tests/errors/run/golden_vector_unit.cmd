golden
configs/studies/repvgg-vs-resnet.toml
--out
[OUT]
--network
repvgg-mini
