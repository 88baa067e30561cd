#!/bin/sh
# Random databases give back what was put in: from log and pages, sealed and
# not, without their caches, and out of their own export.  t/long/
# random-databases does the same with more of them.
# Guards laws 6, 14 and 16.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOF'
from blackbox import *
from random_databases import databases

plan(15)
databases(seed(), 15)
done()
EOF
