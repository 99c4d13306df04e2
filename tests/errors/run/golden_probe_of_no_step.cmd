golden
tests/knobs/study.toml
--out
[OUT]
--probe
conv1:tile=28,0
