"""What the results of rollups must be, by the oracle, against what is stored.

The oracle computes each bucket from the samples themselves, with Python's
integers and fractions.  Nothing of ntdb's own aggregates is used.
"""

import fnmatch
import os

import oracle
from blackbox import *

NS = oracle.NS
MINUTE, HOUR, DAY = 60 * NS, 3600 * NS, 86400 * NS


class Job:
    """Metrics of one database that match a glob, and where results go."""

    def __init__(self, source, ident, pattern, interval, aggregates, dest):
        self.source, self.ident, self.pattern = source, ident, pattern
        self.interval, self.aggregates, self.dest = interval, aggregates, dest

    def section(self):
        """As a manifest has it."""
        return ("[rollup.%s]\nsource_pattern = %s\ninterval = %s\n"
                "aggregates = %s\ndestination_db = %s\n" % (
                    self.ident, self.pattern, self.interval,
                    ", ".join(self.aggregates), self.dest))


def manifest(root, db, jobs, text=""):
    """Write the manifest of a database and its jobs."""
    os.makedirs("%s/%s" % (root, db), exist_ok=True)
    with open("%s/%s/manifest.ini" % (root, db), "w") as f:
        f.write(text + "".join(j.section() for j in jobs if j.source == db))


def result_name(metric, aggregate):
    """The aggregate goes before a label part."""
    if metric.endswith("}") and "{" in metric:
        name, brace, labels = metric.partition("{")
        return name + "." + aggregate + brace + labels
    return metric + "." + aggregate


def series_of(root, db):
    """{metric: Series} of what a database holds; None, told, if it fails."""
    r = query(root, "-f", "csv", "--time-format", "ns", *EVER, db + "/*")
    if r.status != 0 or r.err:
        diag(r)
        return None
    found = {}
    for full, t, kind, text in csv_rows(r.out):
        name = full.partition("/")[2]
        s = found.get(name)
        if s is None:
            s = found[name] = oracle.Series(name, kind.startswith("int"))
        s.times.append(int(t))
        s.values.append(int(text) if s.is_int else float(text))
    return found


def buckets(series, window):
    """(start, i, j) of each bucket that holds samples."""
    i, n = 0, len(series.times)
    while i < n:
        start = oracle.bucket_start(series.times[i], window)
        j = i + 1
        while j < n and series.times[j] < start + window:
            j += 1
        yield start, i, j
        i = j


def _right(aggregate, want, is_float, got):
    """Whether a stored value is (is_int, value) of the oracle."""
    is_int, value = want
    if is_int and is_float:
        # A sum that left int64 has made floats of its metric.
        return oracle.close("min", float(value), got)
    if is_int or not is_float:
        return is_int and not is_float and value == got
    return oracle.close(aggregate, value, got)


class Check:
    """Compares results; says what differs, a few times."""

    def __init__(self, root):
        self.root = root
        self.values = self.wrong = 0
        self.seen = {}          # by destination: {metric: Series}
        self.wanted = {}        # by destination: names that jobs write

    def stored(self, db):
        if db not in self.seen:
            self.seen[db] = series_of(self.root, db) or {}
        return self.seen[db]

    def blame(self, text):
        self.wrong += 1
        if self.wrong <= 20:
            diag(text)

    def job(self, job, source, now, grace=300 * NS):
        """All results of a job; source is {metric: Series} of its database.

        Buckets are there if they are due, by a later sample or by the clock.
        """
        window = oracle.scan_duration(job.interval)
        names = self.wanted.setdefault(job.dest, set())
        for metric in sorted(source):
            if not fnmatch.fnmatchcase(metric, job.pattern):
                continue
            s = source[metric]
            due = max(s.times[-1], now - grace)
            found = [b for b in buckets(s, window) if b[0] + window <= due]
            for aggregate in job.aggregates if found else ():
                name = result_name(metric, aggregate)
                names.add(name)
                self._metric(job, name, aggregate, s, found)

    def _metric(self, job, name, aggregate, source, found):
        got = self.stored(job.dest).get(name)
        if got is None:
            return self.blame("%s/%s is missing" % (job.dest, name))
        have = got.times
        want = [b[0] for b in found]
        if have != want:
            lost = sorted(set(want) - set(have))
            made = sorted(set(have) - set(want))
            self.blame("%s/%s: %d buckets, want %d; missing %s, too many %s"
                       % (job.dest, name, len(have), len(want), lost[:3],
                          made[:3] or "none, or twice"))
        stored = dict(zip(have, got.values))
        for start, i, j in found:
            if start not in stored:
                continue
            self.values += 1
            right = oracle.aggregate(aggregate, source, i, j)
            if not _right(aggregate, right, not got.is_int, stored[start]):
                self.blame("%s/%s at %d: %r, want %r, of %d samples" % (
                    job.dest, name, start, stored[start], right, j - i))

    def strangers(self):
        """Metrics of the destinations that no job writes."""
        for db, names in sorted(self.wanted.items()):
            for name in sorted(set(self.stored(db)) - names):
                self.blame("%s/%s comes from no job" % (db, name))

    def cascade(self, jobs, sources, now):
        """All jobs, sources first; a database that is no key of sources is a
        destination itself, and what it holds is where its jobs begin.
        """
        for job in jobs:
            source = sources.get(job.source)
            self.job(job, self.stored(job.source) if source is None
                     else source, now)
        self.strangers()
        return self.wrong == 0


# ------------------------------------------------------------- whole campaigns

ALL = ["min", "max", "sum", "avg", "count", "first", "last", "p95"]


def jobs_of(db, intervals=("1m", "1h", "1d")):
    """Jobs that read a database straight, into each its own, and a cascade
    of minutes, hours and days.
    """
    jobs = [Job(db, "r" + i, "*", i, ALL, "every_" + i) for i in intervals]
    source = "every_1m"
    for interval, dest in (("1h", "of_minutes"), ("1d", "of_hours")):
        for name, aggregate in (("min", "min"), ("max", "max"),
                                ("sum", "sum"), ("count", "sum"),
                                ("avg", "avg"), ("last", "last"),
                                ("p95", "p95")):
            if dest == "of_hours":
                name = "%s.%s" % (name, aggregate)
            jobs.append(Job(source, "c." + name, "*." + name, interval,
                            [aggregate], dest))
        source = dest
    return jobs


def deliver(root, db, pieces, rng, now_of, each=None):
    """Take in pieces of line protocol with a rollup behind each, the log
    moved or not, sealed or not; how many runs complained.
    """
    bad = 0
    for n, piece in enumerate(pieces):
        now = ["--now", oracle.format_human(now_of(n))]
        runs = [ingest(root, b"\n".join(piece) + b"\n", *now)]
        way = rng.randrange(4)
        if way:
            runs.append(flush(root, ("--force", "--seal", "-q")[way - 1],
                              *now))
        runs.append(run(["ntdb-rollup", "-r", root, *now]))
        for r in runs:
            if r.status != 0 or r.out or r.err:
                diag(r)
                bad += 1
        if each is not None:
            each(n)
    return bad
