#!/bin/sh
# A server that goes on, with all that it keeps between requests, says what one
# says that has just been started, whatever was done to the files meanwhile:
# laws 28 and 34.  Random changes, by the programs and by hand, one after
# another.  NTDB_LONG=1: many more.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
exec python3 "$NTDB_SRC/t/kept_state.py"
