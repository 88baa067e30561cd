#!/bin/sh
# Sealing that is killed, fails, or meets flushes, readers and rm on its way:
# what is stored stays just that, and the next run completes it.
# NTDB_LONG=1: a fault at every system call, and 100 random kills, not 10.
# Guards laws 13, 15, 16, 17, 18, 19, 20 and 21.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import os
import re
import subprocess
import threading
import time
from blackbox import *
from format_reader import DataFile, Log, partition
from tracing import *

need_strace()
finish = done
rng = seed()
temp = tempdir()
root = temp + "/root"
DAY = 86400 * 10**9
START = 1796083200 * 10**9      # 2026-12-01
DAT = "data-2026-12-0%d.dat"
# Nothing moves by itself, and a late sample is a sample.
SETTINGS = ("[page]\nmax_age = 1000w\nmax_records = 16000000\n"
            "max_bytes = 1GiB\n[metrics]\nlate = accept\nmax_future = 0s\n")
SEAL = ["ntdb-flush", "-r", root, "--seal", "--wait", "60s"]


def text(lines):
    return "".join(x + "\n" for x in lines).encode()


def some_of(metric, day, n, at=0):
    return ["k/%s %di %d" % (metric, 10000 * day + at + i,
                             START + day * DAY + (at + i) * 10**9)
            for i in range(n)]


def fresh(base, settings=SETTINGS):
    os.makedirs(base + "/k")
    without_own_metrics(base)
    with open(base + "/k/manifest.ini", "w") as f:
        f.write(settings)
    return base


def give(base, lines):
    r = ingest(base, text(lines))
    if r.status != 0 or r.err:
        diag(r)


def move(base, *args):
    r = flush(base, *move_args(), *args)
    if r.status != 0 or r.err:
        diag(r)


def data_file(name, base=root):
    with open("%s/k/%s" % (base, name), "rb") as f:
        return DataFile(f.read(), partition(name))


def states(name, base=root):
    """Of the pages of a file, whether they are sealed."""
    f = data_file(name, base)
    return [what[0].sealed for kind, *what in f.pages(len(f.data))
            if kind == "page"]


def files(base=root):
    return sorted(n for n in os.listdir(base + "/k")
                  if partition(n) is not None)


def all_sealed(base=root):
    return all(all(states(n, base)) for n in files(base))


def good(r, name):
    return ok(r.status == 0 and not r.err, name) or diag(r)


# ---- what is sealed

one = some_of("a", 0, 400) + some_of("b", 0, 300) + some_of("c", 1, 200)
two = some_of("a", 0, 20, 1000) + some_of("b", 2, 100)
three = some_of("d", 1, 50)

# Three partitions, nothing sealed, and samples in the log.
base = fresh(temp + "/new")
give(base, one)
move(base)
give(base, two)
move(base)
give(base, three)

# One sealed file with pages behind it, one without, an empty log.
base = fresh(temp + "/again")
give(base, one)
flush(base, "--seal")
give(base, two + three)
move(base)

# ---- the order of steps

for profile in ("strict", "balanced", "throughput"):
    copy_tree(temp + "/again", root)
    with open(root + "/engine.ini", "w") as f:
        f.write("[durability]\nprofile = %s\n" % profile)
    without_own_metrics(root)
    r, calls = traced(SEAL)
    good(r, profile + ": the traced sealing works")
    done = steps(calls)
    name, new = DAT % 1, DAT % 1 + ".seal"
    ok(in_order(done, ("lock", "maint.lock"), ("lock", "lock"),
                ("open", name), ("unlock", "lock"), ("create", new),
                ("write", new), ("sync", new), ("lock", "lock"),
                ("open", name), ("write", new), ("sync", new),
                ("rename", name), ("sync", "k"), ("unlock", "lock")),
       profile + ": its order")
    there = positions(done, "rename", name)[0]
    left = min(i for i in positions(done, "unlock", "lock") if i > there)
    ok(any(there < i < left for i in positions(done, "sync", "k")),
       profile + ": the directory is synced before the lock is let go")
    held = False
    outside = []
    for verb, what in done:
        held = verb == "lock" and what == "lock" or \
            held and (verb, what) != ("unlock", "lock")
        if verb == "rename" and not held:
            outside.append(what)
    same(outside, [], profile + ": every rename is under the lock")

# ---- what a killed flush has left behind is not carried over

