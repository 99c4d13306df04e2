verify
tests/knobs/study.toml
