#!/bin/sh
# What expires, and when: cases worked by hand.  What goes with it.
# Guards laws 15, 22, 26 and 32.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import fcntl
import os
import shutil
import subprocess
from blackbox import *
from tracing import positions, steps, traced

temp = tempdir()
made = [0]
LATER = ["--now", "2200-12-31"]
MOVE = move_args() + ["--no-retention"]


def setting(**keys):
    return "[page]\nmax_age = 1000w\n[retention]\n" + "".join(
        "%s = %s\n" % (k if k == "partition" else "retention_" + k, v)
        for k, v in keys.items())


def manifest(root, db, text):
    os.makedirs("%s/%s" % (root, db), exist_ok=True)
    with open("%s/%s/manifest.ini" % (root, db), "w") as f:
        f.write(text)


def add(root, kind, *times, metric="a", moved=True):
    """A sample at each of the times, moved into a file of that kind."""
    manifest(root, "k", setting(partition=kind))
    r = ingest(root, "".join("k/%s %di %s\n" % (metric, i, t)
                             for i, t in enumerate(times)), *LATER)
    if r.status != 0 or r.err:
        diag(r)
    if moved:
        r = flush(root, *MOVE, *LATER)
        if r.status != 0 or r.err:
            diag(r)


def fresh():
    made[0] += 1
    root = "%s/%d" % (temp, made[0])
    return root


def files(root, name="k"):
    """What of its data files is there, without data- and .dat."""
    return sorted(x[5:-4] for x in os.listdir("%s/%s" % (root, name))
                  if x.startswith("data-") and x.endswith(".dat"))


def expire(root, now, *args, **keys):
    if keys:
        manifest(root, "k", setting(**keys))
    return flush(root, "--no-seal", "--now", now, *args)


def case(name, root, now, want, **keys):
    keys.setdefault("action", "delete")
    r = expire(root, now, **keys)
    same((r.status, r.out, r.err, files(root)), (0, b"", b"", want), name)


# ---- the boundary, at the second and below it

for now, left in (("2027-01-08T23:59:59Z", True),
                  ("2027-01-09T00:00:00Z", True),
                  ("2027-01-09T00:00:00.000000001Z", False),
                  ("2027-01-09T00:00:01Z", False)):
    root = fresh()
    add(root, "day", "2027-01-01 10:00", "2027-01-02", "2027-01-20")
    case("a day that ended on 2 January, 7 days: " + now, root, now,
         ["2027-01-01"] * left + ["2027-01-02", "2027-01-20"], days=7)
for now, left in (("2027-03-03T00:00:00Z", True),
                  ("2027-03-03T00:00:01Z", False)):
    root = fresh()
    add(root, "month", "2027-01-01", "2027-02-01", "2027-03-10")
    case("January, 30 days: " + now, root, now,
         ["2027-01"] * left + ["2027-02", "2027-03"], days=30)
for now, left in (("2028-03-02T00:00:00Z", True),
                  ("2028-03-02T00:00:01Z", False)):
    root = fresh()
    add(root, "month", "2028-02-03", "2028-03-01")
    case("a February of 29 days, 1 day: " + now, root, now,
         ["2028-02"] * left + ["2028-03"], days=1)
for now, left in (("2028-12-31T00:00:00Z", True),
                  ("2028-12-31T00:00:01Z", False)):
    root = fresh()
    add(root, "year", "2027-01-01", "2028-12-20")
    case("2027, 366 days less 1: " + now, root, now,
         ["2027"] * left + ["2028"], days=365)

# ---- kinds beside each other, each by its own span

root = fresh()
add(root, "forever", "2020-01-01")
add(root, "year", "2025-06-01", "2026-01-01")
add(root, "month", "2026-12-01", "2027-01-05")
add(root, "day", "2027-01-06", "2027-01-19", "2027-01-20")
case("mixed kinds, 10 days", root, "2027-01-20T12:00:00Z",
     ["2027-01", "2027-01-19", "2027-01-20", "forever"], days=10)
case("mixed kinds, 100000 days", root, "2027-01-20T12:00:00Z",
     ["2027-01", "2027-01-19", "2027-01-20", "forever"], days=100000)
case("a size: forever goes, and what holds the newest stays", root,
     "2027-01-20T12:00:00Z", ["2027-01-20"], size=1)
root = fresh()
add(root, "forever", "2020-01-01", "2027-01-20")
case("forever holds the newest: neither days nor size", root,
     "2027-02-10", ["forever"], days=1, size=1)
