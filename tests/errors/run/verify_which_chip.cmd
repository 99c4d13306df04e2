verify
configs/studies/repvgg-vs-resnet.toml
--dump
none
--network
repvgg-mini
