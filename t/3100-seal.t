#!/bin/sh
# Sealing: which files are due, what becomes of them, and that nothing of
# what is stored changes by it.
# Guards laws 16, 19, 20, 21 and 33.

. "$(dirname "$0")/lib.sh"
need python3
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import fcntl
import json
import os
import struct
import zlib
from blackbox import *
from format_reader import Database, DataFile, Log, partition

rng = seed()
temp = tempdir()
made = [0]
SECOND = 10**9
DAY = 86400 * SECOND
D0 = 1796083200 * SECOND        # 2026-12-01, by date(1)
QUIET = "[page]\nmax_age = 1000w\nmax_records = 16000000\nmax_bytes = 1GiB\n"


class Root:
    """A root with one database, k."""

    def __init__(self, manifest="", partition="day"):
        made[0] += 1
        self.path = "%s/%d" % (temp, made[0])
        self.db = self.path + "/k"
        self.settings = QUIET + manifest
        self.keys = "partition = %s\n" % partition
        self.write_manifest()

    def write_manifest(self):
        os.makedirs(self.db, exist_ok=True)
        without_own_metrics(self.path)
        with open(self.db + "/manifest.ini", "w") as f:
            f.write(self.settings + "[retention]\n" + self.keys)

    def give(self, lines, *args):
        r = ingest(self.path, b"".join(
            (x if isinstance(x, bytes) else x.encode()) + b"\n"
            for x in lines), "--now", "2200-01-01T00:00:00Z", *args)
        if r.status != 0:
            diag(r)
        return r

    def move(self):
        """Into pages, which stay as they are."""
        r = flush(self.path, "--force", "--no-seal", "--no-retention")
        if r.status != 0 or r.err:
            diag(r)

    def add(self, lines):
        self.give(lines)
        self.move()

    def flush(self, now, *args):
        r = flush(self.path, "--now", now, *args)
        if r.status != 0 or r.out or r.err:
            diag(r)
        return r

    def seal(self, *args):
        return flush(self.path, "--seal", *args)

    def export(self):
        r = query(self.path, "-f", "lp", "--time-format", "ns", "k")
        if r.status != 0:
            diag(r)
        return r.out

    def names(self):
        return sorted(n for n in os.listdir(self.db)
                      if partition(n) is not None)

    def bytes(self, name):
        with open(os.path.join(self.db, name), "rb") as f:
            return f.read()

    def write(self, name, data):
        with open(os.path.join(self.db, name), "r+b") as f:
            f.truncate(0)
            f.write(data)

    def file(self, name):
        return DataFile(self.bytes(name), partition(name))

    def pages(self, name):
        f = self.file(name)
        return [p for kind, p in f.pages(len(f.data)) if kind == "page"]

    def sealed(self):
        """Names of the files of which all pages are sealed."""
        return [n for n in self.names()
                if all(p.sealed for p in self.pages(n))]

    def verify(self, name):
        r = run(["ntdb-inspect", "-r", self.path, "verify"])
        ok(r.status == 0 and not r.err, name + ": verify") or diag(r)

    def seals(self):
        """The counter in the state cache: ntdb-format(5)."""
        return struct.unpack("<21Q", self.bytes("k.cache")[-172:-4])[17]

    def stamps(self):
        """What changes with a file, of all files but the cache."""
        return {n: (s.st_ino, s.st_size, s.st_mtime_ns) for n, s in
                ((n, os.stat(os.path.join(self.db, n)))
                 for n in os.listdir(self.db)) if not n.endswith(".cache")}


def deflated(data):
    z = zlib.compressobj(6, zlib.DEFLATED, -15)
    return z.compress(data) + z.flush()


def noise(metric, at, n, step=SECOND):
    """n samples whose size does not shrink: about 8 bytes each."""
    return ["k/%s %di %d" % (metric, rng.randrange(-2**62, 2**62),
                             at + i * step) for i in range(n)]


def due(name, root, table):
    """Run a flush at each time; which files are sealed then."""
    for now, want in table:
        root.flush(now)
        same(root.sealed(), want, "%s: at %s" % (name, now))
    root.verify(name)


# ---- when: the end of the partition and grace

