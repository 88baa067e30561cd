#!/bin/sh
# The rules of HTTP, one by one, on a pipe: what is malformed or too large is
# refused with the right status, and the connection ends; what is allowed is
# answered, in order, and the connection goes on.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
exec python3 "$NTDB_SRC/t/http_rules.py"
