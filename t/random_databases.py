"""Random databases: what comes out is what went in, however it is stored.

Each database is made of its own number: its settings, metrics, times and
values, and what is done to it between batches.  What it must hold is worked
out by oracle.py from the lines alone.
"""

import glob
import hashlib
import os
import random
import re
import struct

import oracle
from blackbox import *
from differential import campaign

NS = 10**9
DAY = 86400 * NS
NOW_NS = 4102444800 * NS
NOW = ["--now", str(NOW_NS // NS)]
ENDS = [-2**63, -2**63 + 1, 2**63 - 2, 2**63 - 1]


# ------------------------------------------------------------------ values

def walk(rng, digits, step):
    x = rng.uniform(-100, 100)
    while True:
        x += rng.uniform(-step, step)
        yield "%.*f" % (digits, x)


def pick(rng, words):
    while True:
        yield rng.choice(words)


def integers(rng, low, high):
    while True:
        yield str(rng.randint(low, high))


def counter(rng):
    n = rng.choice([0, 2**31 - 50, 2**53 - 50, 2**63 - 10**6])
    while True:
        n = min(n + rng.choice([0, 1, 1, 7, 100]), 2**63 - 1)
        yield str(n)


def any_double(rng):
    while True:
        x = struct.unpack("<d", struct.pack("<Q", rng.getrandbits(64)))[0]
        yield repr(x)


def fractions(rng, parts, digits):
    while True:
        yield "%.*f" % (digits, rng.randrange(50 * parts) / parts)


EXTREME_INTS = [str(x) for x in (
    0, 1, -1, 2**31 - 1, -2**31, 2**31, -2**31 - 1, 2**53, 2**53 + 1,
    -2**53 - 1, 2**63 - 1, -2**63)]
EXTREME_FLOATS = [
    "0.0", "-0.0", "NaN", "inf", "-inf", "1e308", "-1.7976931348623157e308",
    "5e-324", "-2.2250738585072014e-308", "2.2250738585072009e-308",
    "1.1754944e-38", "1e-45", "3.4028235e38", "3.4028236e38", "16777217.0",
    "9007199254740993.0", "9007199254740992", "0.1", "0.30000000000000004",
    "123456789.12345678", "1.00000000000000022", "99999999999999.9",
    "0.12345678901234567890123", "1e22", "1e23", "1e21", "1e-7", "1e-6"]


def values_of(rng):
    """A source of values as text; the first of floats is no bare integer."""
    return rng.choice([
        lambda: walk(rng, rng.randrange(1, 4), 0.5),
        lambda: walk(rng, rng.randrange(4, 16), 5),
        lambda: pick(rng, [rng.choice(["7", "230.1", "NaN", "-0.0", "1e308"])]),
        lambda: pick(rng, ["21.5", "21.0", "22.5"]),
        lambda: pick(rng, EXTREME_FLOATS),
        lambda: pick(rng, EXTREME_INTS),
        lambda: pick(rng, ["0", "1"]),
        lambda: integers(rng, 0, 1000),
        lambda: integers(rng, -2**63, 2**63 - 1),
        lambda: counter(rng),
        lambda: any_double(rng),
        lambda: fractions(rng, 16, 4),
        lambda: fractions(rng, 30, 2),
    ])()


# ------------------------------------------------------------------- times

def times_of(rng, start):
    """A source of times, not decreasing: steps, jitter, ties and gaps."""
    t = start + rng.choice([0, rng.randrange(3600 * NS)])
    step = rng.choice([1, 1000, NS // 4, NS, 10 * NS, 60 * NS, 3600 * NS,
                       86400 * NS, 20 * NS + 123456789])
    jitter = rng.choice([0, 0, step // 20, step])
    ties = rng.choice([0, 0, 0.02, 0.5])
    gaps = rng.choice([0, 0, 0.01])
    while True:
        yield min(t, 2**63 - 1)
        if rng.random() < ties:
            continue
        t += step + (rng.randrange(jitter) if jitter else 0)
        if rng.random() < gaps:
            t += rng.randrange(5 * 365) * DAY


# --------------------------------------------------------------- databases

class Database:
    def __init__(self, number, big):
        self.rng = random.Random(number)
        self.big = big
        self.root = tempdir() + "/root"
        self.store = oracle.Store()
        self.late = self.rng.random() < 0.5
        self.kind = self.rng.choice(["day", "month", "year", "forever"])
        self.limit = self.rng.choice([65536, 65536, 3000, 500, 100])
        self.direct = self.rng.random() < 0.15
        self.profile = self.rng.choice(["strict", "balanced", "throughput"])
        self.frozen = set()
        self.problems = []
        self.told = []
        self._metrics()
        os.makedirs(self.root + "/d")
        with open(self.root + "/engine.ini", "w") as f:
            f.write("[durability]\nprofile = %s\n[wal]\nfsync_policy = %s\n"
                    % (self.profile,
                       self.rng.choice(["segment", "10s", "always"])))
        self._manifest()

    def _metrics(self):
        rng = self.rng
        if self.big:
            n = 10000
        else:
            n = rng.choice([1, 2, 5, 20, 100])
        start = rng.choice([0, 1767225600 * NS, 951782400 * NS - 500 * NS,
                            -86400 * NS])
        self.sources = {}
        for i in range(n):
            name = rng.choice(["m%d", "room/%d.temp", "x{n=\"%d\"}",
                               "\u00e9.%d"]) % i
            self.sources[name] = (times_of(rng, start), values_of(rng))

    def _manifest(self):
        text = ("[retention]\npartition = %s\n[metrics]\nlate = %s\n"
                "max_future = 0\n[page]\nmax_records = %d\n"
                "[wal]\nenabled = %s\n"
                % (self.kind, "accept" if self.late else "reject",
                   self.limit, "no" if self.direct else "yes"))
        path = self.root + "/d/manifest.ini"
        with open(path + ".new", "w") as f:
            f.write(text)
        os.rename(path + ".new", path)

    def describe(self):
        n = sum(len(s.times) for s in self.store.series.values())
        return "%d metrics, %d samples, %s" % (
            len(self.store.series), n, ", ".join(self.told))

    def wrong(self, text):
        self.problems.append(text)

    # Batches.

    def _samples(self):
        """Samples as (metric, time, text), in order of time."""
        rng = self.rng
        names = list(self.sources)
        if self.big:
            return [(m, next(self.sources[m][0]), next(self.sources[m][1]))
                    for m in names for _ in range(rng.choice([1, 1, 2]))]
        n = rng.choice([1, 10, 300, 1500])
        chosen = rng.sample(names, min(len(names), rng.choice([1, 5, 100])))
        out = []
        for m in chosen:
            times, values = self.sources[m]
            for _ in range(max(1, n // len(chosen))):
                out.append((m, next(times), next(values)))
        if rng.random() < 0.05:
            out += [(rng.choice(names), t, "1") for t in ENDS]
        out.sort(key=lambda x: x[1])
        return out

    def _disturb(self, batch):
        """Some late ones, some twice, or no order at all."""
        rng = self.rng
        how = rng.random()
        if how < 0.2:
            rng.shuffle(batch)
        elif how < 0.5:
            for _ in range(len(batch) // 20):
                batch.insert(rng.randrange(len(batch)), rng.choice(batch))
        elif how < 0.6:
            for _ in range(len(batch) // 20 + 1):
                m, t, text = rng.choice(batch)
                batch.append((m, t - rng.randrange(10 * DAY)
                              if t > -2**62 else t, text))
        return batch

    def _take(self, batch):
        """Lines for a batch, and (samples, duplicates, refused) of it."""
        lines, counts = [], [0, 0, 0]
        for m, t, text in batch:
            is_int, _, value = oracle.scan_value(text)
            name = "d/" + m
            s = self.store.series.get(name)
            if s is not None and s.is_int and not is_int:
                continue
            if s is not None and not s.is_int and text.endswith("i"):
                continue
            if (m, t) in self.frozen:
                # Which of equal times came first is told by the file: do
                # not have them in files of two kinds.
                key = oracle.bits(value if s.is_int else float(value))
                at = [oracle.bits(v) for u, v in zip(s.times, s.values)
                      if u == t]
                if key not in at:
                    continue
            lines.append("%s %s %d" % (name, text, t))
            if s is None:
                s = oracle.Series(name, is_int)
            try:
                counts[0 if s.add(t, value, self.late) else 1] += 1
                self.store.series.setdefault(name, s)
            except ValueError:
                counts[2] += 1
        return lines, tuple(counts)

    def batch(self):
        lines, want = self._take(self._disturb(self._samples()))
        r = ingest(self.root, "".join(x + "\n" for x in lines), "-v", "-p",
                   "ns", *NOW)
        m = re.search(rb"(\d+) samples?, (\d+) duplicates?, .* (\d+) refused",
                      r.err)
        got = tuple(map(int, m.groups())) if m else None
        if got != want or r.status != (65 if want[2] else 0):
            self.wrong("batch of %d: %s, not %s; %r"
                       % (len(lines), got, want, r))

    # What is done in between.

    def run(self, what, *args):
        r = flush(self.root, *args, *NOW)
        self.told.append(what)
        if r.status != 0 or r.err or r.out:
            self.wrong("%s: %r" % (what, r))

    def between(self):
        rng = self.rng
        how = rng.randrange(7)
        if how < 2:
            self.run("flush", *move_args())
        elif how == 2:
            self.run("seal", *seal_args())
        elif how == 3:
            # Equal times in files of several kinds come by kind: what is
            # still in the log must not go to a lesser one.
            kinds = ["day", "month", "year", "forever"]
            kind = rng.choice(kinds)
            if kinds.index(kind) < kinds.index(self.kind):
                self.run("flush", *move_args())
            self.kind = kind
            self.told.append(kind)
            for s in self.store.series.values():
                self.frozen.update((s.name[2:], t) for t in s.times)
            self._manifest()
        elif how == 4:
            self.late = not self.late
            self.told.append("accept" if self.late else "reject")
            self._manifest()
        elif how == 5:
            self.drop_cache()

    def drop_cache(self):
        for path in glob.glob(self.root + "/d/*.cache"):
            os.unlink(path)

    # What must hold.

    def export(self, root, when):
        r = query(root, "-f", "lp", *NOW, "d")
        want = self.store.export()
        if r.status != 0 or r.err:
            self.wrong("export %s: %r" % (when, r))
        elif r.out != want:
            got, want = r.out.splitlines(), want.splitlines()
            first = next((i for i, (g, w) in enumerate(zip(got, want))
                          if g != w), min(len(got), len(want)))
            self.wrong("export %s: %d lines, not %d; line %d: %s, not %s" % (
                when, len(got), len(want), first + 1,
                got[first:first + 2], want[first:first + 2]))
        return r.out

    def answers(self, when):
        """The first queries after the cache has gone."""
        self.drop_cache()
        rows = samples_of(query(self.root, "-f", "csv", "--time-format",
                                "ns", *NOW, "d"))
        want = [[s.name, str(s.times[-1]), s.type,
                 oracle.format_value(s.is_int, s.values[-1])]
                for s in map(self.store.series.get, self.store.names())]
        if rows != want:
            self.wrong("last values %s: %s" % (when, clip([
                (g, w) for g, w in zip(rows or [], want) if g != w][:3])))
        if campaign(self.store, self.root, self.rng, NOW_NS,
                    2 if self.big else 5, 3000, quiet=True):
            self.wrong("queries " + when)

    def files(self):
        out = {}
        for path in sorted(glob.glob(self.root + "/d/*")):
            if not path.endswith((".cache", "lock")):
                with open(path, "rb") as f:
                    out[os.path.basename(path)] = hashlib.sha256(
                        f.read()).hexdigest()
        return out

    def check(self):
        self.export(self.root, "at first")
        self.run("flush", *move_args())
        self.answers("of pages")
        self.export(self.root, "after a flush")
        self.run("seal", *seal_args())
        text = self.export(self.root, "after sealing")
        self.answers("of %s pages" % sealed())
        before = self.files()
        self.run("seal", *seal_args())
        if self.files() != before:
            self.wrong("sealing again changed %s" % [
                k for k, v in self.files().items() if before.get(k) != v])
        r = run(["ntdb-inspect", "verify", "-r", self.root])
        if r.status != 0 or r.out or r.err:
            self.wrong("verify: %r" % r)
        other = tempdir() + "/other"
        os.makedirs(other + "/d")
        with open(other + "/d/manifest.ini", "w") as f:
            f.write("[metrics]\nmax_future = 0\n")
        r = ingest(other, text, *NOW)
        if r.status != 0 or r.err:
            self.wrong("ingest of the export: %r" % r)
        self.export(other, "of the export")


def samples_of(r):
    return csv_rows(r.out) if r.status == 0 and not r.err else repr(r)


def databases(rng, n):
    """n results, one for each database."""
    for i in range(n):
        number = rng.getrandbits(40)
        db = Database(number, i % 25 == 3)
        db.told.append("late = " + ("accept" if db.late else "reject"))
        db.told.append(db.kind)
        for _ in range(1 + db.rng.randrange(2 if db.big else 6)):
            db.batch()
            db.between()
        db.batch()
        name = db.describe()
        if db.store.series:
            db.check()
        if not ok(not db.problems, "%d: %s" % (i + 1, name)):
            diag("number %d" % number)
            for text in db.problems[:6]:
                diag(clip(text, 1500))