DAT = "data-2026-12-0%d.dat"
root = Root()
root.add(noise("a", D0 + 5 * SECOND, 50) + noise("a", D0 + DAY, 50))
due("days", root, [
    ("2026-12-01T12:00:00Z", []),
    ("2026-12-02T00:00:00Z", []),
    ("2026-12-02T00:04:59.999999999Z", []),
    ("2026-12-02T00:05:00Z", [DAT % 1]),
    ("2026-12-03T00:04:59Z", [DAT % 1]),
    ("2027-12-03T00:04:59Z", [DAT % 1, DAT % 2])])
ok(all(root.file(n).sealed_late for n in root.names()),
   "days: sealed when they were over")
root = Root()
root.keys += "grace = 2h\n"
root.write_manifest()
root.add(noise("a", D0 + 5 * SECOND, 50))
due("grace", root, [("2026-12-02T01:59:59.999999999Z", []),
                    ("2026-12-02T02:00:00Z", [DAT % 1])])
root = Root()
root.keys += "grace = 0s\n"
root.write_manifest()
root.add(noise("a", D0 + 5 * SECOND, 50))
due("no grace", root, [("2026-12-01T23:59:59.999999999Z", []),
                       ("2026-12-02T00:00:00Z", [DAT % 1])])

root = Root()
old = ["k/a %d 1700000000%09d" % (i, i) for i in range(9)]
root.add(old)
due("clock not set", root, [("2026-10-31T23:59:59Z", []),
                            ("1970-01-01T00:00:09Z", []),
                            ("2026-11-02T00:00:00Z",
                             ["data-2023-11-14.dat"])])
root = Root()
root.add(old)
root.flush("2026-10-31T23:59:59Z", "--seal")
same(root.sealed(), root.names(), "--seal needs no clock")
ok(not root.file(root.names()[0]).sealed_late,
   "but does not know then whether the day is over")

# ---- and how much is not sealed

for kind, name, end in (("month", "data-2026-12.dat", "2027-01-01T00:0%d:00Z"),
                        ("year", "data-2026.dat", "2027-01-01T00:0%d:00Z"),
                        ("forever", "data-forever.dat", None)):
    root = Root(partition=kind, manifest="[metrics]\nlate = accept\n")
    root.add(noise("a", D0, 2000))
    due(kind, root, [("2026-12-01T23:00:00Z", []),
                     ("2026-12-02T00:04:59Z", []),
                     ("2026-12-02T00:05:00Z", [name])])
    ok(not root.file(name).sealed_late, kind + ": it is not over")
    # A twentieth is not enough, and nor is what is of today.
    root.add(noise("a", D0 + DAY, 100))
    due(kind + ", little more", root, [("2026-12-03T12:00:00Z", [])])
    root.add(noise("a", D0 + 2 * DAY, 2000))
    due(kind + ", much of today", root, [("2026-12-03T23:59:00Z", [])])
    root.add(noise("a", D0 + 3 * DAY, 100))
    due(kind + ", much of yesterday", root,
        [("2026-12-04T12:00:00Z", [name])])
    same(len(root.pages(name)), 1, kind + ": today's pages are in it too")
    root.add(noise("a", D0 + 4 * DAY, 100))
    if end is None:
        due(kind + ", after a century", root, [("2126-12-07T12:00:00Z", [])])
        continue
    due(kind + ", its end", root, [("2026-12-31T23:00:00Z", []),
                                   (end % 4, []), (end % 5, [name])])
    ok(root.file(name).sealed_late, kind + ": it was over")
    root.add(noise("a", D0 + 5 * DAY, 100))
    due(kind + ", a little late", root, [("2028-01-01T00:00:00Z", [])])
    root.add(noise("a", D0 + 6 * DAY, 4000))
    due(kind + ", much of it late", root, [("2028-01-02T00:00:00Z", [name])])

# ---- what it leaves

root = Root("[metrics]\nlate = accept\nintegers = float\n")
lines = [
    "k/int32 %di %d" % (v, D0 + i) for i, v in
    enumerate([0, -1, 2**31 - 1, -2**31])] + [
    "k/wide %di %d" % (v, D0 + i) for i, v in
    enumerate([1, 2**63 - 1, -2**63, 5])] + [
    "k/float %s %d" % (v, D0 + i) for i, v in enumerate(
        "0.5 -0.0 NaN +Inf -Inf 1e308 5e-324 0.1 21.10 123456.789".split())
    ] + ["k/one 1i %d" % (D0 + 7)] + [
    "k/const 4.5 %d" % (D0 + i) for i in range(300)]
