"""A month of a small site, by the clock of --now: collectors that deliver
what they measured, ntdb-flush and ntdb-rollup at their cron times, some runs
killed or left out, a collector that is offline for a while, and a clock that
jumps.  At the end every number is compared with what was measured.

The seed gives the samples and which runs are left out or killed, and so the
contents at the end; at which instruction a kill arrives, it does not.
"""

import os
import re
import resource
import subprocess
import time

import oracle
import rollup_oracle
from blackbox import *
from rollup_oracle import NS, HOUR, DAY, Job

HOME, PLANT = "home", "plant"
ALL = ["min", "max", "sum", "avg", "count", "last", "p95"]
JOBS = [
    Job(HOME, "hour", "*", "1h", ALL, "hourly"),
    Job(PLANT, "hour", "c[23].*", "1h", ALL, "hourly"),
    Job(PLANT, "quarter", "c2.temp", "15m", ["avg", "count"], "quarters"),
    Job("hourly", "max", "*.max", "1d", ["max"], "daily"),
    Job("hourly", "min", "*.min", "1d", ["min"], "daily"),
    Job("hourly", "sum", "*.sum", "1d", ["sum"], "daily"),
    Job("hourly", "count", "*.count", "1d", ["sum"], "daily"),
    Job("hourly", "avg", "*.avg", "1d", ["avg"], "daily"),
]
# What may lie in a root when all is done.
FILES = re.compile(
    r"engine\.ini|[^/]*\.cache|lock|"
    r"(\w+)/(manifest\.ini|catalog\.json|\1\.wal|lock|maint\.lock|"
    r"data-[-0-9a-z]+\.dat|rollup\.checkpoints\.log|\w+\.cache)\Z")


class Shape:
    """How long it takes, and how often who runs."""

    def __init__(self, days, retention, period, step, rollup, kills):
        self.days, self.retention = days, retention
        self.period, self.step, self.rollup = period, step, rollup
        self.kills = kills


SHORT = Shape(6, 2, 300 * NS, HOUR, 3 * HOUR, 30)
LONG = Shape(31, 7, 60 * NS, 300 * NS, HOUR, 30)


# ------------------------------------------------------------ what is measured

def _walk(rng, x, step, digits):
    while True:
        x = round(x + rng.uniform(-step, step), digits)
        yield "%.*f" % (digits, x)


def _counter(rng, x, most):
    while True:
        x += rng.randrange(most)
        yield str(x)


def _pick(rng, *words):
    while True:
        yield rng.choice(words)


def _gauge(rng, low, high):
    while True:
        yield str(rng.randint(low, high))


def _noise(rng):
    while True:
        yield repr(rng.uniform(-1, 1))


def kinds(rng):
    """{name: (texts, is_int, one sample in so many periods)}"""
    return {
        "temp": (_walk(rng, 20.0, 0.2, 1), False, 1),
        "hum": (_walk(rng, 55.0, 0.5, 2), False, 1),
        "volt": (_pick(rng, "230.0"), False, 1),
        "power": (_walk(rng, 400.0, 9.0, 3), False, 1),
        "noise": (_noise(rng), False, 1),
        "sixteenth": (_pick(rng, *[repr(k / 16) for k in range(99)]), False,
                      1),
        # This one leaves int32 on its way.
        "energy": (_counter(rng, 2**31 - 40000, 60), True, 1),
        "bytes": (_counter(rng, 10**12, 10**6), True, 1),
        "rssi": (_gauge(rng, -90, -40), True, 1),
        "load": (_gauge(rng, 0, 100), True, 1),
        "door": (_pick(rng, "0", "0", "0", "1"), True, 1),
        "rain": (_walk(rng, 0.0, 1.0, 1), False, 7),
        'disk{dev="sda"}': (_gauge(rng, 0, 5), True, 3),
    }