root = fresh()
add(root, "day", "1960-05-05", "1969-12-31 23:59:59", "1970-01-01")
case("before 1970", root, "2027-01-01", ["1970-01-01"], days=20)

# ---- the newest sample

root = fresh()
add(root, "day", "2027-01-01", "2027-01-02")
case("the file with the newest sample never expires", root, "2027-01-25",
     ["2027-01-02"], days=7)
case("not by size either", root, "2027-01-25", ["2027-01-02"], size=1)
root = fresh()
add(root, "day", "2027-01-01", "2027-01-02", "2027-01-03")
add(root, "day", "2027-02-10", moved=False)
case("the newest sample is in the log: files before go", root, "2027-02-10",
     [], days=7)
root = fresh()
add(root, "day", "2027-01-01", "2027-01-02")
add(root, "day", "2027-01-02 12:00", moved=False)
case("it is in the log, of a day that has a file", root, "2027-01-25",
     ["2027-01-02"], days=7)
same(query(root, "-f", "csv", "-s", "2026-12-31", "k").out.count(b"\n"), 3,
     "with all that is in the file")
root = fresh()
add(root, "day", "2027-01-01", metric="z")
add(root, "day", "2026-12-01", "2026-12-02")
case("of any metric", root, "2027-01-25", ["2027-01-01"], days=7)
root = fresh()
add(root, "day", "2027-01-01", "2027-01-02", "2200-01-01")
case("a sample of 2200: the others go by the clock", root,
     "2027-01-09T00:00:01Z", ["2027-01-02", "2200-01-01"], days=7)

# ---- clocks that are wrong

days = ["2027-01-%02d" % d for d in (1, 15, 19, 20)]
root = fresh()
add(root, "day", *(d + " 12:00" for d in days))
case("a clock of 2099, 60 days: 31 days after the newest it is", root,
     "2099-01-01", days, days=60)
# 31 days after 20 January, 12:00, it is 20 February: 30 days before that
# is 21 January, 12:00, and 31 days before is the 20th.
case("a clock of 2099, 31 days", root, "2099-01-01", days[3:], days=31)
root = fresh()
add(root, "day", *(d + " 12:00" for d in days))
case("a clock of 2099, 32 days", root, "2099-01-01", days[2:], days=32)
for now in ("1970-01-01", "2026-10-31T23:59:59Z"):
    root = fresh()
    add(root, "day", "2000-01-01", "2001-01-01")
    case("a clock of %s is not set: days" % now[:4], root, now,
         ["2000-01-01", "2001-01-01"], days=1)
    case("and size", root, now, ["2000-01-01", "2001-01-01"], size=1)
case("and on 1 November 2026 it is", root, "2026-11-01", ["2001-01-01"],
     size=1)

# ---- sizes


def total(root):
    return sum(os.path.getsize("%s/k/%s" % (root, x))
               for x in os.listdir(root + "/k")
               if x.endswith((".dat", ".wal", "catalog.json")))


NOW = "2027-01-25"
root = fresh()
add(root, "day", *("2027-01-%02d" % d for d in range(1, 10)))
with open(root + "/k/archive-2026-01.tar", "wb") as f:
    f.write(bytes(10**6))
size = total(root)
case("just the size it has", root, NOW,
     ["2027-01-%02d" % d for d in range(1, 10)], size=size)
case("one byte less: the oldest goes", root, NOW,
     ["2027-01-%02d" % d for d in range(2, 10)], size=size - 1)
each = os.path.getsize(root + "/k/data-2027-01-05.dat")
case("three files less and a byte", root, NOW,
     ["2027-01-%02d" % d for d in range(6, 10)],
     size=total(root) - 3 * each - 1)
root = fresh()
add(root, "month", "2027-01-01")
add(root, "day", "2027-01-15", "2027-01-20")
case("by size, in the order of the ends", root, NOW,
     ["2027-01", "2027-01-20"], size=total(root) - 1)
case("and days are looked at first", root, NOW,
     ["2027-01", "2027-01-20"], days=3, size=total(root))

# ---- settings

root = fresh()
add(root, "day", "2027-01-01", "2027-01-20")
for action in ("delete", "archive", "keep"):
    case("%s without days or size" % action, root, NOW,
         ["2027-01-01", "2027-01-20"], action=action)