root.add(lines)
root.add(["k/turns %d %d" % (v, D0 + v) for v in range(200)])
root.add(["k/turns 0.25 %d" % (D0 + 500), "k/wide 9i %d" % (D0 + 9)])
root.give(noise("log", D0, 20))
before, n = root.export(), root.seals()
dry = root.bytes(DAT % 1), root.stamps()
r = flush(root.path, "--seal", "--dry-run")
same((r.status, r.err, len(r.out.splitlines())), (0, b"", 2), "--dry-run")
same((root.bytes(DAT % 1), root.stamps()), dry, "changes nothing")
r = root.seal()
same((r.status, r.out, r.err), (0, b"", b""), "--seal is silent")
same(root.export(), before, "the export is the same")
same(root.sealed(), root.names(), "of a file that is of today")
same(Log(root.bytes("k.wal")).committed, {}, "the log lists no file any more")
same(root.seals(), n + 1, "one more is counted")
db = Database(root.db)
got = {name: [(t, v if v == v else "NaN") for t, v in found]
       for name, found in db.samples.items()}
same(got[b"int32"], [(D0, 0), (D0 + 1, -1), (D0 + 2, 2**31 - 1),
                     (D0 + 3, -2**31)], "as an independent reader sees it")
same([repr(v) for _, v in got[b"float"]],
     ["0.5", "-0.0", "'NaN'", "inf", "-inf", "1e+308", "5e-324", "0.1",
      "21.1", "123456.789"], "floats to the bit")
same(got[b"turns"][-2:], [(D0 + 199, 199.0), (D0 + 500, 0.25)],
     "integers of a metric that has turned into floats")
root.verify("all types")
stamps, data = root.stamps(), root.bytes(DAT % 1)
r = root.seal()
same((r.status, r.err, root.stamps(), root.bytes(DAT % 1)),
     (0, b"", stamps, data), "once more changes nothing")
same(root.seals(), n + 1, "and is not counted")

# Samples that come later, among the sealed ones and behind them.
late = ["k/int32 7i %d" % (D0 + 2), "k/int32 8i %d" % (D0 + 2),
        "k/early 1i %d" % D0, "k/float 3.5 %d" % (D0 + 3),
        "k/wide 10i %d" % (D0 + 100)]
root.add(late)
same([p.sealed for p in root.pages(DAT % 1)], [True, False],
     "a late page stands behind them")
before = root.export()
ident = root.file(DAT % 1).id
root.seal()
same(root.export(), before, "sealed again: the export is the same")
same([p.sealed for p in root.pages(DAT % 1)], [True], "in one page")
ok(root.file(DAT % 1).id != ident, "with another file id")
same([v for t, v in Database(root.db).samples[b"int32"] if t == D0 + 2],
     [2**31 - 1, 7, 8], "equal times in order of arrival")
root.verify("sealed again")
r = root.give(lines + late)
same((r.status, r.err), (0, b""), "all of it sent again is known")
root.move()
same(root.export(), before, "and nothing is there twice")

# ---- the list of last samples

root = Root(partition="forever", manifest="[metrics]\nlate = accept\n")
for i in range(3):
    root.add(noise("a", D0 + i * DAY, 6000) + noise("b", D0, 10) +
             ["k/c%d 1.5 %d" % (i, D0 + 77)])
root.add(["k/b 1i %d" % (D0 + 9 * SECOND), "k/b 2i %d" % (D0 + 9 * SECOND)])
root.seal()
root.add(noise("a", D0 + 9 * DAY, 10))
f = root.file("data-forever.dat")
ok(f.list_len > 0, "a file of %d bytes has a list" % len(f.data))
names = {m["name"]: m["id"]
         for m in json.loads(root.bytes("catalog.json"))["metrics"]}
want = {}
for p in root.pages("data-forever.dat"):
    for i, kind, found in p.runs() if p.sealed else []:
        for t, v in found:
            if i not in want or want[i][1] <= t:
                want[i] = kind, t, v
