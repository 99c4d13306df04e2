diff
tests/golden/diff/small.json
tests/golden/diff/small.json
--fail-over
ten
