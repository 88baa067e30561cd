#!/bin/sh
# Sixteen writers, readers, flushes, sealing, retention, rollups and
# inspections at once: what is acknowledged is there once, and nothing else;
# every reader sees a beginning of what was written, and what it saw before;
# verify finds nothing; none waits longer than it may.  The same with one that
# is stopped while it holds a lock, with kill -9 and with SIGTERM of any of
# them throughout.  Each of the four takes 8 seconds, with NTDB_LONG=1 60, or
# NTDB_SECONDS.
# Guards laws 1, 3, 6, 8, 9, 13, 15, 16, 17, 19, 22, 23, 27, 31, 32 and 33.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import os
import signal
from blackbox import *
from many_end import crowded
from tracing import need_strace

rng = seed()
need_strace()
SECONDS = int(os.environ.get("NTDB_SECONDS") or (60 if is_long() else 8))
crowded("undisturbed", rng, SECONDS)
crowded("one stopped with a lock", rng, SECONDS, hold=SECONDS / 4)
crowded("kills", rng, SECONDS, faults=[signal.SIGKILL])
crowded("terminations", rng, SECONDS, faults=[signal.SIGTERM])
done()
EOT
