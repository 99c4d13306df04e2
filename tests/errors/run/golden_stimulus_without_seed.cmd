golden
tests/knobs/study.toml
--out
[OUT]
--stimulus
random:x
