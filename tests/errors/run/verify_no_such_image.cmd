verify
tests/knobs/study.toml
--dump
tests/knobs
--image
5
