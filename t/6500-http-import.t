#!/bin/sh
# Writing over HTTP: line protocol and Prometheus text, what is refused and
# how that is told, tokens, read-only servers, and what is out of order.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
exec python3 "$NTDB_SRC/t/http_import.py"
