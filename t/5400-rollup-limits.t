#!/bin/sh
# Results that are refused do not keep the others; buckets whose samples are
# gone, or a part of them, stay what they were.
# Guards law 23.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import os
from blackbox import *
from oracle import scan_civil, NS
from rollups import *

temp = tempdir()
NOW = ["--now", "2027-03-01"]
DAY = 86400 * NS


def put(root, lines):
    r = ingest(root, "".join(x + "\n" for x in lines), *NOW)
    if r.status != 0 or r.err:
        diag(r)


def names(root, db):
    return sorted({s[0] for s in stored(root, db)})


# ---- as many metrics as there may be: three jobs' results find room for one

root = temp + "/most"
write_manifest(root, "d", "[metrics]\nmax_metrics = 5\n")
write_manifest(root, "s", section(
    "all", source_pattern="*", destination_db="d", interval="1m") + section(
    "other", source_pattern="*", destination_db="e", interval="1m"))
put(root, ["s/%s %d 2027-01-01 00:%02d" % (m, i, i)
           for m in "abc" for i in range(10)])
r = rollup(root, *NOW)
same((r.status, r.err.count(b"\n")), (65, 1), "too many metrics")
ok(b"cannot store d/b.min: " in r.err and b"(and 9 more)" in r.err,
   "the first is told of, and how many there are")
same(len(stored(root, "d")), 50, "what has room is stored")
same(len(stored(root, "e")), 150, "and so is what others write")
before = files(root, "d")
same(rollup(root, *NOW).status, 65, "again")
ok(before == files(root, "d"), "nothing new")
write_manifest(root, "d", "")
r = rollup(root, *NOW)
same((r.status, r.err), (0, b""), "once there is room")
same((len(stored(root, "d")), len(names(root, "d"))), (150, 15),
     "all of it is there, once")

# What is refused once it is due by the clock, and came before the last run.
root = temp + "/due"
write_manifest(root, "d", "[metrics]\nmax_metrics = 1\n")
write_manifest(root, "s", section(
    "j", source_pattern="*", destination_db="d", interval="1m",
    aggregates="max"))
put(root, ["s/a 1i 2027-01-01 00:00", "s/a 2i 2027-01-01 00:01",
           "s/b 3i 2027-01-01 00:01"])
same(rollup(root, "--now", "2027-01-01 00:02").status, 0, "b is not due")
same(rollup(root, "--now", "2027-01-01 00:10").status, 65, "b is refused")
write_manifest(root, "d", "")
same(rollup(root, "--now", "2027-01-01 00:10").status, 0, "b finds room")
same([(x[0], x[3]) for x in stored(root, "d")],
     [("d/a.max", "1"), ("d/a.max", "2"), ("d/b.max", "3")], "and is there")

# ---- names of results: 1,023 bytes and no more

root = temp + "/names"
write_manifest(root, "s", section(
    "all", source_pattern="*", destination_db="d", interval="1m",
    aggregates="min count"))
fits, long = "f" * (1023 - 6), "l" * (1023 - 5)
put(root, ["s/%s %d 2027-01-01 00:%02d" % (m, i, i)
           for m in ("a", fits, long) for i in range(3)])
r = rollup(root, *NOW)
same((r.status, r.err.count(b"\n")), (65, 1), "a name that is too long")
ok(b"cannot store d/lll" in r.err and b"..." in r.err and
   b"more)" not in r.err, "is told of")
same(names(root, "d"), sorted(
    ["d/a.min", "d/a.count", "d/" + fits + ".min", "d/" + fits + ".count",
     "d/" + long + ".min"]), "others are stored")

# ---- samples that are gone: the first four days of two weeks

for name, keep in (("with a count", "sum count"), ("without", "sum last")):
    for interval in ("1h", "1w"):
        root = "%s/gone-%s-%s" % (temp, interval, name.replace(" ", "-"))
        write_manifest(root, "s", section(
            "j", source_pattern="*", destination_db="d", interval=interval,
            aggregates=keep))
        first = scan_civil("2027-01-04")        # a Monday
        put(root, ["s/m %di %d" % (i, first + i * DAY // 4)
                   for i in range(14 * 4)])
        flush(root, "--seal", *NOW)
        what = "%s, %s" % (interval, name)
        same(rollup(root, *NOW).status, 0, what)
        before = stored(root, "d")
        for day in range(4, 8):
            os.remove("%s/s/data-2027-01-%02d.dat" % (root, day))
        for args in (["--rebuild"], ["--rebuild"], []):
            r = rollup(root, *NOW, *args)
            same((r.status, r.err), (0, b""), what + ": " + " ".join(args))
            same(stored(root, "d"), before, what + ": buckets are kept")
        os.remove(root + "/s/rollup.checkpoints.log")
        same(rollup(root, *NOW).status, 0, what + ": checkpoints lost")
        same(stored(root, "d"), before, what + ": buckets are kept")
        # A late sample in a bucket that is whole counts all the same.
        with open(root + "/s/manifest.ini", "a") as f:
            f.write("[metrics]\nlate = accept\n")
        put(root, ["s/m 1000i 2027-01-15 01:00:01"])
        same(rollup(root, *NOW).status, 0, what + ": a late sample")
        changed = [(a[0], a[1], int(b[3]) - int(a[3]))
                   for a, b in zip(before, stored(root, "d")) if a != b]
        bucket = "%d" % (scan_civil("2027-01-11") if interval == "1w" else
                         scan_civil("2027-01-15 01:00"))
        if interval == "1w":
            want = [("d/m.sum", bucket, 1000)]
            if keep == "sum count":
                want.insert(0, ("d/m.count", bucket, 1))
            same(changed, want, what + ": changes its bucket")
        else:
            same(len(stored(root, "d")), len(before) + 2,
                 what + ": makes a bucket")
done()
EOT
