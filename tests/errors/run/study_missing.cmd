run
no-such-study.toml
--out
[OUT]
