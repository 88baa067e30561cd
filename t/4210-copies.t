#!/bin/sh
# A database and its copy under the same root, both written on: their files
# have the same ids, and here even pages of the same form, but each has its
# own samples.
# Guards no law.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOF'
import os
import shutil
from blackbox import *

T0, N = 1893456000, 1000
root = tempdir() + "/root"
NOW = ["--now", "2030-01-01T06:00:00Z"]


def store(db, values, t):
    r = ingest(root, "".join("%s/m %d %d\n" % (db, v, (t + i) * 10**9)
                             for i, v in enumerate(values)), *NOW)
    same((r.status, r.err), (0, b""), "%s: stored" % db)
    r = flush(root, "--force", "--no-seal", db, *NOW)
    same((r.status, r.err), (0, b""), "%s: flushed" % db)


plan(12)
first = [i * i * 7919 % (1 << 20) for i in range(N)]
store("a", first, T0)
shutil.copytree(root + "/a", root + "/b")
for name in (".wal", ".cache"):
    if os.path.exists(root + "/b/a" + name):
        os.rename(root + "/b/a" + name, root + "/b/b" + name)

# The same numbers in another order, but for both ends: nothing in the page's
# directory but the checksum of the values tells one from the other.
more = {"a": first, "b": first[:1] + first[-2:0:-1] + first[-1:]}
for db in more:
    store(db, more[db], T0 + N)
for target in ("*/m", "a/m", "b/m"):
    r = query(root, "-f", "csv", "-s", "2030-01-01", target, *NOW)
    got = {}
    for line in r.out.decode().splitlines()[1:]:
        name, t, kind, value = line.split(",")
        got.setdefault(name[0], []).append(int(value))
    want = {db: first + more[db] for db in more if target[0] in ("*", db)}
    same((r.status, r.err), (0, b""), "%s: asked" % target)
    ok(got == want, "%s: each has its own" % target)
EOF
