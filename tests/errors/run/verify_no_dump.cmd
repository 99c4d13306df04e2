verify
tests/knobs/study.toml
--dump
no/such