for text in ("days = 3", "size = 1"):
    for more in ("", "retention_action = keep\n"):
        manifest(root, "k", "[retention]\nretention_%s\n%s" % (
            text, more))
        r = flush(root, "--now", NOW)
        same((r.status, r.err.count(b"\n"), files(root)),
             (78, 1, ["2027-01-01", "2027-01-20"]),
             "%s, %s: a configuration error" % (text, more or "no action"))
r = expire(root, NOW, "--no-retention", days=7, action="delete")
same((r.status, r.err, files(root)), (0, b"", ["2027-01-01", "2027-01-20"]),
     "--no-retention")

# ---- dry run, and what is said


def look(root):
    return {x: os.stat("%s/k/%s" % (root, x))[1:9]
            for x in os.listdir(root + "/k")}


def held(root, name):
    f = open("%s/k/%s" % (root, name))
    fcntl.flock(f, fcntl.LOCK_EX)
    return f


each = os.path.getsize(root + "/k/data-2027-01-01.dat")
before = look(root)
with held(root, "lock"), held(root, "maint.lock"):
    r = expire(root, NOW, "-n", "--wait", "0")
same((r.status, r.out, r.err), (
    0, b"k: would delete data-2027-01-01.dat, %d bytes\n" % each, b""),
    "dry run, while others have the locks")
manifest(root, "k", setting(days=7, action="archive"))
before = look(root)
r = expire(root, NOW, "--dry-run")
same((r.status, r.out, r.err), (
    0, b"k: would move data-2027-01-01.dat to archive-2027-01.tar, "
    b"%d bytes\n" % each, b""), "dry run of an archive")
same(look(root), before, "nothing is changed by it")
with held(root, "maint.lock"):
    r = expire(root, NOW, "--wait", "0")
same((r.status, r.err, look(root) == before), (0, b"", True),
     "somebody rewrites data files: done in the next run")
with held(root, "lock"):
    r = expire(root, NOW, "--wait", "0")
same((r.status, r.err.count(b"\n"), files(root)),
     (75, 1, ["2027-01-01", "2027-01-20"]), "somebody writes")
r = expire(root, NOW, "-v", days=7, action="delete")
same((r.status, r.err.splitlines()[-1], files(root)), (
    0, b"ntdb-flush: k: deleted data-2027-01-01.dat, %d bytes" % each,
    ["2027-01-20"]), "-v")
ok(not [x for x in os.listdir(root + "/k") if x.startswith("archive")],
   "no archive was made meanwhile")

# ---- one that cannot be removed does not keep the others

root = fresh()
add(root, "day", "2027-01-01", "2027-01-02", "2027-01-20")
with open(root + "/k/data-2026-12-01.dat", "wb") as f:
    f.write(b"not a data file")
os.mkdir(root + "/k/data-2026-12-02.dat")
case("a file that is none goes with its day, a directory stays", root, NOW,
     ["2026-12-02", "2027-01-20"], days=7)
root = fresh()
add(root, "day", "2027-01-01", "2027-01-20")
with open(root + "/k/data-2027-01-22.dat", "wb") as f:
    f.write(b"not a data file" * 10)
case("one that might hold the newest stays, by size too", root, "2027-02-15",
     ["2027-01-20", "2027-01-22"], size=1)

# ---- samples that arrive for what has expired

root = fresh()
add(root, "day", "2027-01-20")
add(root, "day", "2027-01-01", metric="late")
case("expired", root, NOW, ["2027-01-20"], days=7)
add(root, "day", "2027-01-01 01:00", metric="other", moved=False)
r = expire(root, NOW, "--force", "--no-retention", days=7, action="delete")
same(files(root), ["2027-01-01", "2027-01-20"], "the log brings it again")
case("and the next run removes it", root, NOW, ["2027-01-20"], days=7)
add(root, "day", "2027-01-01 02:00", metric="other2", moved=False)
r = expire(root, NOW, "--force", days=7, action="delete")
same((r.status, r.err, files(root)), (0, b"", ["2027-01-20"]),
     "both in one run")
r = run(["ntdb-inspect", "-r", root, "verify"])
same(r.status, 0, "verify finds nothing")

# ---- last samples


def lasts(root):
    r = query(root, "-f", "csv", "k")
    if r.status != 0 or r.err:
        diag(r)
    return [(x[0], x[3]) for x in csv_rows(r.out)]


def lasts_anew(root):
    """The same when the state cache was lost."""
    os.path.exists(root + "/k/k.cache") and os.unlink(root + "/k/k.cache")
    return lasts(root)


