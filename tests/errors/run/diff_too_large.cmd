diff
/dev/zero
tests/golden/diff/small.json
