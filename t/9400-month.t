#!/bin/sh
# A week of a small site, simulated: four collectors, hourly flushes with
# sealing and retention, rollups, kills, an outage, a clock that jumps.
# t/long/month is the long form.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
need ntdb-rollup

python3 - <<'EOF'
from blackbox import *
import month

month.simulate(seed(), month.LONG if is_long() else month.SHORT)
EOF
