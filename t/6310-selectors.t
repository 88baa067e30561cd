#!/bin/sh
# Selectors: which series 300 random ones choose, against Python.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
exec python3 "$NTDB_SRC/t/http_selectors.py"