root = fresh()
add(root, "day", "2027-01-01", "2027-01-02", metric="dead")
add(root, "day", "2027-01-01", "2027-01-20", metric="alive")
add(root, "day", "2026-12-30", "2027-01-20", metric="logged", moved=False)
p = subprocess.Popen([program("ntdb-ingest"), "-r", root, "--progress",
                      *LATER], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
p.stdin.write(b"k/dead 7i 2027-01-02 12:00\n")
p.stdin.flush()
p.stderr.readline()
same(len(lasts(root)), 3, "three metrics")
manifest(root, "k", setting(days=7, action="delete"))
r = flush(root, *MOVE, "--now", NOW)
p.stdin.write(b"k/logged 1i 2027-01-20 12:00\n")
p.stdin.flush()
p.stderr.readline()
case("one of them dies out", root, NOW, ["2027-01-20"], days=7)
want = [("k/alive", "1"), ("k/logged", "1")]
same(lasts(root), want, "it has no last sample")
p.stdin.write(b"k/dead 8i 2027-01-02 11:00\n")
p.stdin.flush()
same(p.stderr.readline(), b"committed 3\n",
     "a writer that ran on takes one of an earlier time")
same(p.communicate()[1:], (b"",), "and nothing is refused")
same(lasts(root), [want[0], ("k/dead", "8"), want[1]], "it has that then")
same(lasts_anew(root), [want[0], ("k/dead", "8"), want[1]],
     "without the cache too")
r = expire(root, NOW, "--force")
same((r.status, files(root), lasts(root), lasts_anew(root)),
     (0, ["2027-01-20"], want, want), "until it expires")

# Killed when the file is gone and the state is not made anew yet.
if shutil.which("strace") is None:
    skip("killed behind the removal of a file", "no strace")
    skip("its metric has no last sample", "no strace")
    skip("removed under both locks", "no strace")
else:
    root = fresh()
    add(root, "day", "2027-01-01", metric="dead")
    add(root, "day", "2027-01-20")
    manifest(root, "k", setting(days=7, action="delete"))
    subprocess.run(["strace", "-o", "/dev/null", "-e",
                    "inject=fsync:signal=SIGKILL:when=1",
                    program("ntdb-flush"), "-r", root, "--no-seal", "--now",
                    NOW], stderr=subprocess.DEVNULL)
    same(files(root), ["2027-01-20"], "killed behind the removal of a file")
    r = ingest(root, "k/dead 1i 2026-12-01\n", *LATER)
    same((r.status, r.err), (0, b""), "its metric has no last sample")
    root = fresh()
    add(root, "day", "2027-01-01", "2027-01-20")
    manifest(root, "k", setting(days=7, action="delete"))
    r, calls = traced(["ntdb-flush", "-r", root, "--no-seal", "--now", NOW])
    did = steps(calls)
    gone = positions(did, "remove", r"data-2027-01-01\.dat")
    locks = {name: verb for verb, name in did[:gone[0]]
             if verb in ("lock", "unlock")} if gone else {}
    same(locks, {"maint.lock": "lock", "lock": "lock"},
         "removed under both locks")

# ---- a reader goes on

root = fresh()
add(root, "day", "2027-01-20", metric="b")
manifest(root, "k", setting(partition="day"))
lines = "".join("k/a %di 2027-01-%02d %02d:%02d:%02d\n" % (
    i, 1 + i // 43200, i % 43200 // 1800, i % 43200 % 1800 // 30,
    i % 43200 % 30) for i in range(4 * 43200))
r = ingest(root, lines, *LATER)
flush(root, *MOVE, *LATER)
p = subprocess.Popen([program("ntdb-query"), "-r", root, "-f", "csv", "-s",
                      "2026-12-31", "k/a"], stdout=subprocess.PIPE,
                     stderr=subprocess.PIPE, bufsize=0)
first = p.stdout.read(1000)
case("its files expire while a query runs", root, NOW, ["2027-01-20"],
     days=7)
out, err = p.communicate()
rows = (first + out).splitlines()[1:]
values = [int(x.rsplit(b",", 1)[1]) for x in rows]
same((p.returncode, err, values == sorted(set(values))), (0, b"", True),
     "the query ends well, and nothing comes twice")
whole = [d for d in range(4) if set(range(d * 43200, (d + 1) * 43200)) &
         set(values)]
same(len(values), 43200 * len(whole), "every day is there whole or not")

done()
EOT
