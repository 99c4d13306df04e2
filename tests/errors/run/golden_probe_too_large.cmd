golden
tests/knobs/study.toml
--out
[OUT]
--probe
layer2.0.conv2
--set
input.batch=100
