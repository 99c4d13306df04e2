golden
tests/knobs/study.toml
--out
[OUT]
--probe
conv1:pixel=1,2
