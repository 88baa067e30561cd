#!/bin/sh
# What only reads changes nothing: all files are afterwards what they were, by
# name, bytes and times; and no trick with paths or names reaches any other.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
exec python3 "$NTDB_SRC/t/http_reads.py"
