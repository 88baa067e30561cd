#!/bin/sh
# The order in which files are written, synced and renamed, as strace sees
# it: what a step relies on is on the disk before the step is.
# Guards laws 1, 4, 7, 8, 9, 12, 24, 27 and 31.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import os
import time
import roundtrip
from blackbox import *
from tracing import *

finish = done
need_strace()
temp = tempdir()
NOW = ["--now", "2024-05-06T14:00:00Z"]
START = 1715000000 * 10**9
DAY = 86400 * 10**9
LOG, LOG_TMP = "k.wal", "k.wal.tmp"
CAT, CAT_TMP = "catalog.json", "catalog.json.tmp"
made = [0]


def fresh(engine="", manifest="[page]\nmax_age = 1000w\n"):
    made[0] += 1
    root = "%s/%d" % (temp, made[0])
    roundtrip.manifest(root, "k", manifest)
    with open(root + "/engine.ini", "w") as f:
        f.write(engine)
    without_own_metrics(root)
    return root


def give(root, *lines):
    r = ingest(root, "".join(x + "\n" for x in lines))
    if r.status != 0 or r.err:
        diag(r)


def traced_flush(root):
    r, calls = traced(["ntdb-flush", "-r", root, *move_args()])
    same((r.status, r.err), (0, b""), "the traced flush works")
    return steps(calls)


def traced_ingest(root, text, *args):
    r, calls = traced(["ntdb-ingest", "-r", root, "--progress", *args],
                      text.encode())
    same((r.status, r.err), (0, b"committed 1\n"), "the traced ingest works")
    return steps(calls)


def records(root):
    """The kinds of records in the log: metric, sample..."""
    r = run(["ntdb-inspect", "-r", root, "wal", "k"])
    if r.status != 0:
        diag(r)
    return r.out.decode()


def publishes(done, day, profile):
    """The order of a flush that makes a data file and a catalog."""
    data = r"data-%s\.dat" % day
    want = [("lock", "lock"), ("open", LOG), ("write", data + r"\.tmp"),
            ("rename", data),
            ("write", data)]
    if profile != "throughput":
        want.append(("sync", data))
    if profile == "strict":
        want += [("write", CAT_TMP), ("sync", CAT_TMP), ("rename", CAT)]
    want += [("sync", "k"), ("write", LOG_TMP), ("sync", LOG_TMP),
             ("rename", LOG), ("sync", "k")]
    # Without a sync it comes behind the log that has all names.
    if profile != "strict":
        want += [("write", CAT_TMP), ("rename", CAT)]
    return in_order(done, *want, ("unlock", "lock"))


# ---- flush

for profile in ("strict", "balanced", "throughput"):
    root = fresh("[durability]\nprofile = %s\n" % profile)
    give(root, "k/a 1i %d" % START, "k/b 2i %d" % START)
    done = traced_flush(root)
    ok(publishes(done, "2024-05-06", profile), profile + ": order")
    ok(not positions(done, "open", LOG) or min(positions(done, "open", LOG)) >
       min(positions(done, "lock", "lock")),
       profile + ": the log is opened under the lock")
    same(len(positions(done, "sync", r"data-.*")),
         0 if profile == "throughput" else 1, profile + ": data synced")
    same(len(positions(done, "sync", CAT_TMP)), int(profile == "strict"),
         profile + ": catalog synced")
    wal = records(root)
    same(("metric" in wal, "k/a" in wal.split()),
         (profile != "strict", profile != "strict"),
         profile + ": the new log holds the names that may be lost")
    # The same metrics, a file that is there: less is to be done.
    give(root, "k/a 3i %d" % (START + 1))
    done = traced_flush(root)
    same(len(positions(done, "sync", "k")), 1,
         profile + ": no entry is new, one sync of the directory")
    ok(in_order(done, *([("write", "data-2024-05-06.dat")] + (
        [("sync", "data-2024-05-06.dat")] if profile != "throughput" else [])
        + [("sync", LOG_TMP), ("rename", LOG), ("sync", "k")])),
        profile + ": order of the second")
    same(len(positions(done, "rename", CAT)), 0,
         profile + ": the catalog stays")

# ---- a catalog that is not synced replaces one that was

root = fresh("[durability]\nprofile = strict\n")
give(root, "k/a 1i %d" % START)
flush(root, *move_args())
same("metric" in records(root), False, "after strict, the log is empty")
with open(root + "/engine.ini", "w") as f:
    f.write("[durability]\nprofile = balanced\n")
