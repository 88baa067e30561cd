#!/bin/sh
# What each database counts, and what ntdb-flush writes of it: every number
# after a script that is known, how often it is written, and how little.
# Guards no law.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import fcntl
import os
import re
import struct
import subprocess
from blackbox import *
from format_reader import Cache
from tracing import need_strace, traced

need_strace()
temp = tempdir()
NOW = 1830297600		# 2028-01-01, later than the release
DAY = 86400
PREFIX = "internal/ntdb/"
REASONS = "syntax name value time type late future clock full".split()
NAMES = sorted(
    "lines samples duplicates refused commits fsyncs bytes_logged flushes "
    "pages bytes_written seals recoveries log_size data_size metrics flush_ns "
    "seal_ns".split() + ["refused/" + r for r in REASONS])


class Root:
    def __init__(self, name, engine="", manifest=""):
        self.path = os.path.join(temp, name)
        os.makedirs(self.path + "/a")
        self.put("engine.ini", engine)
        self.put("a/manifest.ini", "[page]\nmax_age = 1000w\n" + manifest)
        self.now = NOW
        self.syncs = 0

    def put(self, name, text):
        with open(os.path.join(self.path, name), "w") as f:
            f.write(text)

    def get(self, name):
        with open(os.path.join(self.path, name), "rb") as f:
            return f.read()

    def size(self, name):
        return os.path.getsize(os.path.join(self.path, name))

    def argv(self, program, *args):
        return [program, "-r", self.path, "--now", str(self.now), *args]

    def run(self, program, *args, data=b"", want=0):
        r = run(self.argv(program, *args), data)
        if r.status != want:
            ok(False, "%s %s ends with %d" % (program, args, want))
            diag(r)
        return r

    def give(self, text, *args, want=0):
        return self.run("ntdb-ingest", *args, data=text, want=want)

    def flush(self, *args):
        return self.run("ntdb-flush", *args)

    def traced(self, program, *args, data=b""):
        """Run it, and add its syncs, but for those of `internal'."""
        r, calls = traced(self.argv(program, *args), data,
                          ["openat", "fsync", "fdatasync", "syncfs"])
        if r.status != 0:
            diag(r)
        inside, internal = {}, None
        for c in calls:
            if c.name == "openat":
                dirfd = c.args.split(",")[0]
                inside[c.result] = '"internal' in c.args or \
                    '".internal' in c.args or inside.get(dirfd, False)
            elif c.result == "0" and not inside.get(c.args, False):
                self.syncs += 1

    def rows(self, target, *args):
        r = self.run("ntdb-query", "-f", "csv", "--time-format", "s", *EVER,
                     *args, PREFIX + target)
        return csv_rows(r.out)

    def last(self, db="a"):
        """The last values: {name: number}, all of integers."""
        got = {}
        for m, t, kind, value in self.rows(db + "/*", "--last"):
            if kind not in ("int32", "int64"):
                diag("%s is %s" % (m, kind))
            got[m[len(PREFIX + db) + 1:]] = int(value)
        return got

    def data_files(self):
        return [n for n in os.listdir(self.path + "/a")
                if n.startswith("data-")]

    def counters(self):
        return Cache(self.get("a/a.cache")).counters

    def stamps(self, db="internal"):
        at = os.path.join(self.path, db)
        return {n: (s.st_ino, s.st_size, s.st_mtime_ns) for n, s in
                ((n, os.stat(os.path.join(at, n))) for n in os.listdir(at))}


def some(got, *names):
    return {n: got.get(n) for n in names}


# ---- a script of which every number is known

root = Root("exact", manifest="[metrics]\nmax_metrics = 3\n")
root.give("".join("a/i %di %d\n" % (k, (NOW - 100 + k) * 10**9)
                  for k in range(5)) + "# a comment\n\na/f 1.5\n")
head = struct.unpack_from("<I", root.get("a/a.wal"), 12)[0]
root.give("".join("a/i %di %d\n" % (k, (NOW - 100 + k) * 10**9)
                  for k in range(7)))
