#!/bin/sh
# Connections: many requests on one, in order; long responses, in chunks and
# packed; Expect; and the server with --listen: its log, signals, processes.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
exec python3 "$NTDB_SRC/t/http_connections.py"
