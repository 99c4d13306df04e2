diff
tests/golden/diff/small.json
tests/golden/diff/small.json
--json
tests/golden/diff/small.json
