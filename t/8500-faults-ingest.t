#!/bin/sh
# A kill and an error at every system call, and writes that are short, where
# samples are stored and moved into data files.  Laws 1, 2, 4, 7, 9, 10, 12,
# 14, 27 and 31.
# NTDB_LONG=1: every call with every fault; else a part of them.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import os
from blackbox import *
from fault_samples import *
from faults import *

finish = done
need_strace()
rng = seed()
temp = tempdir()
made = [0]

# Three partitions, a metric that begins late, one that grows wider.
part1 = some_of("a", 0, 50, "%d.5") + some_of("b", 0, 50)
part2 = some_of("a", 1, 50, "%d.25") + some_of("b", 1, 50, "%d000000000i") + \
    some_of("c", 2, 30, "%d.125")
part3 = some_of("d", 3, 3)
both = part1 + part2


def base(*steps, **kw):
    """A root after these: lists of lines, or options of a flush."""
    made[0] += 1
    root = fresh("%s/base%d" % (temp, made[0]), **kw)
    for step in steps:
        if isinstance(step, list):
            give(root, step)
        else:
            move(root)
    return root


def killed(at, **kw):
    """The same, and a flush that was killed at its first such call."""
    root = base(part1, "move", part2, **kw)
    run(["strace", "-o", "/dev/null", "-e",
         "inject=%s:signal=SIGKILL:when=1" % at, program("ntdb-flush"), "-r",
         root, "--force", *NOW])
    return root


def damaged():
    """With bytes in the log that are no batch, and batches around them."""
    root = base(part1, "move")
    give(root, part3)
    at = os.path.getsize(root + "/k/k.wal") - 1
    give(root, part2)
    with open(root + "/k/k.wal", "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))
    return root


def log_lost():
    """Pages without a log."""
    root = base(part1, "move")
    os.unlink(root + "/k/k.wal")
    return root


def cache_lost():
    """Last samples in sealed pages, others, and the log, and no cache."""
    root = base(some_of("a", 0, 300), some_of("b", 0, 20))
    flush(root, "--seal", *NOW)
    give(root, some_of("a", 0, 20, at=400))
    move(root)
    give(root, some_of("c", 0, 20))
    os.unlink(root + "/k/k.cache")
    return root


def synced_long_ago(root):
    os.utime(root + "/k/lock", (1, 1))
    return root


run_matrix([
    Ingest("first ingest", temp + "/none", [], [part1], temp),
    Ingest("second ingest", synced_long_ago(base(
        part1, "move", part3, engine="[wal]\nfsync_policy = 10s\n")),
        part1 + part3, [part2], temp),
    Ingest("ingest --sync of three files", base(part1),
           part1, [part2, part3, some_of("e", 4, 2)], temp, ["--sync"]),
    Ingest("first ingest --sync", temp + "/none-sync", [], [part1, part2],
           temp, ["--sync"]),
    Ingest("direct commits", base(part1, manifest="[wal]\nenabled = no\n"),
           part1, [both + part3], temp),
    Ingest("ingest that flushes", base(
        part1[:55], manifest="max_records = 60\n"), part1[:55],
        [part1[55:] + part2, part3], temp, warns=True),
    Ingest("late samples", base(some_of("a", 0, 50), "move",
                                some_of("a", 2, 20), some_of("b", 2, 9),
                                manifest="[metrics]\nlate = accept\n"),
           some_of("a", 0, 50) + some_of("a", 2, 20) + some_of("b", 2, 9),
           [some_of("a", 1, 20) + some_of("b", 1, 5)], temp),
    Ingest("ingest after the log was lost", log_lost(), part1, [part2], temp),
    Ingest("ingest after the cache was lost", cache_lost(),
           some_of("a", 0, 300) + some_of("b", 0, 20) +
           some_of("a", 0, 20, at=400) + some_of("c", 0, 20),
           [some_of("a", 1, 20) + some_of("b", 1, 20)], temp),
    Flush("first flush", base(part1, own=True), part1, "--force"),
    Flush("flush", base(part1, "move", part2, own=True), both, "--force"),
    Flush("flush after one killed at a data file", killed("fdatasync"), both,
          "--force"),
    Flush("flush after one killed at a rename", killed("renameat"), both,
          "--force"),
    Flush("flush of a damaged log", damaged(), both, "--force",
          notes=".*kept as.*"),
    Flush("flush, balanced", base(
        part1, "move", part2, engine="[durability]\nprofile = balanced\n"),
        both, "--force"),
    Flush("flush, throughput", base(
        part1, "move", part2, engine="[durability]\nprofile = throughput\n"),
        both, "--force"),
], rng, temp)
finish()
EOT
