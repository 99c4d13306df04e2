golden
configs/studies/repvgg-vs-resnet.toml
--network
repvgg-mini
--chip
edge
--out
README.md
