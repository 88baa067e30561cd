#!/bin/sh
# Damage of every kind in every file: never a crash, a wrong value or one under
# another name, nothing twice, no more lost than what was hit, and all of it
# reported.  A sample of what t/long/damage goes through.
#
# Guards laws 6, 10, 11, 14, 21, 28, 29 and 30.

. "$(dirname "$0")/lib.sh"
need python3
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'END'
from damage import *

rnd = seed()
for name, know, moments in roots():
    if name == "small":
        same(CODINGS - know.db.codings, set(), "all codings are there")
        cases = list(all_cases(know, moments))
        check(name, know, choose(rnd, cases, 2000))
        check_programs(know, rnd, cases, 4)
    else:
        cases = rnd.sample(list(all_cases(know, moments)), 400)
        check(name, know, choose(rnd, cases, 300))
done()
END
