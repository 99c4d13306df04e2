diff
/proc/self/mem
tests/golden/diff/small.json
