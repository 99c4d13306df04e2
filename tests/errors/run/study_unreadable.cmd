run
/proc/self/mem
--out
[OUT]