refused = {
    "syntax": "a/i\n", "name": "a/\x7f 1\na/\x01 2\n", "value": "a/i abc\n",
    "time": "a/i 1 tomorrow\n", "type": "a/i 1.5\na/i 2.5\na/i 3.5\n",
    "late": "a/i 9 %d\n" % ((NOW - 200) * 10**9),
    "future": "a/i 9 %d\n" % ((NOW + 7200) * 10**9),
    "full": "a/g 1\na/h 1\n"}
for reason in refused:
    root.give(refused[reason], want=65)
root.give("i xyz\n", "-d", "a", want=65)
root.give("nosuch/m xyz\nx\n", want=65)
ok(not os.path.exists(root.path + "/nosuch"),
   "a bad line makes no database to be counted in")
root.now = 946684800
root.give("a/i 10\n", want=65)
root.now = NOW
want = {"refused/" + r: refused.get(r, "").count("\n") for r in REASONS}
want["refused/value"] += 1
want["refused/clock"] = 1
# a/g was the third metric.
want["refused/full"] -= 1
logged = root.size("a/a.wal") - head

# Writers that stay, and others in between, whose counts must not get lost.
stays = subprocess.Popen(root.argv("ntdb-ingest", "--progress"),
                         executable=program("ntdb-ingest"),
                         stdin=subprocess.PIPE, stderr=subprocess.PIPE)


def say(n, line):
    stays.stdin.write(line)
    stays.stdin.flush()
    got = stays.stderr.readline()
    if got != b"committed %d\n" % n:
        diag(got)


again = b"a/i 6i %d\n" % ((NOW - 94) * 10**9)
say(1, again)
root.give(again * 10)
say(2, again)
root.give("a/i 8i\n")
say(3, again)
root.give(again * 100)
stays.stdin.close()
stays.wait()
stays.stderr.close()
logged = root.size("a/a.wal") - head
found = root.counters()
same(found["duplicates"], 5 + 113, "several writers: duplicates in the cache")

root.flush("--force", "--no-seal")
got = root.last()
same(sorted(got), NAMES, "all of them are there")
same({n: got.get(n) for n in want}, want, "refused, by reason")
lines = 6 + 7 + 1 + sum(want.values()) + 113 + 1
same(some(got, "samples", "duplicates", "refused", "lines", "commits",
          "metrics"),
     {"samples": 6 + 2 + 1 + 1, "duplicates": 118,
      "refused": sum(want.values()), "lines": lines, "commits": 4,
      "metrics": 3}, "lines and what became of them")
same(got.get("bytes_logged"), logged, "bytes logged, as the log grew")
same(some(got, "flushes", "seals", "recoveries", "seal_ns"),
     {"flushes": 1, "seals": 0, "recoveries": 0, "seal_ns": 0},
     "one flush, nothing sealed")
pages = run(root.argv("ntdb-inspect", "dat", "a")).out.decode().splitlines()
same(got.get("pages"), len(pages) - 1, "pages")


def data_size():
    return sum(root.size("a/" + n) for n in root.data_files())


same(some(got, "log_size", "data_size"),
     {"log_size": root.size("a/a.wal"), "data_size": data_size()}, "sizes")
same(got.get("bytes_written"), data_size() + root.size("a/catalog.json") +
     root.size("a/a.wal"), "bytes written: pages, catalog, new log")
ok(0 < got.get("flush_ns", 0) < 100 * 10**9, "a flush takes some time")

# ---- syncs

before = got["fsyncs"]
root.now += 60
for k in range(3):
    root.traced("ntdb-ingest", "--sync", data="a/i %di\n" % (20 + k))
root.traced("ntdb-ingest", data="a/i 30i\n")
root.traced("ntdb-flush", "--force", "--no-seal")
got = root.last()
same((got["fsyncs"] - before, root.syncs > 5), (root.syncs, True),
     "fsyncs of commits and a flush, as strace saw them")
before, root.syncs = got["fsyncs"], 0
root.now += 60
root.traced("ntdb-flush", "--seal")
got = root.last()
same((got["fsyncs"] - before, root.syncs > 2), (root.syncs, True),
     "those of a sealing")
