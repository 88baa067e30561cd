#!/bin/sh
# Discovery: databases, metrics, labels, series, metadata, by hand.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
exec python3 "$NTDB_SRC/t/http_labels.py"