same(f.lasts(), want, "which says what its pages hold")
same(want[names["b"]][2], 2, "of equal times the last one")
ok(f.list_len < 16 + 64 + 8 * len(want), "in %d bytes" % f.list_len)
root.verify("list")
for cut in (False, True):
    if cut:
        # A list that is damaged costs nothing but time.
        data = bytearray(root.bytes("data-forever.dat"))
        data[f.list_at + 20] ^= 1
        root.write("data-forever.dat", data)
    os.unlink(root.db + "/k.cache")
    r = ingest(root.path, b"k/c0 1.5 %d\nk/a 5i %d\n" % (
        D0 + 77, D0 + 9 * DAY + 9 * SECOND + 1 + cut), "-v",
        "--now", "2200-01-01T00:00:00Z")
    same(r.status, 0, "without a cache, list damaged: %s" % cut)
    ok(b"1 duplicate" in r.err, "the last samples are known") or diag(r)
r = run(["ntdb-inspect", "-r", root.path, "verify"])
ok(r.status == 65 and r.err.count(b"\n") == 1 and b"last samples" in r.err,
   "verify tells of the damaged list") or diag(r)
lying = root.bytes("data-forever.dat")[:f.list_at] + \
    f.data[f.list_at:f.list_at + 16] + deflated(
        zlib.decompress(f.data[f.list_at + 16:f.list_at + f.list_len],
                        -15)[:-1] + b"\2")
if len(lying) == f.list_at + f.list_len:
    head = lying[f.list_at:f.list_at + 12]
    crc = struct.pack("<I", zlib.crc32(head + lying[f.list_at + 16:]))
    lying = lying[:f.list_at + 12] + crc + lying[f.list_at + 16:] + \
        root.bytes("data-forever.dat")[f.list_at + f.list_len:]
    root.write("data-forever.dat", lying)
    r = run(["ntdb-inspect", "-r", root.path, "verify"])
    ok(r.status == 65 and b"does not say what" in r.err,
       "and of one that lies") or diag(r)
else:
    skip("a list that lies", "its length changes")

# ---- large ones: cut by time, then by metric; full pages are not packed anew

root = Root(partition="forever", manifest="[metrics]\nlate = accept\n")
name = "data-forever.dat"
lines = []
for i in range(160000):
    t = D0 + i * SECOND
    lines += [b"k/m%d %d %d" % (m, rng.randrange(1000), t) for m in range(4)]
root.add(lines)
root.seal()
first = root.pages(name)
ok(len(first) == 2 and all(p.n_samples >= 2**18 for p in first) and
   first[0].t_max == D0 + DAY - SECOND,
   "640,000 samples of two days: cut at midnight")
f, data = root.file(name), root.bytes(name)
root.add(["k/m1 5i %d" % (D0 + 9 * DAY), "k/m9 6i %d" % (D0 + 9 * DAY)])
before = root.export()
root.seal()
ok(root.bytes(name)[64:f.list_at] == data[64:f.list_at] and
   len(root.pages(name)) == 3, "what is full stays as it is")
same(sorted(root.file(name).lasts().items())[-1][1],
     (1, D0 + 9 * DAY, 6), "the list goes on")
same(root.export(), before, "the export is the same")
root.verify("full pages")
root.add(["k/m1 55i %d" % (D0 + 5)])
before = root.export()
root.seal()
now = root.bytes(name)
at = [p.at for p in root.pages(name)]
ok(len(at) == 3 and data[first[1].at:first[1].at + first[1].len] ==
   now[at[1]:at[1] + first[1].len] and
   root.pages(name)[0].n_samples == first[0].n_samples + 1,
   "a late sample costs one page")
same(root.export(), before, "the export is the same")
root.verify("late in a full page")

root = Root(partition="forever")
lines = [b"k/m%d %d %d" % (m, v, D0) for m, n in
         ((0, 30000), (1, 560000), (2, 30000)) for v in range(n)]
root.add(lines)
root.seal()
pages = root.pages(name)
ok(len(pages) > 2 and max(p.n_samples for p in pages) <= 2**19,
   "620,000 samples of one nanosecond: %s" % [p.n_samples for p in pages])
out = root.export().splitlines()
same(len(out), len(lines), "all are there")
ok([int(x.split()[1].rstrip(b"i")) for x in out] ==
   [int(x.split()[1]) for x in lines], "in order of arrival")
root.verify("one nanosecond")

# ---- ids without a name

root = Root()
root.add(["k/named 1i %d" % D0, "k/lost 2.5 %d" % D0, "k/lost 3.5 %d" %
          (D0 + 1), "k/lostint 7i %d" % D0])
before, catalog = root.export(), root.bytes("catalog.json")
root.write("catalog.json", b'{"metrics":[\n{"name":"named","id":1,'
           b'"type":"int32"}\n]}\n')
