#!/bin/sh
# Peak memory does not grow with the database: streaming ingest 8 MiB, any
# query and salvage 16 MiB, sealing 48 MiB.  1 M lines; NTDB_LONG=1: 5 M.
# Guards no law.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOF'
import os
import subprocess
import sys
import threading
from blackbox import *

with open(program("ntdb-ingest"), "rb") as f:
    if b"__asan_init" in f.read():
        skip_all("a sanitizer's memory is not ours")
if not os.path.exists("/proc/self/status"):
    skip_all("no /proc")

MIB = 1024
LINES = 5000000 if is_long() else 1000000
METRICS = 100
NOW = ["--now", "1893456000"]
rng = seed(1)
temp = tempdir()
root = temp + "/root"
plan(30)


def peak(p):
    """Highest resident set so far in KiB; 0 if the process is gone."""
    try:
        with open("/proc/%d/status" % p.pid) as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def start(*argv, **kw):
    return subprocess.Popen([program(argv[0]), "-r", root, *argv[1:], *NOW],
                            **kw)


def text():
    """Half of the lines belong to one metric, to have a large series."""
    values = [b"%.2f" % rng.uniform(-50, 50) for _ in range(4096)]
    t = 1880000000 * 10**9
    for i in range(0, LINES, 20000):
        piece = []
        for k in range(i, i + 20000):
            t += 500000000
            name = b"one" if k & 1 else b"m%d" % (k // 2 % METRICS)
            piece.append(b"d/%s %s %d\n" % (
                name, values[(k * 2654435761 >> 7) & 4095], t))
        yield b"".join(piece)


def acknowledged(p, box):
    for line in p.stderr:
        if line.startswith(b"committed "):
            box["n"] = int(line.split()[1])
            if box["n"] >= LINES:
                box["peak"] = peak(p)
                box["all"].set()
        else:
            box["said"] += line
    box["all"].set()


p = start("ntdb-ingest", "--progress", stdin=subprocess.PIPE,
          stderr=subprocess.PIPE)
box = {"n": 0, "said": b"", "peak": 0, "all": threading.Event()}
reader = threading.Thread(target=acknowledged, args=(p, box))
reader.start()
high = 0
for piece in text():
    p.stdin.write(piece)
    high = max(high, peak(p))
p.stdin.flush()
box["all"].wait(120)
high = max(high, box["peak"], peak(p))
p.stdin.close()
p.wait()
reader.join()
same((p.returncode, box["said"]), (0, b""), "ingest of %d lines" % LINES)
same(box["n"], LINES, "all acknowledged before the end of input")
ok(0 < high <= 8 * MIB, "ingest: %d KiB, 8192 allowed" % high)


def measured(limit, name, *argv):
    """Run it, read what it writes, and look at its peak all the while."""
    p = start(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    n = high = 0
    stop = threading.Event()

    def watch():
        nonlocal high
        while not stop.is_set():
            high = max(high, peak(p))

    watcher = threading.Thread(target=watch)
    watcher.start()
    while True:
        piece = p.stdout.read1(65536)
        if not piece:
            break
        n += piece.count(b"\n")
        high = max(high, peak(p))
    err = p.stderr.read()
    p.wait()
    stop.set()
    watcher.join()
    ok(p.returncode == 0 and not err, name) or diag(
        Result(p.returncode, b"", err))
    ok(0 < high <= limit * MIB, "%s: %d KiB, %d allowed"
       % (name, high, limit * MIB))
    return n


n = measured(16, "export", "ntdb-query", "-f", "lp", "d")
same(n, LINES, "export has all lines")
measured(16, "percentile of one large bucket", "ntdb-query", "-a", "p99",
         "d/one")
n = measured(16, "salvage", "ntdb-inspect", "salvage", "--out", "-", "d")
same(n, LINES, "salvage has all lines")
measured(48, sealed(), "ntdb-flush", *seal_args())
n = measured(16, "export of %s pages" % sealed(), "ntdb-query", "-f", "lp", "d")
same(n, LINES, "export has all lines")
n = measured(16, "salvage of %s pages" % sealed(), "ntdb-inspect",
             "salvage", "--out", "-", "d")
same(n, LINES, "salvage has all lines")
measured(16, "all aggregates by the hour", "ntdb-query", "-a",
         "min,max,sum,avg,count,first,last,median,p50,p95,p99,stddev,"
         "trimmed_avg", "-w", "1h", "d")
measured(16, "percentile of one large bucket, " + sealed(), "ntdb-query", "-a",
         "median", "d/one")

# The same file again: every sample is looked up.
p = start("ntdb-ingest", "--progress", stdin=subprocess.PIPE,
          stderr=subprocess.PIPE)
rng.seed(1)
box = {"n": 0, "said": b"", "peak": 0, "all": threading.Event()}
reader = threading.Thread(target=acknowledged, args=(p, box))
reader.start()
high = 0
for piece in text():
    try:
        p.stdin.write(piece)
    except OSError:
        break
    high = max(high, peak(p))
box["all"].wait(300)
high = max(high, box["peak"], peak(p))
try:
    p.stdin.close()
except OSError:
    pass
p.wait()
reader.join()
ok(0 < high <= 8 * MIB, "ingest of duplicates: %d KiB, 8192 allowed" % high)

# Without a log samples are held back until there are enough for pages.
root = temp + "/direct"
os.makedirs(root + "/d")
with open(root + "/d/manifest.ini", "w") as f:
    f.write("[wal]\nenabled = no\n")
path = temp + "/some.lp"
with open(path, "wb") as f:
    for i, piece in zip(range(20), text()):
        f.write(piece)
measured(8, "ingest without a log", "ntdb-ingest", path)

# Three years of days, each with a file of its own.
root = temp + "/days"
with open(path, "w") as f:
    for hour in range(3 * 365 * 24):
        t = 1700000000 + 3600 * hour
        f.writelines("d/m%d %d.5 %d000000000\n" % (m, (hour * m) % 89, t)
                     for m in range(8))
r = run(["ntdb-ingest", "-r", root, *NOW, path])
same((r.status, r.err), (0, b""), "three years of days")
n = measured(16, "salvage of three years of days", "ntdb-inspect", "salvage",
             "--out", "-", "d")
same(n, 3 * 365 * 24 * 8, "salvage has all lines")
done()
EOF
