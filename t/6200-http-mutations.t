#!/bin/sh
# Requests with random changes, by the thousand: the server answers each with
# something well-formed, never fails, and nothing appears outside its root.
# NTDB_LONG=1: 100,000.  t/unit/http-serve.t does the same without an API.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
exec python3 "$NTDB_SRC/t/http_mutations.py"
