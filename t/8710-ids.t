#!/bin/sh
# Ids of metrics are never given away again, whatever told of them is gone:
# catalog, log, pages, or a name in the log that is damaged.
# Guards law 5.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import json
import os
import subprocess
import zlib
import roundtrip
from blackbox import *

temp = tempdir()
START = 1715000000 * 10**9
made = [0]


def fresh():
    made[0] += 1
    root = "%s/%d" % (temp, made[0])
    roundtrip.manifest(root, "k", "[page]\nmax_age = 1000w\n")
    without_own_metrics(root)
    return root


def remove(root, *names):
    for name in ("k.cache", *names):
        if os.path.exists("%s/k/%s" % (root, name)):
            os.unlink("%s/k/%s" % (root, name))


def ids(root):
    """{name: id} of the catalog, after a flush."""
    flush(root, *move_args())
    with open(root + "/k/catalog.json") as f:
        return {m["name"]: m["id"] for m in json.load(f)["metrics"]}


def given(root, text):
    r = ingest(root, text)
    return ok(r.status == 0, "a new metric") or diag(r)


def last_is_new(root, what):
    """The next metric has an id above the two that were there."""
    given(root, "k/new 7i %d\n" % START)
    found = ids(root)
    ok(found["new"] >= 3, "%s: its id is another (%d)" % (what, found["new"]))
    same([r for r in samples(root, "k") or [] if r[0] == "k/new"],
         [["k/new", str(START), "int32", "7"]], what + ": its samples are its own")


TWO = "k/a 1i %d\nk/b 2i %d\n" % (START, START + 1)
for what, gone in (("catalog and pages are gone",
                    ["catalog.json", "data-2024-05-06.dat"]),
                   ("pages are gone", ["data-2024-05-06.dat"]),
                   ("log is gone", ["k.wal"]),
                   ("catalog is gone", ["catalog.json"]),
                   ("catalog and log are gone", ["catalog.json", "k.wal"])):
    root = fresh()
    given(root, TWO)
    same(ids(root), {"a": 1, "b": 2}, "%s: ids are given from 1 on" % what)
    remove(root, *gone)
    last_is_new(root, what)

# The name of b is damaged in the log; a batch behind it has a sample of it.
root = fresh()
given(root, TWO.splitlines(True)[0])
p = subprocess.Popen([program("ntdb-ingest"), "-r", root, "--progress"],
                     stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
for i in range(2):
    p.stdin.write(b"k/b %di %d\n" % (i, START + i))
    same(p.stderr.readline(), b"committed %d\n" % (i + 1), "a batch of its own")
p.communicate()
with open(root + "/k/k.wal", "r+b") as f:
    data = f.read()
    f.seek(data.rindex(b"\x01b"))
    f.write(b"\x02")
remove(root)
last_is_new(root, "a damaged name in the log")


# An id far beyond those with names is in use, as the log's header says: there
# is none behind it to give out.  That costs new metrics, and nothing else.
def highest(root, most):
    with open(root + "/k/k.wal", "r+b") as f:
        head = bytearray(f.read())
        end = int.from_bytes(head[12:16], "little")
        head[36:40] = most.to_bytes(4, "little")
        head[end - 4:end] = zlib.crc32(head[:end - 4]).to_bytes(4, "little")
        f.seek(0)
        f.write(head)
    remove(root)


for most, status in ((2**20 + 2, 0), (2**20 + 3, 65), (2**32 - 1, 65)):
    root = fresh()
    given(root, TWO)
    same(ids(root), {"a": 1, "b": 2}, "%d is used: two metrics" % most)
    highest(root, most)
    r = ingest(root, "k/a 3i %d\nk/new 7i %d\nk/b 4i %d\n" % (
        (START + 5,) * 3))
    same(r.status, status, "%d is used: another metric is %s" % (
        most, "refused" if status else "taken"))
    same(r.err.count(b"no id is left"), status and 1, "and that is told")
    same(sorted(x[0] for x in samples(root, "k")),
         ["k/a"] * 2 + ["k/b"] * 2 + ["k/new"] * (status == 0),
         "its neighbours are stored")
    same(run([program("ntdb-inspect"), "verify", "-r", root, "k"]).status, 0,
         "nothing is damaged")
done()
EOT