give(root, "k/b 1i %d" % START)
flush(root, *move_args())
same(sorted({"k/a", "k/b"} & set(records(root).split())), ["k/a", "k/b"],
     "then balanced: the log repeats all names")
flush(root, *move_args())
give(root, "k/b 2i %d" % (START + 1))
flush(root, *move_args())
same(sorted({"k/a", "k/b"} & set(records(root).split())), ["k/a", "k/b"],
     "and so does the next")
with open(root + "/engine.ini", "w") as f:
    f.write("[durability]\nprofile = strict\n")
give(root, "k/b 3i %d" % (START + 2))
done = traced_flush(root)
ok(in_order(done, ("sync", CAT_TMP), ("rename", CAT), ("sync", "k"),
            ("rename", LOG)), "strict again: the catalog is synced at last")
same("metric" in records(root), False, "and the log is empty again")

# ---- entries that a killed flush has made are synced before they count

for at, when in (("fdatasync", 1), ("renameat", 2)):
    root = fresh()
    give(root, "k/a 1i %d" % START)
    flush(root, *move_args())
    give(root, "k/a 2i %d" % (START + DAY))
    run(["strace", "-o", "/dev/null", "-e", "inject=%s:signal=SIGKILL:when=%d"
         % (at, when), program("ntdb-flush"), "-r", root, *move_args()])
    ok(os.path.exists(root + "/k/data-2024-05-07.dat"),
       "killed at %s: the file is there" % at)
    done = traced_flush(root)
    ok(in_order(done, ("cut", "data-2024-05-07.dat"),
                ("write", "data-2024-05-07.dat"),
                ("sync", "data-2024-05-07.dat"), ("sync", "k"),
                ("rename", LOG), ("sync", "k")),
       "killed at %s: the next cuts, and syncs the directory first" % at)
root = fresh()
give(root, "k/a 1i %d" % START)
flush(root, *move_args())
give(root, "k/a %di %d" % (2**40, START + 1))
run(["strace", "-o", "/dev/null", "-e", "inject=fsync:signal=SIGKILL:when=1",
     program("ntdb-flush"), "-r", root, *move_args()])
ok("int64" in open(root + "/k/catalog.json").read(),
   "killed after the catalog of a widened metric")
done = traced_flush(root)
ok(in_order(done, ("sync", CAT_TMP), ("rename", CAT), ("sync", "k"),
            ("rename", LOG)), "the next writes it again, and syncs it")

# ---- commits

root = fresh()
done = traced_ingest(root, "k/a 1i %d\n" % START)
ok(in_order(done, ("lock", "lock"), ("open", LOG), ("write", LOG),
            ("unlock", "lock"), ("write", "fd 2")),
   "segment: lock, log, write, acknowledge")
same(positions(done, "sync", LOG), [], "segment: no sync of the log")
for engine, args in (("[wal]\nfsync_policy = always\n", []),
                     ("", ["--sync"])):
    root = fresh(engine)
    done = traced_ingest(root, "k/a 1i %d\n" % START, *args)
    ok(in_order(done, ("lock", "lock"), ("open", LOG), ("write", LOG),
                ("sync", LOG), ("write", "fd 2")),
       "%s: synced before it is acknowledged" % (args or engine.split()[-1]))
    done = traced_ingest(root, "k/a 2i %d\n" % (START + 1), *args)
    same(len(positions(done, "sync", ".*")), 1, "once, and nothing else")

# The entry of a new log that a killed flush has not synced.
root = fresh()
give(root, "k/a 1i %d" % START)
flush(root, *move_args())
give(root, "k/a 2i %d" % (START + 1))
run(["strace", "-o", "/dev/null", "-e", "inject=fsync:signal=SIGKILL:when=1",
     program("ntdb-flush"), "-r", root, *move_args()])
done = traced_ingest(root, "k/a 3i %d\n" % (START + 2), "--sync")
ok(in_order(done, ("sync", "k"), ("write", "fd 2")) and
   in_order(done, ("write", LOG), ("sync", LOG), ("write", "fd 2")),
   "a log whose rename was not synced: --sync syncs the directory too")

# ---- a duration: by the time of change of the lock file

root = fresh("[wal]\nfsync_policy = 10s\n")
give(root, "k/a 1i %d" % START)


def age(seconds):
    t = time.time() - seconds
    os.utime(root + "/k/lock", (t, t))


n = [1]