same((got["seals"], got["flushes"], got["seal_ns"] > 0), (2, 2, True),
     "of two files, which are counted")

made = Root("made")
made.traced("ntdb-ingest", data="b/m 1\nb/n 2\n")
same((Cache(made.get("b/b.cache")).counters["fsyncs"], made.syncs > 5),
     (made.syncs, True), "those of making a database")
made = Root("hand")
made.traced("ntdb-ingest", data="a/m 1\n")
same((made.counters()["fsyncs"], made.syncs > 2), (made.syncs, True),
     "those of making the log of one that was made by hand")
for action in ("delete", "archive"):
    expiring = Root(action, manifest="[retention]\nretention_days = 10\n"
                    "retention_action = %s\n" % action)
    for day in (40, 39, 30, 1):
        expiring.give("a/i 1i %d\n" % ((NOW - day * DAY) * 10**9))
    expiring.flush("--seal", "--no-retention")
    before = expiring.counters()["fsyncs"]
    expiring.traced("ntdb-flush")
    same((expiring.counters()["fsyncs"] - before, expiring.syncs > 2,
          len(expiring.data_files())), (expiring.syncs, True, 1),
         "those of retention, " + action)

# ---- what a killed writer has left

with open(root.path + "/a/a.wal", "ab") as f:
    f.write(b"torn")
root.give("a/i 40i\n")
root.now += 60
root.flush("a")
same(root.last()["recoveries"], 1, "a torn tail is a recovery")

# ---- how often

root = Root("often")
stamps = lambda: [float(r[1]) - NOW for r in root.rows("a/samples")]
for k, at in enumerate((0, 10, 29, 30, 31, 59, 60)):
    root.now = NOW + at
    root.give("a/m %d\n" % k)
    root.flush()
same(stamps(), [0, 30, 60], "at most every 30 s")
root.put("engine.ini", "[stats]\ninterval = 1h\n")
for at in (100, 3659, 3660, 5000):
    root.now = NOW + at
    root.give("a/m %d\n" % at)
    root.flush()
same(stamps(), [0, 30, 60, 3660], "with interval = 1h every hour")
same(root.last()["samples"], 10, "the value of then")
root.put("engine.ini", "[stats]\ninterval = 30s\n")
root.now = NOW + 3000
root.flush()
same(len(stamps()), 5, "a clock that was set back does not stop it")

# ---- how little

root = Root("little")
root.give("a/m 1\n")
root.flush()
first, size = root.stamps(), root.size("internal/internal.wal")
for hours in range(1, 24):
    root.now = NOW + 3600 * hours
    root.flush()
same(root.stamps(), first, "an idle database: nothing is written for a day")
root.now = NOW + DAY
root.flush()
same(len(root.rows("a/*")), 2 * len(NAMES), "then all of it once")
per_day = root.size("internal/internal.wal") - size
ok(0 < per_day < 8 * len(NAMES) + 24, "which is %d bytes" % per_day)
root.give("a/m 2\n")
root.now += 300
root.flush()
same(sorted(r[0].rpartition("/")[2] for r in root.rows("a/*", "-s",
                                                     str(root.now))),
     ["bytes_logged", "commits", "lines", "log_size", "samples"],
     "of a sample what has changed")
size = root.size("internal/internal.wal")
ok(size < 1000, "names are not repeated in the log") or diag(size)

# ---- not at all

root = Root("none", "[stats]\nenabled = no\n")
root.give("a/m 1\n")
root.flush("--force")
same(sorted(os.listdir(root.path)), ["a", "engine.ini"], "enabled = no")
root = Root("early")
root.now = 946684800
root.give("a/m 1i %d\n" % (946684800 * 10**9))
root.flush("--force")
root.now = NOW
root.flush("-n")
same(sorted(os.listdir(root.path)), ["a", "engine.ini"],
     "a clock that is not set, a dry run")
run(root.argv("ntdb-flush", "nosuch"))
same(sorted(os.listdir(root.path)), ["a", "engine.ini"],
     "a database that does not exist")

