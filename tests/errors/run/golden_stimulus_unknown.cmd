golden
tests/knobs/study.toml
--out
[OUT]
--stimulus
noise