def synced(*args):
    n[0] += 1
    done = traced_ingest(root, "k/a %di %d\n" % (n[0], START + n[0]), *args)
    return len(positions(done, "sync", LOG))


age(3)
same(synced(), 0, "10s: 3 s after the last sync there is none")
same(synced("--now", "2024-05-06T15:00:00Z"), 0, "whatever --now says")
age(11)
same(synced("--now", "2024-05-06T13:00:00Z"), 1, "after 11 s there is one")
same(synced(), 0, "and then none again")
age(-3600)
same(synced(), 1, "a sync in the future does not count")

# ---- direct commits

root = fresh(manifest="[wal]\nenabled = no\n")
done = traced_ingest(root, "k/a 1i %d\n" % START)
ok(publishes(done, "2024-05-06", "strict"), "direct: the order of a flush")
ok(in_order(done, ("rename", LOG), ("sync", "k"), ("write", "fd 2")),
   "direct: acknowledged at the end")

# ---- after a sync that failed

root = fresh()
give(root, "k/a 1i %d" % START)
before = os.stat(root + "/k/k.wal").st_ino
r = run(["strace", "-o", "/dev/null", "-e",
         "inject=fdatasync:error=EIO:when=1", program("ntdb-ingest"),
         "-r", root, "--sync"], "k/a 2i %d\n" % (START + 1))
same(r.status, 74, "a sync of the log that fails: not acknowledged")
ok(os.stat(root + "/k/k.wal").st_ino != before,
   "and nothing is appended to that log again")

# ---- rollups

def with_job():
    root = fresh(manifest="[rollup.h]\nsource_pattern = *\ninterval = 1h\n"
                 "destination_db = d\n")
    give(root, *["k/a %di %d" % (i, START + i * 1800 * 10**9)
                 for i in range(9)])
    return root


root = with_job()
CHECK = r"rollup\.checkpoints\.log(\.tmp)?"
for what in ("into a new database", "into one that is there"):
    r, calls = traced(["ntdb-rollup", "-r", root, *NOW])
    same((r.status, r.err), (0, b""), "the traced rollup works")
    done = steps(calls)
    first = positions(done, "write", CHECK)[0]
    ok(any(max(positions(done, "write", r"d\.wal")) < i < first
           for i in positions(done, "sync", r"d\.wal")),
       "rollup %s: the destination is synced before the checkpoint" % what)
    ok(any(i < first for i in positions(done, "sync", "k.wal")),
       "and the source's log")
    ok(any(i > first for i in positions(done, "sync", CHECK)),
       "and then the checkpoints")
    give(root, "k/a 99i %d" % (START + 4 * 3600 * 10**9 + 5400 * 10**9))

# One that is killed before its results are synced: the next finds them.
killed = 0
for nth in range(1, 9):
    root = with_job()
    run(["strace", "-o", "/dev/null", "-e", "inject=fdatasync:signal=SIGKILL:"
         "when=%d" % nth, program("ntdb-rollup"), "-r", root, *NOW])
    if not os.path.exists(root + "/d") or \
            os.path.exists(root + "/k/rollup.checkpoints.log") or \
            len(samples(root, "d")) == 0:
        continue
    killed += 1
    r, calls = traced(["ntdb-rollup", "-r", root, *NOW])
    ok(in_order(steps(calls), ("sync", r"d\.wal"), ("write", CHECK)),
       "killed at sync %d: the next run syncs what it finds" % nth)
ok(killed > 0, "%d were killed between writing and the sync" % killed)

# ---- many files: one sweep

root = fresh()
give(root, *["k/a %di %d" % (i, START + i * DAY) for i in range(20)])
done = traced_flush(root)
last = max(positions(done, "write", r"data-.*"))
ok(any(last < i < positions(done, "rename", CAT)[0]
       for i in positions(done, "sync", "k")) and
   not positions(done, "sync", r"data-.*"),
   "20 files are synced in one sweep")

# ---- a database is made complete

root = temp + "/new"
done = traced_ingest(root, "k/a 1i %d\n" % START)
ok(in_order(done, ("sync", "manifest.ini.tmp"), ("rename", "manifest.ini"),
            ("sync", CAT_TMP), ("rename", CAT), ("sync", LOG_TMP),
            ("rename", LOG), ("sync", ".k.new"), ("rename", "k"),
            ("sync", root), ("write", LOG)),
   "a new database: complete and synced before it has its name")
finish()
EOT
