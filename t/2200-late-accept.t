#!/bin/sh
# late = accept: samples older than the last one of their metric are stored
# and merged by time, equal times by arrival, and what is stored already is
# known again wherever it is.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
exec python3 "$NTDB_SRC/t/late_accept.py"
