#!/bin/sh
# What is found on disk after a crash, a power cut, an accident with rm or cp:
# the next program just works, nothing is served twice or under a wrong name,
# and nothing that might be good is deleted.
# Guards laws 2, 4, 5, 6, 9, 10, 11, 14, 28, 29 and 30.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import glob
import os
import re
import shutil
import time
import zlib
import roundtrip
from blackbox import *
from tracing import *

need_strace()
finish = done
rng = seed()
temp = tempdir()
START = 1715000000 * 10**9
DAY = 86400 * 10**9
SETTINGS = "[page]\nmax_age = 1000w\n"
made = [0]


class Root:
    """A root with one database, k, and what should be in it."""

    def __init__(self, manifest=SETTINGS, engine=""):
        made[0] += 1
        self.path = "%s/%d" % (temp, made[0])
        self.db = self.path + "/k"
        roundtrip.manifest(self.path, "k", manifest)
        with open(self.path + "/engine.ini", "w") as f:
            f.write(engine)

    def manifest(self, text):
        with open(self.db + "/manifest.ini", "w") as f:
            f.write(text)

    def give(self, lines, *args):
        return ingest(self.path, "".join(x + "\n" for x in lines), *args)

    def flush(self):
        return flush(self.path, *move_args())

    def read(self, *targets):
        """Exit status and sorted lines; None if it crashed."""
        r = query(self.path, "-f", "lp", "--time-format", "ns",
                  *(targets or ("k",)))
        if r.status not in (0, 65):
            diag(r)
            return None, None
        return r.status, sorted(r.out.decode().splitlines())

    def lines(self):
        return self.read()[1]

    def file(self, name):
        return os.path.join(self.db, name)

    def bytes(self, name):
        with open(self.file(name), "rb") as f:
            return f.read()

    def put(self, name, data):
        """As cp does from elsewhere: a new file in its place."""
        if os.path.exists(self.file(name)):
            os.unlink(self.file(name))
        if data is not None:
            with open(self.file(name), "wb") as f:
                f.write(data)

    def forget(self):
        """No cache: as after a boot."""
        self.put("k.cache", None)

    def files(self):
        """All files by name, the locks left out."""
        return {x: self.bytes(x) for x in os.listdir(self.db)
                if "lock" not in x}

    def restore(self, *layers):
        """What the directory holds: of each name the last one given."""
        for x in self.files():
            self.put(x, None)
        for layer in layers:
            for x, data in layer.items():
                self.put(x, data)

    def epoch(self):
        return int.from_bytes(self.bytes("k.wal")[16:24], "little")

    def killed_flush(self, at):
        run(["strace", "-o", "/dev/null", "-e",
             "inject=" + at, program("ntdb-flush"), "-r",
             self.path, *move_args()])


def run_of(metric, day, n, at=0, step=10**9):
    """n integers, no two alike, of one metric on one day."""
    return ["k/%s %di %d" % (metric, 1000 * day + at + i,
                             START + day * DAY + (at + i) * step)
            for i in range(n)]


def good(r, name):
    return ok(r.status == 0 and not r.err, name) or diag(r)


def same_lines(got, want, name):
    """Sorted lines as wanted: tells what is missing and what is too much."""
    want = sorted(want)
    if ok(got == want, name):
        return True
    if got is not None:
        diag("missing: %s" % clip([x for x in want if x not in got], 300))
        diag("not wanted: %s" % clip([x for x in got if x not in want], 300))
        diag("twice: %s" % clip([x for x in set(got) if got.count(x) > 1],
                                300))
    return False


def clean(root, name):
    r = verify(root.path)
    return ok(r.status == 0, name + ": verify is content") or diag(r)


def complete(root, lines, name):
    """Sending everything again, then a flush, leaves exactly these lines."""
    r = root.give(lines)
    ok(r.status == 0, name + ": all is taken again") or diag(r)
    same_lines(root.lines(), lines, name + ": nothing twice")
    ok(root.flush().status == 0, name + ": flush")
    same_lines(root.lines(), lines, name + ": nor after a flush")