base = fresh(temp + "/residue")
give(base, one)
move(base)
give(base, two)
run(["strace", "-o", "/dev/null", "-e",
     "inject=renameat:signal=SIGKILL:when=1", program("ntdb-flush"), "-r",
     base, *move_args()])
copy_tree(base, root)
before = export(root)
same(before, sorted(one + two), "residue: the log has it still")
f = data_file(DAT % 1)
log = Log(open(root + "/k/k.wal", "rb").read())
committed = log.committed[f.part, f.id]
ok(committed < len(f.data), "residue: %d bytes" % (len(f.data) - committed))
r = flush(root, "--now", "2028-01-01T00:00:00Z")
good(r, "residue: sealed without a flush")
same((states(DAT % 1), states(DAT % 2)), ([True], [True]),
     "residue: it is not in the sealed file")
same(export(root), before, "residue: nothing is there twice")
good(verify(root), "residue: verify")
move(root)
same(export(root), before, "residue: nor after a flush")

# ---- what happens between reading the pages and taking their place


def held_up(base, meanwhile, *faults):
    """Seal, and do something when it has synced the pages it has read."""
    copy_tree(base, root)
    h = Held(SEAL, "fdatasync", 1, *faults)
    ok(h.held and any(n.endswith(".seal") for n in os.listdir(root + "/k")),
       "it is held up") or diag(h.state())
    meanwhile()
    return h.go_on()


base = fresh(temp + "/carry")
give(base, one[:700])
move(base)
more = some_of("a", 0, 30, 5000) + some_of("late", 0, 5, 7)


def append():
    give(root, more)
    move(root)


r = held_up(base, append)
good(r, "a flush meanwhile")
same(export(root), sorted(one[:700] + more), "a flush meanwhile: all is there")
ok(all_sealed(), "a flush meanwhile: sealed in a second round")
good(verify(root), "a flush meanwhile: verify")
# The first rename is that of a new cache.
r = held_up(base, append, "-e", "inject=renameat:signal=SIGKILL:when=3")
same(states(DAT % 1), [True, False], "killed between: carried over as it is")
f = data_file(DAT % 1)
same(f.sealed_len, len(f.data), "which the sealed length covers")
same(export(root), sorted(one[:700] + more), "killed between: all is there")
good(verify(root), "killed between: verify")
os.unlink(root + "/k/k.cache")
r = ingest(root, text(more), "-v")
ok(r.status == 0 and b"35 duplicates" in r.err,
   "killed between: a new cache knows it") or diag(r)
give(root, some_of("z", 0, 1))
good(run(SEAL), "killed between: sealed again")
ok(all_sealed(), "killed between: all of it")
same(export(root), sorted(one[:700] + more + some_of("z", 0, 1)),
     "killed between: nothing is there twice")


def committed_only():
    give(root, more)


r = held_up(base, committed_only)
good(r, "a commit meanwhile")
same(export(root), sorted(one[:700] + more),
     "a commit meanwhile: stays in the log")

r = held_up(base, lambda: os.unlink(root + "/k/" + DAT % 1))
good(r, "rm meanwhile")
same(files(), [], "rm meanwhile: it does not come back")
same(temporary(root), [], "rm meanwhile: nothing is left")


def replace():
    path = root + "/k/" + DAT % 1
    with open(path, "rb") as f:
        data = f.read()
    os.unlink(path)
    with open(path, "wb") as f:
        f.write(data)


r = held_up(base, replace)
good(r, "cp meanwhile")
same(states(DAT % 1), [False], "cp meanwhile: it is left alone")
same(export(root), sorted(one[:700]), "cp meanwhile: and serves")

# Another process must not take its temporary file away.
r = held_up(base, lambda: flush(root, "--force"))
good(r, "another ntdb-flush meanwhile")
ok(all_sealed(), "another ntdb-flush meanwhile: it is sealed")

# ---- a reader that has opened the log already

copy_tree(temp + "/new", root)
QUERY = ["ntdb-query", "-r", root, "-f", "lp", "--time-format", "ns", "k"]
r, calls = traced(QUERY)
points = [c for c in calls if c.name == "openat" and ".dat" in c.args]
want = sorted(r.out.decode().splitlines())
same(want, sorted(one + two + three), "a reader by itself")
ok(len(points) >= 3, "it opens %d data files" % len(points))
for c in points[:1] if not is_long() else points:
    copy_tree(temp + "/new", root)
    h = Held(QUERY, "openat", c.nth - 1)
    r = run(SEAL)
    ok(h.held and r.status == 0, "sealed after it opened the log") or diag(r)
    r = h.go_on()
    same(sorted(r.out.decode().splitlines()), want,
         "it sees each sample once") or diag(r)
    same((r.status, r.err), (0, b""), "and says nothing")

