#!/bin/sh
# promtool asks ntdb-httpd, and a real Prometheus with the same samples gives
# the same answers to 200 random queries.

. "$(dirname "$0")/lib.sh"
command -v promtool >/dev/null 2>&1 && command -v prometheus >/dev/null 2>&1 ||
    skip_all "no prometheus"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
exec python3 "$NTDB_SRC/t/http_promtool.py"
