golden
tests/knobs/study.toml
--out
[OUT]
--stimulus
random:7
--image
1