class Collector:
    """Measures, spools, and delivers its spool through ntdb-ingest."""

    def __init__(self, number, db, rng, temp, start):
        self.db, self.number = db, number
        self.spool = "%s/spool%d" % (temp, number)
        self.pending = []       # lines not delivered yet, oldest first
        self.sent = 0           # how many of them the run at hand was given
        self.offline = (0, 0)
        self.newest_first = False
        # Some measure exactly when a bucket begins, some beside it.
        self.shift = (0, 0, 1, 17 * 10**6)[number]
        self.metrics = []
        self.ticks = 0
        for kind, (texts, is_int, every) in kinds(rng).items():
            s = oracle.Series("c%d.%s" % (number, kind), is_int)
            self.metrics.append((s, texts, every))

    def measure(self, begin, end, period):
        """Samples of [begin, end) go to the series and to the spool."""
        for t in range(begin, end, period):
            self.ticks += 1
            at = t + self.shift
            for s, texts, every in self.metrics:
                if self.ticks % every:
                    continue
                text = next(texts)
                s.times.append(at)
                s.values.append(int(text) if s.is_int else float(text))
                self.pending.append("%s/%s %s %d\n" % (
                    self.db, s.name, text, at))

    def is_offline(self, t):
        return self.offline[0] <= t < self.offline[1]

    def batch(self, fresh):
        """The file for ntdb-ingest: all, or at first only what is new."""
        if self.newest_first and len(self.pending) > fresh:
            self.pending = (self.pending[-fresh:]
                            + self.pending[:-fresh])
            self.sent = fresh
        else:
            self.sent = len(self.pending)
        with open(self.spool, "w") as f:
            f.writelines(self.pending[:self.sent])
        return self.spool

    def delivered(self):
        del self.pending[:self.sent]
        self.newest_first = False


# ----------------------------------------------------------------- who runs it