# A long answer, of more files than are kept open, while they are sealed.
base = fresh(temp + "/many")
lines = [x for d in range(60) for x in some_of("a", d, 400) +
         some_of("b", d, 400)]
give(base, lines)
move(base)
copy_tree(base, root)
whole = query(root, *QUERY[3:]).out
p = subprocess.Popen([program(QUERY[0]), *QUERY[1:]], stdout=subprocess.PIPE,
                     stderr=subprocess.PIPE, bufsize=0)
head = p.stdout.read(100)
good(run(SEAL), "sealed while an answer of 60 files is being read")
out, err = p.communicate()
ok(head + out == whole and p.returncode == 0 and not err,
   "the answer is the same") or diag(err)
same(export(root), sorted(lines), "and so is the next")

# ---- a log that is lost, or older than what was sealed; an old file


def lines_now():
    r = query(root, *QUERY[3:])
    if r.status not in (0, 65):
        diag(r)
    return sorted(r.out.decode().splitlines())


base = fresh(temp + "/old")
give(base, one)
move(base)
give(base, two)
good(verify(base), "before an accident")
for name in "lost", "old":
    for cached in True, False:
        copy_tree(base, root)
        with open(root + "/k/k.wal", "rb") as f:
            log = f.read()
        good(run(SEAL), "log %s: sealed" % name)
        give(root, three)
        move(root)
        os.unlink(root + "/k/k.wal")
        if name == "old":
            with open(root + "/k/k.wal", "wb") as f:
                f.write(log)
        if not cached:
            os.unlink(root + "/k/k.cache")
        same(lines_now(), sorted(one + two + three),
             "log %s: all is served, once" % name)
        new = some_of("new", 1, 5)
        ok(ingest(root, text(new)).status == 0, "log %s: written on" % name)
        same(lines_now(), sorted(one + two + three + new),
             "log %s: all is there" % name)
        ok(run(SEAL).status == 0 and all_sealed(),
           "log %s: sealed again" % name)
        same(export(root), sorted(one + two + three + new),
             "log %s: nothing is there twice" % name)
        good(verify(root), "log %s: verify" % name)

copy_tree(base, root)
good(run(SEAL), "an old file: sealed")
with open(root + "/k/" + DAT % 1, "rb") as f:
    old = f.read()
give(root, three + some_of("a", 0, 9, 3000))
good(run(SEAL), "an old file: sealed again")
with open(root + "/k/" + DAT % 1, "wb") as f:
    f.write(old)
same(lines_now(), sorted(one + two + three),
     "a sealed file put back over a newer one serves what it has")
good(verify(root), "an old file: verify")

# ---- random kills, with a writer and a flush beside

base = fresh(temp + "/random", SETTINGS + "[retention]\npartition = month\n")
lines = [x for d in range(3) for x in some_of("a", d, 5000) +
         some_of("b", d, 5000)]
give(base, lines)
move(base)
copy_tree(base, root)
began = time.monotonic()
run(SEAL)
seconds = time.monotonic() - began
bad = 0
kills = 100 if is_long() else 10
copy_tree(base, root)
added = []
for k in range(kills):
    p = subprocess.Popen([program(SEAL[0]), *SEAL[1:]],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    timer = threading.Timer(rng.uniform(0, seconds), p.kill)
    timer.start()
    new = some_of("w", 0, 50, 100 * k)
    give(root, new)
    added += new
    if rng.random() < 0.5:
        move(root, "--wait", "60s")
    p.communicate()
    timer.cancel()
    got = query(root, *QUERY[3:])
    if got.status != 0 or got.err or sorted(
            got.out.decode().splitlines()) != sorted(lines + added):
        bad += 1
        diag("kill %d" % k)
        diag(got)
same(bad, 0, "%d random kills" % kills)
good(verify(root), "random kills: verify")
good(run(SEAL), "random kills: sealed in the end")
ok(all_sealed() and not temporary(root), "random kills: all of it")
same(export(root), sorted(lines + added), "random kills: all is there")
finish()
EOT
