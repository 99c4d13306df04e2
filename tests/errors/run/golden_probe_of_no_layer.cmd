golden
tests/knobs/study.toml
--out
[OUT]
--probe
avgpool