class Runs:
    """Starts programs, kills those whose turn it is, and keeps account."""

    def __init__(self, rng, kills):
        self.rng = rng
        self.turns = {"ingest": set(), "flush": set(), "rollup": set()}
        self.due = dict.fromkeys(self.turns, 0)
        self.eager = dict.fromkeys(self.turns, 1.0)
        self.count = dict.fromkeys(self.turns, 0)
        self.took = dict.fromkeys(self.turns, 0.01)
        self.killed = dict.fromkeys(self.turns, 0)
        self.skipped = 0
        self.complaints = []
        self.kills = kills

    def plan(self, kind, turns):
        self.turns[kind] = set(turns)

    def start(self, kind, argv, spool=None):
        """Begin it, and its end by a kill if it is to have one."""
        if self.count[kind] in self.turns[kind]:
            self.due[kind] += 1
        self.count[kind] += 1
        stdin = open(spool, "rb") if spool else subprocess.DEVNULL
        p = subprocess.Popen(argv, stdin=stdin, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        if spool:
            stdin.close()
        p.kind, p.argv, p.began = kind, argv, time.monotonic()
        p.deadly = self.due[kind] > 0
        if p.deadly:
            self.due[kind] -= 1
            time.sleep(self.rng.uniform(0, self.took[kind])
                       * self.eager[kind])
            p.kill()
        return p

    def end(self, p):
        """True if it ended by itself, with 0 and without a word."""
        out, err = p.communicate(timeout=300)
        if p.deadly and p.returncode == -9:
            self.killed[p.kind] += 1
            self.eager[p.kind] = 1.0
            return False
        if p.deadly:            # It was faster; the next one, sooner.
            self.due[p.kind] += 1
            self.eager[p.kind] /= 2
        seconds = time.monotonic() - p.began
        self.took[p.kind] += (seconds - self.took[p.kind]) / (
            2 if seconds > self.took[p.kind] else 20)
        if p.returncode != 0 or out or err:
            self.complaints.append("%s: %s" % (
                " ".join(p.argv), Result(p.returncode, out, err)))
        return p.returncode == 0


class Month:
    def __init__(self, rng, shape, temp):
        self.shape, self.root, self.temp = shape, temp + "/root", temp
        # The month ends, for files of months, in the middle.
        self.start = (oracle.scan_civil("2030-02-01")
                      - shape.days // 2 * DAY)
        self.end = self.start + shape.days * DAY
        self.rng = random.Random(rng.randrange(2**32))
        self.runs = Runs(random.Random(rng.randrange(2**32)), shape.kills)
        self.collectors = [
            Collector(i, HOME if i < 2 else PLANT,
                      random.Random(rng.randrange(2**32)), temp, self.start)
            for i in range(4)]
        self.own = oracle.Series("own", True)   # stamped by the commit
        self.bin = {k: program("ntdb-" + k)
                    for k in ("ingest", "flush", "rollup")}
        self._trouble()
        self._manifests()

    def _some_time(self, low, high):
        """When rollups run, between these parts of the month: they see what
        begins then half done.
        """
        n = (self.end - self.start) // self.shape.rollup
        return self.start + self.rng.randrange(
            int(n * low), int(n * high)) * self.shape.rollup

    def _trouble(self):
        """When what goes wrong."""
        for i, high in ((1, 0.4), (3, 0.8)):
            t = self._some_time(high - 0.2, high)
            self.collectors[i].offline = (t, t + 3 * HOUR)
        back = self._some_time(0.25, 0.35)
        ahead = self._some_time(0.5, 0.55)
        self.jumps = [(back, back + 4 * HOUR, -HOUR),
                      (ahead, ahead + 3 * HOUR, DAY)]
        steps = (self.end - self.start) // self.shape.step
        third = self.shape.kills // 3
        self.runs.plan("ingest", self.rng.sample(range(steps * 3), third))
        self.runs.plan("rollup", self.rng.sample(range(
            1, (self.end - self.start) // self.shape.rollup * 4 // 5),
            third))
        # Half of the flushes are those that seal a day that is over.
        day = DAY // self.shape.step
        sealing = [d * day + 1 for d in range(1, self.shape.days - 1)]
        some = self.rng.sample(sealing, min(third // 2, len(sealing)))
        self.runs.plan("flush", some + self.rng.sample(
            [i for i in range(steps * 4 // 5) if i not in some],
            self.shape.kills - 2 * third - len(some)))

    def _manifests(self):
        os.mkdir(self.root)
        keep = ("[retention]\npartition = day\nretention_days = %d\n"
                "retention_action = delete\n" % self.shape.retention)
        rollup_oracle.manifest(self.root, HOME, JOBS, keep)
        rollup_oracle.manifest(
            self.root, PLANT, JOBS,
            "[retention]\npartition = month\n[metrics]\nlate = accept\n")
        rollup_oracle.manifest(self.root, "hourly", JOBS,
                               "[retention]\npartition = month\n")

    def clock(self, t):
        """What the host believes at t."""
        return t + sum(by for begin, end, by in self.jumps
                       if begin <= t < end)

    def argv(self, kind, t, *args):
        return [self.bin[kind], "-r", self.root, "--wait", "120s", "--now",
                oracle.format_human(self.clock(t)), *args]

    def ingest(self, t, fresh):
        """All collectors that are online deliver, at once."""
        begun = []
        for c in self.collectors:
            if not c.pending or c.is_offline(t):
                continue
            begun.append((c, self.runs.start(
                "ingest", self.argv("ingest", t),
                c.batch(fresh.get(c.number, 0)))))
        for c, p in begun:
            if self.runs.end(p):
                c.delivered()

    def stamp(self, t):
        """A sample without a time, by a run of its own."""
        value = self.rng.randrange(1000)
        r = run(self.argv("ingest", t), "%s/own %d\n" % (HOME, value))
        if r.status != 0 or r.out or r.err:
            self.runs.complaints.append("own: %r" % r)
        at = self.clock(t)
        if self.own.times:
            at = max(at, self.own.times[-1] + 1)
        self.own.times.append(at)
        self.own.values.append(value)

    def cron(self, t):
        """Flush and, at its hours, rollup, side by side."""
        begun = []
        for kind, every in (("flush", self.shape.step),
                            ("rollup", self.shape.rollup)):
            if (t - self.start) % every:
                continue
            if self.rng.random() < 0.03:
                self.runs.skipped += 1
                continue
            begun.append(self.runs.start(kind, self.argv(kind, t)))
        for p in begun:
            self.runs.end(p)

    def go(self):
        step = self.shape.step
        for t in range(self.start + step, self.end + 1, step):
            fresh = {}
            for c in self.collectors:
                before = len(c.pending)
                c.measure(t - step, t, self.shape.period)
                fresh[c.number] = len(c.pending) - before
                # What is late goes where late samples are accepted.
                if t == c.offline[1] and c.db == PLANT:
                    c.newest_first = True
            self.ingest(t, fresh)
            if (t - self.start) % HOUR == 0:
                self.stamp(t)
            self.cron(t)
        self.now = self.end + 600 * NS
        self.finish()

    def finish(self):
        """Ten minutes later all is quiet and runs once more."""
        self.runs.due = dict.fromkeys(self.runs.due, 0)
        self.runs.plan("ingest", ())
        for _ in range(3):
            self.ingest(self.now, {})
        for kind in ("rollup", "flush", "rollup"):
            self.runs.end(self.runs.start(kind, self.argv(kind, self.now)))

    def kept_since(self):
        """The first day that retention leaves."""
        return (self.now - self.shape.retention * DAY) // DAY * DAY

    def series(self, db):
        """{metric: Series} of all that was measured for a database."""
        found = {s.name: s for c in self.collectors if c.db == db
                 for s, _, _ in c.metrics}
        if db == HOME:
            found["own"] = self.own
        return found


# -------------------------------------------------------------- what is checked

def differing(month, db, since):
    """How many metrics differ from what was measured since then."""
    wrong = 0
    for name, s in sorted(month.series(db).items()):
        got = samples(month.root, db + "/" + name)
        first = next((i for i, t in enumerate(s.times) if t >= since),
                     len(s.times))
        want = [(t, oracle.format_value(s.is_int, v))
                for t, v in zip(s.times[first:], s.values[first:])]
        have = [(int(row[1]), row[3]) for row in got or ()
                if row[2].startswith("int") == s.is_int]
        if have == want and len(have) == len(got or ()):
            continue
        wrong += 1
        odd = [x for x in zip(have, want) if x[0] != x[1]][:2]
        diag("%s/%s: %d samples, want %d, first (got, want): %s" % (
            db, name, len(got or ()), len(want), odd))
    return wrong


def sizes(root):
    """{path below root: bytes}"""
    found = {}
    for at, _, files in os.walk(root):
        for name in files:
            path = os.path.join(at, name)
            found[os.path.relpath(path, root)] = os.path.getsize(path)
    return found


def data_bytes(root, db):
    return sum(n for path, n in sizes(root).items()
               if path.startswith(db + "/data-"))


def contents(root):
    """All that can be asked for, but for the suite's own metrics."""
    return query(root, "-f", "lp", HOME, PLANT, "hourly", "quarters",
                 "daily").out


def fresh(month):
    """A root with the same samples, taken over at once and sealed."""
    root = month.temp + "/fresh"
    for db, kind in ((HOME, "day"), (PLANT, "month"), ("hourly", "month"),
                     ("daily", "year"), ("quarters", "month")):
        rollup_oracle.manifest(root, db, (),
                               "[retention]\npartition = %s\n" % kind)
    now = ["--now", oracle.format_human(month.now)]
    ingest(root, contents(month.root), *now)
    flush(root, "--seal", *now)
    return root


def check_contents(month):
    same(differing(month, HOME, month.kept_since()), 0,
         "home: every number within retention, and no other")
    same(differing(month, PLANT, month.start), 0, "plant: every number")
    check = rollup_oracle.Check(month.root)
    ok(check.cascade(JOBS, {HOME: month.series(HOME),
                            PLANT: month.series(PLANT)}, month.now)
       and check.values > 0, "%d values of rollups" % check.values)


def check_again(month):
    """What runs once more finds nothing to do, --rebuild neither."""
    now = ["--now", oracle.format_human(month.now)]
    before, held = contents(month.root), sizes(month.root)
    r = run(["ntdb-rollup", "-r", month.root, *now])
    same((r.status, r.out + r.err, sizes(month.root)), (0, b"", held),
         "a rollup without news writes nothing")
    r = run(["ntdb-rollup", "-r", month.root, "--rebuild", *now])
    same((r.status, r.out + r.err), (0, b""), "--rebuild")
    ok(contents(month.root) == before, "changes nothing")
    r = run(["ntdb-inspect", "-r", month.root, "verify"])
    same((r.status, r.err), (0, b""), "verify finds nothing")


def check_sizes(month):
    odd = [p for p in sizes(month.root) if not FILES.fullmatch(p)]
    same(odd, [], "no file is left over")
    # A checkpoint file is made anew when it has over 1024 lines, and four
    # for each that counts; until then a run may add one for each.
    for db in (HOME, PLANT, "hourly"):
        with open("%s/%s/rollup.checkpoints.log" % (month.root, db)) as f:
            lines = f.read().splitlines()
        need = len({line.rsplit(",", 3)[0] for line in lines})
        ok(len(lines) <= max(1024, 4 * need) + 2 * need,
           "%s: %d lines of checkpoints, %d count" % (db, len(lines), need))
    before = sum(data_bytes(month.root, db) for db in (HOME, PLANT))
    flush(month.root, "--seal", "--now", oracle.format_human(month.now))
    kept = sorted(p for p in sizes(month.root) if p.startswith("home/data-"))
    same(kept, sorted({"home/data-%s.dat" % oracle.format_human(t)[:10]
                       for s in month.series(HOME).values() for t in s.times
                       if t >= month.kept_since()}),
         "home: files of the days kept")
    other = fresh(month)
    ok(contents(other) == contents(month.root),
       "a root made at once has the same contents")
    n = sum(contents(other).count(b"\n%s/" % db.encode())
            for db in (HOME, PLANT))
    for db in (HOME, PLANT, "hourly", "daily"):
        got, best = data_bytes(month.root, db), data_bytes(other, db)
        rows = query(other, "-f", "lp", db).out.count(b"\n")
        ok(got <= 1.05 * best + 4096,
           "%s: %d bytes, %.3f per sample; %.3f made at once" % (
               db, got, got / rows, best / rows))
    sealed_size = sum(data_bytes(month.root, db) for db in (HOME, PLANT))
    ok(before <= 1.6 * sealed_size + 65536,
       "%.3f bytes per sample before all is sealed, %.3f then" % (
           before / n, sealed_size / n))


def simulate(rng, shape):
    plan(21)
    month = Month(rng, shape, tempdir())
    began = time.monotonic()
    month.go()
    seconds = time.monotonic() - began
    runs, used = month.runs, resource.getrusage(resource.RUSAGE_CHILDREN)
    diag("%d days in %.1f s, %.1f s of CPU in programs" % (
        shape.days, seconds, used.ru_utime + used.ru_stime))
    diag("%d samples of %d metrics" % (
        sum(len(s.times) for db in (HOME, PLANT)
            for s in month.series(db).values()),
        sum(len(month.series(db)) for db in (HOME, PLANT))))
    diag("runs %s, killed %s, %d left out" % (runs.count, runs.killed,
                                              runs.skipped))
    same(sum(runs.killed.values()), shape.kills, "runs were killed")
    for text in runs.complaints[:5]:
        diag(text)
    same(len(runs.complaints), 0, "all others ended with 0, silently")
    same(sum(len(c.pending) for c in month.collectors), 0,
         "all was delivered")
    check_contents(month)
    check_again(month)
    check_sizes(month)
    held = sizes(month.root)
    for db in (HOME, PLANT, "hourly", "quarters", "daily", "internal"):
        diag("%s: %d bytes, %d of them data" % (
            db, sum(n for p, n in held.items() if p.startswith(db + "/")),
            data_bytes(month.root, db)))
    diag("%.1f s in all" % (time.monotonic() - began))
    done()
