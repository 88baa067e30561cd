#!/bin/sh
# Rollups of what has changed: late samples, imported history, jobs that are
# changed, and whatever is done to destinations and checkpoints in between;
# what is stored is what follows from all samples, after one run, wherever
# one before was killed.  t/long/rollup-changes is the long form.
# Guards laws 23, 24, 25 and 26.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
exec python3 -c '
from rollup_changes import *

plan(108)
for case in [corrected_in_all_levels, in_order_but_late, history,
             switch_of_late, kinds, types_widen, large_sums, rebuilds,
             definitions, checkpoints, wrong_digits, lost_logs, reborn,
             late_in_log, several_groups, stopped, killed, read_meanwhile, damaged]:
    case()
campaign(200 if is_long() else 25)
done()
'