def time_of(ns):
    return time.strftime("%Y-%m-%d", time.gmtime(ns // 10**9))


def flip(data, at, bit=1):
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1:]


# ---- a torn tail

root = Root()
one, two = run_of("a", 0, 5), run_of("b", 0, 5)
root.give(one)
short = len(root.bytes("k.wal"))
root.give(two)
whole = root.bytes("k.wal")
root.forget()
bad = 0
for n in range(short, len(whole)):
    root.put("k.wal", whole[:n])
    root.forget()
    bad += root.read() != (0, sorted(one))
    bad += len(root.bytes("k.wal")) != n
same(bad, 0, "torn tail: readers ignore it and leave it, at every length")
clean(root, "torn tail")
for tail in (whole[short:-1], b"\0" * 5000, os.urandom(300), b"NTB\n" * 9):
    root.put("k.wal", whole[:short] + tail)
    good(root.give(run_of("c", 0, 1)), "torn tail: the next writer works")
    same_lines(root.lines(), one + run_of("c", 0, 1),
               "torn tail: what was complete, and the new")
    ok(len(root.bytes("k.wal")) < short + 100, "torn tail: cut")
root.put("k.wal", whole[:-1])
complete(root, one + two, "torn tail")

# ---- damage in the middle

root = Root()
runs = [run_of("a", 0, 5) + run_of("b", 0, 5), run_of("a", 1, 5) +
        run_of("b", 1, 5), run_of("a", 2, 5) + run_of("c", 2, 5)]
ends = [len(root.bytes("k.wal")) if os.path.exists(root.file("k.wal"))
        else 0]
for lines in runs:
    root.give(lines)
    ends.append(len(root.bytes("k.wal")))
whole = root.bytes("k.wal")
for i in (0, 1):
    left = sum((x for j, x in enumerate(runs) if j != i), [])
    root.restore({"k.wal": flip(whole, ends[i + 1] - 3),
                  "manifest.ini": SETTINGS.encode()})
    same(root.read()[0], 65, "damage in batch %d: reported" % i)
    same_lines(root.lines(), left, "damage in batch %d: the others" % i)
    more = run_of("d", 3, 3)
    root.give(more)
    same(root.bytes("k.wal")[:len(whole)], flip(whole, ends[i + 1] - 3),
         "damage in batch %d: nothing is cut" % i)
    same_lines(root.lines(), left + more,
               "damage in batch %d: written on" % i)
    ok(os.path.exists(root.file("k.cache")), "damage in batch %d: a cache" % i)
    same(root.read("--last", "k")[0], 65,
         "damage in batch %d: told of the newest samples, too" % i)
    before = root.bytes("k.wal")
    r = root.flush()
    kept = glob.glob(root.file("k.wal.damaged-*"))
    ok(r.status == 0 and len(r.err.splitlines()) == 1 and len(kept) == 1 and
       root.bytes(os.path.basename(kept[0])) == before,
       "damage in batch %d: flush keeps the log, and says so" % i) or diag(r)
    same(root.read()[0], 0, "damage in batch %d: whole again" % i)
    same_lines(root.lines(), left + more,
               "damage in batch %d: with the same samples" % i)
    clean(root, "damage in batch %d" % i)
    e = run_of("e", 3, 2)
    good(root.give(e), "damage in batch %d: a new metric" % i)
    same_lines(root.read("k/e")[1], e, "damage in batch %d: of its own" % i)

# ---- the log is gone, or its header

root = Root()
old = run_of("a", 0, 5) + run_of("b", 1, 5)
root.give(old)
root.flush()
new = run_of("a", 1, 5) + run_of("c", 1, 5)
root.give(new)
state = root.files()
for cached in (True, False):
    root.restore(state)
    root.put("k.wal", None)
    if not cached:
        root.forget()
    epoch = int.from_bytes(state["k.wal"][16:24], "little")
    same_lines(root.lines(), old, "no log: the pages")
    more = run_of("d", 2, 2)
    r = root.give(more)
    same(r.status, 0, "no log: written on")
    same_lines(root.lines(), old + more, "no log: pages and new samples")
    ok(root.epoch() >= epoch, "no log: the new one is above the pages")
    complete(root, old + more + new, "no log")
    clean(root, "no log")
head = int.from_bytes(state["k.wal"][12:16], "little")
for at in (range(head) if is_long() else rng.sample(range(head), 12)):
    root.restore(state)
    root.put("k.wal", flip(state["k.wal"], at, 3 << rng.randrange(7)))
    status, got = root.read()
    fine = status == 65 and got == sorted(old)
    r = root.give(run_of("d", 2, 1))
    fine = fine and r.status == 0
    kept = glob.glob(root.file("k.wal.damaged-*"))
    fine = fine and len(kept) == 1 and root.lines() in (
        sorted(old + run_of("d", 2, 1)),
        sorted(old + new + run_of("d", 2, 1)))
    ok(fine, "log header, byte %d: pages served, log kept, written on" % at)
    r = root.give(new)
    same_lines(root.lines(), old + new + run_of("d", 2, 1),
               "log header, byte %d: complete" % at)
for at in (range(head) if is_long() else rng.sample(range(head), 12)):
    root.restore(state)
    root.put("k.wal", flip(state["k.wal"], at, 1 << rng.randrange(8)))
    fine = root.read() == (0, sorted(old + new))
    fine = fine and verify(root.path).status == 65
    r = root.give(run_of("d", 2, 1))
    fine = fine and r.status == 0 and root.flush().status == 0
    fine = fine and root.lines() == sorted(old + new + run_of("d", 2, 1))
    ok(fine and verify(root.path).status == 0,
       "log header, byte %d: one bit costs nothing, and is gone" % at)

# ---- a data file that has lost its end

name = "data-%s.dat" % time_of(START)
for cut in 1, 20, 60:
    root = Root("[retention]\npartition = day\n" + SETTINGS)
    first, second = run_of("a", 0, 50), run_of("b", 0, 50)
    for lines in first, second:
        root.give(lines)
        root.flush()
    root.put(name, root.bytes(name)[:-cut])
    more = run_of("c", 0, 30)
    root.give(more)
    root.flush()
    same_lines(root.lines(), first + more,
               "cut by %d: what is appended is not lost with the end" % cut)

# ---- an old log is put back

root = Root()
parts = [run_of("a", d, 5) + run_of("m%d" % d, d, 5) for d in range(5)]
root.give(parts[0])
root.flush()
root.give(parts[1])
old_log = root.bytes("k.wal")
for p in parts[2:4]:
    root.flush()
    root.give(p)
root.flush()
epoch = root.epoch()
everything = sum(parts[:4], [])
state = root.files()
for cached in (True, False):
    root.restore(state, {"k.wal": old_log})
    if not cached:
        root.forget()
    same_lines(root.lines(), everything, "old log: readers see no double")
    ok(verify(root.path).status == 65, "old log: verify tells")
    r = root.give(parts[4])
    ok(r.status == 0, "old log: written on") or diag(r)
    same_lines(root.lines(), everything + parts[4], "old log: all is there")
    ok(root.epoch() >= epoch, "old log: the new epoch is above the pages")
    complete(root, everything + parts[4], "old log")
    clean(root, "old log")

# The same epoch, but shorter, with the cache of the longer one.
root = Root()
root.give(run_of("a", 0, 10))
early = root.bytes("k.wal")
root.give(["k/a %di %d" % (rng.randrange(2**31), START + DAY + i * 12345678901)
           for i in range(9000)])
root.put("k.wal", early)
have = run_of("a", 0, 10)
for d in range(2, 12):
    more = ["k/b%d %di %d" % (d, rng.randrange(2**31),
                              START + d * DAY + i * 1234567891)
            for i in range(1500)]
    root.give(more)
    have += more
same_lines(root.lines(), have, "a shorter log: its cache is not believed")

# ---- the cache

root = Root()
lines = run_of("a", 0, 50) + run_of("b", 0, 50)
root.give(lines)
early = root.files()
root.flush()
flushed = root.files()
more = run_of("a", 1, 50) + run_of("c", 1, 50)
root.give(more)
state = root.files()
other = Root()
other.give(run_of("x", 0, 5) + run_of("a", 1, 5))
other.flush()
want = sorted(lines + more)
cache = state["k.cache"]
caches = [("none", None), ("stale", early.get("k.cache", b"")),
          ("of another log", other.bytes("k.cache")), ("empty", b""),
          ("half", cache[:len(cache) // 2]), ("longer", cache + b"\0")]
caches += [("with bit %d of %d flipped" % (b, at), flip(cache, at, 1 << b))
           for at in rng.sample(range(len(cache)), 10)
           for b in [rng.randrange(8)]]
for what, data in caches:
    root.restore(state, {"k.cache": data})
    fine = root.read() == (0, want)
    r = query(root.path, "-f", "lp", "--last", "--time-format", "ns", "k")
    fine = fine and sorted(r.out.decode().splitlines()) == sorted(
        [run_of("a", 1, 50)[-1], run_of("b", 0, 50)[-1],
         run_of("c", 1, 50)[-1]])
    again = root.give(lines + more)
    late = root.give(["k/a 77i %d" % (START + 5)])
    fine = fine and again.status == 0 and late.status == 65 and \
        root.read() == (0, want)
    good(root.give(run_of("d", 2, 1)), "cache %s: a new metric" % what)
    ok(fine and root.lines() == sorted(want + run_of("d", 2, 1)),
       "cache %s: the same answers" % what)

# ---- the catalog

root = Root()
a, b = run_of("a", 0, 5), run_of("b", 0, 5)
root.give(a)
root.flush()
first_catalog = root.bytes("catalog.json")
root.give(b)
root.flush()
c = run_of("c", 0, 5)
root.give(c)
state = root.files()
for what, data in (("gone", None), ("old", first_catalog)):
    for cached in (True, False):
        root.restore(state)
        root.put("catalog.json", data)
        if not cached:
            root.forget()
        known = c + (a if data is not None else [])
        same_lines(root.read()[1], known,
                   "catalog %s: names of the log are known" % what)
        d = run_of("d", 0, 5)
        ok(root.give(d).status == 0, "catalog %s: a new metric" % what)
        same_lines(root.read("k/d")[1], d, "catalog %s: of its own" % what)
        ok(root.give(a + b).status == 0, "catalog %s: sent again" % what)
        ok(root.flush().status == 0, "catalog %s: flush" % what)
        for name, mine in (("a", a), ("b", b), ("c", c), ("d", d)):
            same_lines(root.read("k/" + name)[1], mine,
                       "catalog %s: %s holds what is its own" % (what, name))
# An empty one, as a power cut leaves it where it is not synced.
for profile in ("balanced", "throughput"):
    root = Root(engine="[durability]\nprofile = %s\n" % profile)
    root.give(a)
    root.flush()
    root.give(b)
    root.flush()
    state = root.files()
    for data in (b"", b"\0" * len(state["catalog.json"]),
                 state["catalog.json"][:70], None):
        root.restore(state, {"catalog.json": data})
        root.forget()
        same_lines(root.lines(), a + b,
                   profile + ": the log has the names that it loses")
        r = root.give(c)
        ok(r.status == 0, profile + ": written on") or diag(r)
        ok(root.flush().status == 0, profile + ": flushed")
        same_lines(root.lines(), a + b + c, profile + ": all is there")
        clean(root, profile)
# A flipped bit: what is not hit goes on.
root = Root()
root.give(a + b + c)
root.flush()
text = root.bytes("catalog.json")
root.put("catalog.json", flip(text, text.index(b'"b"') - 3))
root.forget()
status, got = root.read()
ok(status == 65 and got == sorted(a + c), "a damaged line: the others serve")
r = root.give(run_of("a", 1, 1) + run_of("d", 1, 1))
ok(r.status == 0, "a damaged line: written on") or diag(r)
ok(root.flush().status == 0, "a damaged line: flushed")
ok(any(flip(text, text.index(b'"b"') - 3) == x for n, x in
       root.files().items() if n != "catalog.json"),
   "a damaged line: the catalog is kept")
same_lines(root.lines(), a + c + run_of("a", 1, 1) + run_of("d", 1, 1),
           "a damaged line: no name is given away")

# ---- data files come and go

DAT = "data-2024-05-%02d.dat"
root = Root()
days = [run_of("a", d, 20) + run_of("b", d, 20) for d in range(3)]
for d in days:
    root.give(d)
    root.flush()
state = root.files()
gone = DAT % 7
root.put(gone, None)
same_lines(root.lines(), days[0] + days[2], "rm: the others stay")
clean(root, "rm")
for cached in (True, False):
    root.restore(state, {gone: None})
    if not cached:
        root.forget()
    more = run_of("a", 3, 3)
    ok(root.give(more).status == 0 and root.flush().status == 0,
       "rm: written on")
    root.put(gone, state[gone])
    same_lines(root.lines(), sum(days, []) + more, "put back: all is there")
    clean(root, "put back")
root.restore(state)
root.manifest(SETTINGS + "[metrics]\nlate = accept\n")
# The cache knows last samples whose file is gone: they are stored again.
for cached in (True, False):
    root.restore(state, {DAT % 8: None})
    root.manifest(SETTINGS + "[metrics]\nlate = accept\n")
    if not cached:
        root.forget()
    ok(root.give(days[2]).status == 0, "rm of the newest: sent again")
    same_lines(root.lines(), sum(days, []), "rm of the newest: all is there")
root.restore(state)
root.manifest(SETTINGS + "[metrics]\nlate = accept\n")
root.put(gone, None)
fresh = ["k/a 7i %d" % (START + DAY + 5)]
root.give(fresh)
root.flush()
same_lines(root.lines(), days[0] + days[2] + fresh, "rm: made anew")
root.put(gone, state[gone])
fresh += ["k/a 8i %d" % (START + DAY + 6)]
root.give(fresh[1:])
r = root.flush()
ok(r.status == 0, "put back over a new one: flush works") or diag(r)
ok(any(x.startswith(state[gone]) for x in root.files().values()),
   "put back over a new one: no good page is deleted")
ok(fresh[1] in root.lines(), "put back over a new one: written on")

# A file that nobody knows, of a partition that has none.
root.restore(state)
stray = Root()
stray.give(run_of("a", 4, 9))
stray.flush()
data = stray.bytes(DAT % 10)
root.put(DAT % 10, data)
same_lines(root.lines(), sum(days, []), "stray file: not served")
more = run_of("a", 4, 3)
ok(root.give(more).status == 0, "stray file: written on")
r = root.flush()
ok(r.status == 0 and len(r.err.splitlines()) == 1 and
   any(x == data and n != DAT % 10 for n, x in root.files().items()),
   "stray file: renamed, and said") or diag(r)
same_lines(root.lines(), sum(days, []) + more, "stray file: all is there")

# A header that is damaged, in a file that is to be written to.
for data in (flip(state[DAT % 8], 20), b"\0" * 64 + state[DAT % 8][64:],
             b"\0" * len(state[DAT % 8]), state[DAT % 8][:30]):
    root.restore(state, {DAT % 8: data})
    more = run_of("a", 2, 3, 100)
    got = root.lines()
    ok(got is not None and set(days[0] + days[1]) <= set(got),
       "damaged file: the others are served")
    ok(root.give(more).status == 0, "damaged file: written on")
    r = root.flush()
    ok(r.status == 0, "damaged file: flush works") or diag(r)
    got = root.lines()
    ok(got is not None and set(days[0] + days[1] + more) <= set(got),
       "damaged file: new samples are served")
    if any(data[64:]):
        ok(any(x[64:len(data)] == data[64:] for x in root.files().values()),
           "damaged file: kept")

# ---- the partition setting changes

root = Root()
have = []
for i, kind in enumerate(("day", "month", "forever", "year", "day")):
    root.manifest(SETTINGS + "[retention]\npartition = %s\n" % kind)
    more = run_of("a", 40 * i, 5) + run_of("a", 40 * i + 1, 5) + \
        run_of(kind, 40 * i, 5)
    ok(root.give(more).status == 0 and root.flush().status == 0,
       "partition %s: written" % kind)
    have += more
    same_lines(root.lines(), have, "partition %s: read across" % kind)
clean(root, "partitions")
complete(root, sorted(have, key=lambda x: int(x.split()[2])), "partitions")

# ---- what a killed flush leaves

for at in ("renameat:when=2", "renameat:when=1", "fdatasync:when=1",
           "fdatasync:when=2"):
    root = Root()
    first = run_of("a", 0, 20)
    root.give(first)
    root.flush()
    more = run_of("a", 0, 20, 100) + run_of("b", 1, 20)
    root.give(more)
    sizes = os.path.getsize(root.file(DAT % 6))
    root.killed_flush(at.replace("when", "signal=SIGKILL:when"))
    name = "residue (%s)" % at
    ok(os.path.getsize(root.file(DAT % 6)) > sizes, name + ": is there")
    same_lines(root.lines(), first + more, name + ": invisible")
    clean(root, name)
    state = root.files()
    # The next flush does not touch those files.
    root.manifest(SETTINGS + "[retention]\npartition = month\n")
    good(root.flush(), name + ": flushed elsewhere")
    same_lines(root.lines(), first + more, name + ": still invisible")
    clean(root, name)
    # A file that the log lists is known to end where it says.
    later = run_of("c", 0, 5)
    root.give(later)
    root.manifest(SETTINGS)
    r = root.flush()
    ok(r.status == 0 and not r.err and
       not [n for n in root.files() if "stray" in n],
       name + ": cut in silence, whatever flushes came in between") or diag(r)
    later += run_of("a", 1, 5)
    root.give(later[5:])
    ok(root.flush().status == 0, name + ": flushed over")
    same_lines(root.lines(), first + more + later, name + ": cut")
    root.forget()
    complete(root, first + more + later, name)
    clean(root, name)

# ---- power cuts: files of different moments

root = Root()
base = run_of("a", 0, 10)
root.give(base)
root.flush()
s0 = root.files()
synced = run_of("a", 0, 10, 20) + run_of("b", 1, 10)
root.give(synced)
s1 = root.files()
lost = run_of("a", 0, 10, 40) + run_of("lost", 1, 10)
root.give(lost)
s2 = root.files()
root.killed_flush("renameat:signal=SIGKILL:when=2")
s3 = root.files()
ok(len(s3[DAT % 6]) > len(s2[DAT % 6]) and s3["k.wal"] == s2["k.wal"],
   "power cut: a flush was killed before the log was replaced")
root.flush()
s4 = root.files()


def only(files, *patterns):
    return {n: x for n, x in files.items()
            if any(re.fullmatch(p, n) for p in patterns)}


log, cat, dat = r"k\.wal", r"catalog\.json", r"data-.*"
torn = dict(s3, **{n: x[:-7] for n, x in only(s3, dat).items()})
states = [
    ("pages of a lost tail", [s3, only(s1, log)], base + synced),
    ("pages and names", [s3, only(s1, log, cat)], base + synced),
    ("one file's pages", [s1, only(s3, DAT % 6)], base + synced),
    ("the other's", [s1, only(s3, DAT % 7)], base + synced),
    ("torn pages", [torn, only(s1, log, cat)], base + synced),
    ("the whole log gone back", [s3, only(s0, log)], base),
    ("the rename", [s4, only(s2, log)], base + synced + lost),
    ("rename and catalog", [s4, only(s2, log, cat)], base + synced + lost),
]
for what, layers, want in states:
    for partition in ("day", "month"):
        root.restore(*layers)
        root.forget()
        root.manifest(SETTINGS + "[retention]\npartition = %s\n" % partition)
        name = "power cut, %s lost, then by %s" % (what, partition)
        same_lines(root.lines(), want, name)
        fresh = run_of("new", 0, 3)
        ok(root.give(fresh).status == 0, name + ": a new metric")
        same_lines(root.read("k/new")[1], fresh, name + ": is its own")
        other = run_of("far", 9, 3)
        ok(root.give(other).status == 0 and root.flush().status == 0,
           name + ": flushed")
        same_lines(root.lines(), want + fresh + other,
                   name + ": nothing comes back")
        root.manifest(SETTINGS)
        again = [x for x in synced + lost if x not in want]
        ok(root.give(again).status == 0, name + ": sent again")
        root.flush()
        same_lines(root.lines(), want + fresh + other + again,
                   name + ": and all is there")
        clean(root, name)
# A file has become shorter than is listed, and a flush was killed when it had
# written to it: its pages do not count.
for n in (3, 400):
    root = Root()
    first, second, third = (run_of("a", 0, k, 400 * i)
                            for i, k in enumerate((40, 40, n)))
    root.give(first)
    root.flush()
    left = os.path.getsize(root.file(DAT % 6))
    root.give(second)
    root.flush()
    os.truncate(root.file(DAT % 6), left)
    root.give(third)
    root.killed_flush("renameat:signal=SIGKILL:when=1")
    name = "cut short, %d" % n
    same_lines(root.lines(), first + third, name + ": a flush was killed")
    root.flush()
    same_lines(root.lines(), first + third, name + ": moved at last")
# The same if the log's header had a length that takes these pages in.
root = Root()
first, second = run_of("a", 0, 40), run_of("a", 0, 40, 400)
root.give(first)
root.flush()
root.give(second)
root.killed_flush("renameat:signal=SIGKILL:when=1")
head = bytearray(root.bytes("k.wal"))
head[56:64] = os.path.getsize(root.file(DAT % 6)).to_bytes(8, "little")
head[72:76] = zlib.crc32(head[:72]).to_bytes(4, "little")
root.put("k.wal", head)
root.forget()
same_lines(root.lines(), first + second,
           "pages of the log's own epoch do not count, whatever it lists")
# A file that the log lists is gone and made again: whoever looks at it, at
# whatever moment, finds no damage.
root = Root()
root.give(run_of("a", 0, 10) + run_of("a", 3, 10))
root.flush()
root.put(DAT % 6, None)
root.give(run_of("b", 0, 10))
root.forget()
given, bad = root.files(), []
root.restore(given)
argv = ["ntdb-flush", "-r", root.path, *move_args()]
r, calls = traced(argv)
creates = [c for c in calls if c.name == "openat" and "O_CREAT" in c.args]
for c in creates:
    root.restore(given)
    h = Held(argv, c.name, c.nth)
    ok(h.held, "a flush is stopped when it has made a file")
    bad += [r for r in (verify(root.path), query(root.path, "k"))
            if r.status != 0 or r.err]
    h.go_on()
same([repr(r) for r in bad], [],
     "a file that is made again is never damage, at %d moments" %
     len(creates))
# Pages that were listed and are not there: only these are lost.
root.restore(s4, only(s2, DAT % 6))
root.forget()
status, got = root.read()
ok(status == 65 and got is not None and
   set(base + run_of("b", 1, 10) + run_of("lost", 1, 10)) == set(got),
   "a data file cut short: what is left is served, and the loss told")
more = run_of("a", 0, 5, 60)
ok(root.give(more).status == 0 and root.flush().status == 0,
   "a data file cut short: written on")
same_lines(root.read("k/a")[1], base + more, "a data file cut short: served")

# ---- a power cut left zeros in a page that was not synced

rough = ["k/a %di %d" % (i * i * 7919 % 100003, START + i * 10**9)
         for i in range(200)]
for how in ("zeros", "cut"):
    root = Root()
    for lines in (rough[:100], rough[100:]):
        root.give(lines)
        root.flush()
    name, = [x for x in root.files() if x.endswith(".dat")]
    data = root.bytes(name)
    root.put(name, data[:-20] + bytes(20) if how == "zeros" else data[:-20])
    root.forget()
    same_lines(root.read()[1], rough[:100],
               "columns lost (%s): the page before is there" % how)
    ok(root.give(rough).status == 0, "columns lost: sent again")
    same_lines(root.lines(), rough, "columns lost: all is there, once")
    ok(root.flush().status == 0, "columns lost: flushed")
    root.forget()
    same_lines(root.lines(), rough, "columns lost: nor twice after that")
finish()
EOT
