#!/bin/sh
# examples/backup copies a root that is in use; see t/backup_load.py.  With
# NTDB_LONG=1, thirty times.

. "$(dirname "$0")/lib.sh"
need python3 flock gzip od truncate tar
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'END'
import backup_load
from blackbox import *

plan(7)
backup_load.main(30 if is_long() else 4)
done()
END