os.unlink(root.db + "/k.cache")
r = root.seal()
same(root.sealed(), root.names(), "sealed without a catalog")
root.write("catalog.json", catalog)
os.unlink(root.db + "/k.cache")
same(root.export(), before, "nothing of what has no name is lost")
root.verify("names")

# ---- damage

root = Root()
root.add(noise("a", D0, 400) + noise("b", D0 + 7, 400))
root.add(noise("a", D0 + 4000 * SECOND, 400))
whole = set(root.export().splitlines())
good = root.bytes(DAT % 1)
one, two = root.pages(DAT % 1)
for what, at, left in (("a group", one.at + one.len - 3, 401),
                       ("a directory", one.at + 80, 400),
                       ("a header", one.at + 30, 400),
                       ("the last page", two.at + 90, 800)):
    bad = bytearray(good)
    bad[at] ^= 0x10
    case = Root()
    subprocess.run(["cp", "-a", root.db, case.path], check=True)
    case.write(DAT % 1, bad)
    # A copy has no valid cache: making one tells of damage too.
    flush(case.path, "--no-seal")
    ident = case.file(DAT % 1).id
    r = case.seal()
    kept = "%s.damaged-%016x" % (DAT % 1, ident)
    ok(r.status == 65 and r.err.count(b"\n") == 1 and
       kept.encode() in r.err, "damage in %s: told once" % what) or diag(r)
    same(case.bytes(kept), bytes(bad), "the damaged file is kept")
    r = query(case.path, "-f", "lp", "--time-format", "ns", "k")
    got = set(r.out.splitlines())
    ok(r.status == 0 and left <= len(got) < len(whole) and got <= whole,
       "%d samples of %d are sealed" % (len(got), len(whole))) or diag(r)
    r = case.seal()
    same((r.status, r.err), (0, b""), "then it is over")
    case.verify("damage in " + what)

new = bytearray(good)
new[two.at + 4] = 2
end = two.at + two.head_len
new[end - 4:end] = struct.pack(
    "<I", zlib.crc32(bytes(new[two.at:end - 4])))
root.write(DAT % 1, new)
r = root.seal()
ok(r.status == 76 and root.bytes(DAT % 1) == bytes(new),
   "what is newer is not sealed") or diag(r)

# ---- one at a time

root = Root()
root.give(noise("a", D0, 50))
with open(root.db + "/maint.lock") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    mine = root.db + "/." + DAT % 1 + ".00000000.seal"
    open(mine, "w").close()
    r = flush(root.path, "--force", "--now", "2027-01-01T00:00:00Z")
    same((r.status, r.out, r.err), (0, b"", b""),
         "another process seals: no matter")
    same(root.sealed(), [], "the log is moved, nothing is sealed")
    same(len(root.pages(DAT % 1)), 1, "into a page")
    r = flush(root.path, "--seal", "--wait", "0s")
    ok(r.status == 75 and r.err.count(b"\n") == 1,
       "--seal that may not wait: 75") or diag(r)
    ok(os.path.exists(mine), "what it is writing is not taken away")
r = flush(root.path, "--now", "2027-01-01T00:00:00Z", "-v")
same((r.status, root.sealed()), (0, root.names()), "then it is sealed")
ok(b"1 files sealed, 50 samples" in r.err, "-v says so") or diag(r)
ok(not os.path.exists(mine), "what was left of it is taken away")
r = flush(root.path, "--seal", "--no-seal")
same(r.status, 64, "--seal --no-seal makes no sense")
root = Root()
root.give(noise("a", D0, 50))
root.flush("2028-01-01T00:00:00Z", "--force", "--no-seal")
same(root.sealed(), [], "--no-seal seals nothing")

# ---- permissions, and what somebody has put there

os.chmod(root.path, 0o750)
root.seal()
same(os.stat(root.db + "/" + DAT % 1).st_mode & 0o777, 0o640,
     "a sealed file has the permissions of the root")
root.add(noise("a", D0 + DAY, 5))
other = Root()
other.add(noise("z", D0 + DAY, 9))
root.write(DAT % 2, other.bytes(DAT % 2))
data = root.bytes(DAT % 2)
r = root.seal()
same((r.status, root.bytes(DAT % 2)), (0, data),
     "a file that the log does not know is left alone")
done()
EOT