# ---- whose they are

root.flush()
same(root.last()["samples"], 1, "they are written")
r = root.give("internal/ntdb/a/samples 7\ninternal/ntdb/x 1\n", want=65)
ok(r.err.count(b"ntdb's own") == 2 and
   root.last()["samples"] == 1, "and refused to users") or diag(r)
root.give("internal/mine 1\n")
r = root.run("ntdb-query", "-f", "csv", "*")
same([x[0] for x in csv_rows(r.out)], ["a/m"], "hidden unless they are named")
same(root.rows("internal/*"), [], "internal has none of its own")
settings = root.get("internal/manifest.ini").decode()
ok(re.search(r"^partition = month$", settings, re.M) and
   re.search(r"^retention_days = 366$", settings, re.M) and
   re.search(r"^max_age = 1d$", settings, re.M), "its manifest") or \
    diag(settings)

# ---- the cache is lost

root.give("a/m 2\n")
os.unlink(root.path + "/a/a.cache")
root.now += 60
root.give("a/m 2\na/m 3\n")
root.flush()
got = root.last()
same(some(got, "samples", "commits", "lines", "metrics"),
     {"samples": 2, "commits": 1, "lines": 2, "metrics": 1},
     "a lost cache: counters begin at 0")
root.now += 60
root.flush("--force")
same(some(root.last(), "samples", "flushes"), {"samples": 2, "flushes": 1},
     "and go on, whatever was in the log before")
with open(root.path + "/a/a.cache", "r+b") as f:
    f.seek(-100, 2)
    f.write(b"\xff")
root.now += 60
root.flush()
same(some(root.last(), "samples", "flushes", "metrics"),
     {"samples": 0, "flushes": 0, "metrics": 1}, "damaged counters: likewise")

# ---- no failure of theirs is one of the flush

for what in ("a file in its place", "a lock that is held",
             "another who writes them", "no disk"):
    root = Root(what.replace(" ", "-"))
    root.give("a/m 1\n")
    held = None
    if what.startswith("a file"):
        root.put("internal", "")
    else:
        root.flush("a")
        root.now += 60
        root.give("a/m 2\n")
        if what != "no disk":
            held = open(root.path + ("/internal/lock" if "lock" in what else
                                     "/internal/maint.lock"))
            fcntl.flock(held, fcntl.LOCK_EX)
    args = root.argv("ntdb-flush", "--force", "--no-seal", "--wait", "0", "a")
    more = {}
    if what == "no disk":
        args = ["strace", "-o", "/dev/null", "-P",
                root.path + "/internal/internal.wal", "-e",
                "inject=pwrite64,write:error=ENOSPC", program(args[0]),
                *args[1:]]
    r = run(args)
    same((r.status, r.err), (0, b""), what + ": the flush is well") or diag(r)
    root.now += 60
    root.give("a/m 3\n")
    at = args.index(program("ntdb-flush")) if what == "no disk" else 0
    args[args.index("--now") + 1] = str(root.now)
    r = run(args[:at + 1] + ["-v"] + args[at + 1:])
    ok(r.status == 0 and b"own metrics not written: " in r.err,
       what + ": told with -v") or diag(r)
    if held:
        held.close()

# ---- several at once

root = Root("several")
root.give("a/m 1\n")
procs = [subprocess.Popen(root.argv("ntdb-flush", "a"),
                          executable=program("ntdb-flush"),
                          stderr=subprocess.PIPE) for _ in range(8)]
bad = [p.communicate()[1] for p in procs]
same((set(p.returncode for p in procs), set(bad)), ({0}, {b""}),
     "eight at once")
root.now += 60
root.give("a/m 2\n")
procs = [subprocess.Popen(root.argv("ntdb-flush", "a"),
                          executable=program("ntdb-flush"))
         for _ in range(8)]
for p in procs:
    p.wait()
same(len([r for r in root.rows("a/samples") if float(r[1]) >= root.now]), 1,
     "one of them writes")
done()
EOT
