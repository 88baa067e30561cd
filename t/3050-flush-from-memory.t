#!/bin/sh
# What a process has just logged it does not read again for its flush, and
# yet a flush takes what is in the log: with the commits of others in between,
# after a flush by another, after one that failed.
# Guards laws 1, 9 and 14.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOF'
import os
import re
import shutil
import subprocess
import roundtrip
from blackbox import *
from tracing import traced, without_leak_check

MANY = 20000			# lines that no pipe brings in small pieces
START = 1715000000
NOW = ["--now", str(START + 10**7)]
rng = seed()
temp = tempdir()
plan(18)


class Feed:
    """An ntdb-ingest that is fed by the piece: files, then a pipe."""

    def __init__(self, name, *first):
        self.root = os.path.join(temp, name)
        self.want = {}
        self.clock = START * 10**9
        self.lines = 0
        for db in "kl":
            roundtrip.manifest(self.root, db, "[page]\nmax_age = 1000w\n")
        files = []
        for i, text in enumerate(map(self.text, first)):
            files.append("%s.%d" % (self.root, i))
            with open(files[-1], "w") as f:
                f.write(text)
        self.p = subprocess.Popen(
            [program("ntdb-ingest"), "-r", self.root, "--progress", *NOW,
             *files, "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        self.said = b""
        self.wait()

    def text(self, n, dbs="k"):
        """n more lines, of integers and floats, some equal in time."""
        out = []
        for _ in range(n):
            i = rng.randrange(40)
            self.clock += rng.choice((0, 1, 1000)) * 10**6
            m = "%s/m%02d" % (rng.choice(dbs), i)
            v = "%d" % rng.randrange(-10**6, 10**6)
            if i % 2:
                v += ".%d5" % rng.randrange(100)
            rows = self.want.setdefault(m, [])
            if rows and rows[-1][0] == str(self.clock):
                continue
            rows.append((str(self.clock), float(v)))
            out.append("%s %s %d\n" % (m, v, self.clock))
        self.lines += len(out)
        return "".join(out)

    def wait(self, but=0):
        """Until all lines so far, or all but some, are acknowledged."""
        while last_committed(self.said) < self.lines - but:
            line = self.p.stderr.readline()
            if not line:
                break
            self.said += line

    def give(self, n, dbs="k", but=0):
        self.p.stdin.write(self.text(n, dbs).encode())
        self.p.stdin.flush()
        self.wait(but)

    def other(self, n):
        """Another process commits."""
        text = self.text(n)
        self.lines -= text.count("\n")
        r = ingest(self.root, text, *NOW)
        if r.status != 0 or r.err:
            diag(r)

    def pages(self):
        return [f for f in os.listdir(self.root + "/k")
                if f.startswith("data-")]

    def end(self, what):
        """It ends well, and what is stored is what was given."""
        self.p.stdin.close()
        said = self.said + self.p.stderr.read()
        said = [x for x in said.split(b"\n")
                if x and not x.startswith(b"committed ")]
        status = self.p.wait()
        got = {}
        for m, t, _, v in samples(self.root, "*") or []:
            got.setdefault(m, []).append((t, float(v)))
        want = {m: rows for m, rows in self.want.items() if rows}
        ok(status == 0 and got == want, what) or diag(
            "status %s; wrong: %s" % (status, [
                m for m in set(got) | set(want)
                if got.get(m) != want.get(m)][:5]))
        r = flush(self.root, *move_args(), *NOW)
        again = {}
        for m, t, _, v in samples(self.root, "*") or []:
            again.setdefault(m, []).append((t, float(v)))
        ok(r.status == 0 and again == want, what + ": all in pages")
        return said


f = Feed("alone", MANY)
f.give(4 * MANY)
ok(f.pages(), "there was a flush")
f.end("one process")

f = Feed("others", MANY)
f.other(50)
f.give(1000)
f.other(2000)
f.give(4 * MANY)
f.give(10)
f.other(3)
f.give(4 * MANY)
f.end("others commit in between")

f = Feed("flushed", MANY)
flush(f.root, *move_args(), *NOW)
f.give(5)
f.give(MANY)
flush(f.root, *move_args(), *NOW)
f.other(7)
f.give(4 * MANY)
f.end("others flush in between")

f = Feed("two", MANY)
for _ in range(6):
    f.give(MANY, "kl")
    f.give(3000, "l")
f.end("two databases by turns")

# Without a log samples go to pages behind all that is still in it; some of
# them are held back until there are more.
HELD = 16384
for others in 0, 50:
    f = Feed("direct%d" % others, MANY)
    if others:
        f.other(others)
    config = f.root + "/k/manifest.ini"
    os.unlink(config)
    with open(config, "w") as out:
        out.write("[page]\nmax_age = 1000w\n[wal]\nenabled = no\n")
    f.give(3 * MANY, but=HELD)
    f.end("no log from now on; %d samples of others" % others)

# A directory where the data file should be: the flush fails, and is done
# again when the log has grown.
f = Feed("failed", MANY)
blocks = "%s/k/data-2024-05-06.dat" % f.root
os.mkdir(blocks)
f.give(3 * MANY)
os.rmdir(blocks)
for _ in range(4):
    f.give(MANY)
ok(os.path.isfile(blocks), "it is done again")
said = f.end("after a flush that failed")
ok(said and all(b"data-2024-05-06.dat" in x for x in said),
   "which was reported") or diag(said)

# The log is read for its header only.
f = Feed("lines")
lines = f.text(9 * MANY // 2)
f.p.communicate()
path = temp + "/lines.lp"
with open(path, "w") as out:
    out.write(lines)
if shutil.which("strace") is None:
    skip("the log is not read", "no strace")
else:
    without_leak_check()
    r, calls = traced(["ntdb-ingest", "-r", temp + "/traced", *NOW, path], b"",
                      ["openat", "close", "pread64", "renameat"])
    log, got, flushes = set(), 0, 0
    for c in calls:
        if c.name == "openat" and int(c.result) >= 0:
            log.discard(c.result)
            if '"k.wal"' in c.args:
                log.add(c.result)
        elif c.name == "pread64" and c.args.split(",")[0] in log:
            got += int(c.result)
        elif c.name == "renameat" and c.args.endswith('"k.wal"'):
            flushes += 1
    ok(r.status == 0 and flushes > 0 and got < 16384,
       "the log is not read: %d bytes, %d flushes" % (got, flushes))
done()
EOF
