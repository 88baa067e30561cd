#!/bin/sh
# /api/v1/export is what ntdb-query --format lp writes.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
exec python3 "$NTDB_SRC/t/http_export.py"
