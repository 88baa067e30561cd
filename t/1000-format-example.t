#!/bin/sh
# The worked example of ntdb-format(5), made into files, is what the manual
# says that it is: to ntdb-query, to ntdb-inspect, and to a reader written
# from the manual.

. "$(dirname "$0")/lib.sh"
need python3
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - "$NTDB_SRC/man/ntdb-format.5" <<'END'
import json
import os
import sys
from blackbox import *
from format_example import build, displays, unhex
from format_reader import Database, DataFile, Page

found = displays(sys.argv[1])
root = os.path.join(tempdir(), "root")
plan(11)
same(sorted(found), [("file", "home/catalog.json"),
                     ("hex", "home/data-2026-05-01.dat"),
                     ("hex", "home/home.wal"), ("hex", "list"),
                     ("hex", "page"),
                     ("text", "expected")],
     "the manual has the example")
build(root, found)
expected = found["text", "expected"]

r = query(root, "-f", "csv", "-s", "2026-05-01", "-e", "2026-05-02", "home")
same((r.status, r.err), (0, b""), "ntdb-query reads it")
same(r.out.decode().splitlines(), expected, "and prints what is said")

r = run(["ntdb-inspect", "verify", "-r", root, "home"])
same((r.status, r.err), (0, b""), "ntdb-inspect verify finds nothing wrong")


def inspect(what):
    r = run(["ntdb-inspect", what, "--json", "-r", root, "home"])
    if r.status != 0:
        diag(r)
        return []
    return json.loads(r.out)


pages = [(p["offset"], p["bytes"], p["samples"], p["epoch"], p["sealed"])
         for p in inspect("dat")]
same(pages, [(64, 58, 3, 1, False)], "ntdb-inspect dat tells of the page")
kinds = [(e["kind"], e["offset"]) for e in inspect("wal")]
same(kinds, [("clock", 76), ("metric", 76)] + 4 * [("sample", 76)] +
     [("tail", 133)], "ntdb-inspect wal tells of the records")
same([(m["id"], m["metric"], m["type"]) for m in inspect("catalog")],
     [(1, "room.temp", "float32"), (2, "door", "int32")],
     "ntdb-inspect catalog knows both metrics")


# The same from the reader that was written from the manual.
db = Database(os.path.join(root, "home"))
T = 1777636800 * 10**9
same(db.samples, {
    b"room.temp": [(T, 21.5), (T + 10**10, 21.6), (T + 2 * 10**10, 21.5),
                   (T + 3 * 10**10, 21.7)],
    b"door": [(T + 3 * 10**10, 1), (T + 4 * 10**10, -2000000000),
              (T + 5 * 10**10, 0)]}, "the independent reader agrees")

same(Page(unhex(found["hex", "page"]), 0).runs(),
     [(5, 1, [(1000, 7), (2000, 9), (3000, 13), (4000, 7)])],
     "the reader takes the other page for what the manual says")

# A list in a file of which nothing else is looked at.
f = DataFile.__new__(DataFile)
f.data = unhex(found["hex", "list"])
f.list_at, f.list_len = 0, len(f.data)
same(f.lasts(), {3: (1, 1000, -2), 260: (4, 990, 21.5)},
     "and the list of last samples")

# One bit of each part, flipped, is noticed.
unnoticed = []
for name in "home.wal", "data-2026-05-01.dat":
    path = os.path.join(root, "home", name)
    good = open(path, "rb").read()
    for at in range(len(good)):
        if name == "home.wal" and at >= 76:
            break
        bad = bytearray(good)
        bad[at] ^= 1 << at % 8
        open(path, "wb").write(bad)
        r = run(["ntdb-inspect", "verify", "-r", root, "home"])
        if r.status not in (65, 76):
            unnoticed.append((name, at, r))
    open(path, "wb").write(good)
same(unnoticed, [], "a flipped bit of header or page never passes")
done()
END
