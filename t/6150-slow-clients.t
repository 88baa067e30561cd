#!/bin/sh
# Clients that are idle, slow or gone: each is dropped at its limit, whatever
# it is doing, and others are answered meanwhile without waiting.  The limits
# are the real ones; all wait at the same time.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
exec python3 "$NTDB_SRC/t/http_slow.py"
