"""What rollups must hold, computed from the samples that went in.

A World is a root with databases and jobs, and all samples that were accepted
by those that are fed; what each job's destination must hold follows from
these alone, by exact arithmetic.
"""

import os
import re
from fractions import Fraction

from blackbox import *

NS = 10**9
MINUTE, HOUR, DAY = 60 * NS, 3600 * NS, 86400 * NS
# [job], written, replaced (from, to), metrics: of what -n and -v say.
JOB_DONE = (r"(\[.*?\]) (?:would write )?(\d+) values(?: written,|"
            r" and replace) (\d+)(?: to |)(\d*)(?: replaced)?, of (\d+)")
INTERVALS = {"1m": MINUTE, "10m": 10 * MINUTE, "1h": HOUR, "1d": DAY}


class Job:
    def __init__(self, name, source, pattern, interval, dest, aggregates,
                 grace=0):
        self.name, self.source, self.pattern = name, source, pattern
        self.interval, self.dest, self.grace = interval, dest, grace
        self.aggregates = list(aggregates)

    def section(self):
        return ("[rollup.%s]\nsource_pattern = %s\ninterval = %s\n"
                "aggregates = %s\ndestination_db = %s\ngrace = %ds\n" % (
                    self.name, self.pattern, self.interval,
                    ", ".join(self.aggregates), self.dest, self.grace // NS))


def compute(name, values):
    """An aggregate of values in order of time; a Fraction or an int."""
    exact = [Fraction(v) for v in values]
    if name == "count":
        return len(values)
    if name == "avg":
        return Fraction(sum(exact), len(exact))
    if name == "first":
        return exact[0]
    if name == "last":
        return exact[-1]
    return {"min": min, "max": max, "sum": sum}[name](exact)


class World:
    def __init__(self, jobs, sources=("s",), late=True, extra=""):
        self.root = tempdir() + "/root"
        self.jobs = jobs
        self.kind = {}
        self.late = late
        self.extra = extra
        self.fed = {db: {} for db in sources}	# metric -> [(t, value)]
        os.mkdir(self.root)
        for db in {*sources, *(job.source for job in jobs)}:
            os.mkdir(self.root + "/" + db)
            self.configure(db)

    def configure(self, db):
        """Write a manifest, as an editor does: another inode."""
        path = "%s/%s/manifest.ini" % (self.root, db)
        with open(path + ".new", "w") as f:
            f.write("[metrics]\nlate = %s\nmax_future = 0\n%s" % (
                "accept" if self.late else "reject", self.extra))
            f.write("[retention]\npartition = %s\n" % self.kind.get(
                db, "day"))
            for job in self.jobs:
                if job.source == db:
                    f.write(job.section())
        os.rename(path + ".new", path)

    def now_args(self):
        return ["--now", str(self.now // NS)]

    def put(self, rows, db="s"):
        """Ingest [(metric, t, value)]; all of it is accepted."""
        r = ingest(self.root, "".join("%s/%s %s %d\n" % (db, m, repr(v), t)
                                      for m, t, v in rows),
                   *self.now_args())
        if r.status != 0:
            diag(r)
        for m, t, v in rows:
            had = self.fed[db].setdefault(m, [])
            if (t, v) not in had:
                had.append((t, v))

    def rollup(self, *args):
        return run(["ntdb-rollup", "-r", self.root, *self.now_args(), *args])

    def want(self):
        """{db: {metric: {t: value}}} of all destinations, and those fed."""
        every = {db: {m: sorted(rows, key=lambda r: r[0])
                      for m, rows in metrics.items()}
                 for db, metrics in self.fed.items()}
        done = {}
        for job in self.jobs:		# given in the order of their levels
            for m, rows in sorted(every.get(job.source, {}).items()):
                if not self.reads(job, m):
                    continue
                for a in job.aggregates:
                    name = "%s.%s" % (m, a)
                    got = self.buckets(job, rows, a)
                    if got:
                        every.setdefault(job.dest, {})[name] = got
                        done.setdefault(job.dest, {})[name] = dict(got)
        return done

    def reads(self, job, metric):
        """Patterns are `*' or `*.END'."""
        return metric.endswith(job.pattern[1:])

    def buckets(self, job, rows, a):
        size = INTERVALS[job.interval]
        by_start = {}
        for t, v in rows:
            by_start.setdefault(t // size * size, []).append(v)
        last = rows[-1][0]
        return [(b, compute(a, values)) for b, values in sorted(
            by_start.items()) if b + size <= last or
            b + size + job.grace <= self.now]

    def have(self):
        """The same as it is stored; a bucket twice gives None."""
        got = {}
        for db in sorted({job.dest for job in self.jobs}):
            if not os.path.isdir(self.root + "/" + db):
                continue
            rows = samples(self.root, db)
            if rows is None:
                return None
            for name, t, kind, text in rows:
                metric = name.partition("/")[2]
                if db in self.fed and metric in self.fed[db]:
                    continue
                at = got.setdefault(db, {}).setdefault(metric, {})
                if int(t) in at:
                    diag("%s twice at %s" % (name, t))
                    return None
                at[int(t)] = int(text) if "int" in kind else float(text)
        return got

    def differs(self):
        """What is not as it must be, as text; empty if all is."""
        have, want = self.have(), self.want()
        if have is None:
            return "a bucket twice, or no answer"
        for db in sorted(set(have) | set(want)):
            h, w = have.get(db, {}), want.get(db, {})
            for m in sorted(set(h) | set(w)):
                a, b = h.get(m, {}), w.get(m, {})
                for t in sorted(set(a) | set(b)):
                    # Exactly that, or the double nearest to it.
                    if t not in a or t not in b or a[t] not in (
                            b[t], float(b[t])):
                        return "%s/%s at %d: %r, not %r" % (
                            db, m, t, a.get(t), b.get(t) and float(b[t]))
        return ""

    def right(self, name):
        bad = self.differs()
        return ok(not bad, name) or diag(bad)

    def run_is_right(self, name, *args):
        """A run says nothing, and all is as it must be."""
        r = self.rollup(*args)
        bad = self.differs()
        good = (r.status, r.out, r.err) == (0, b"", b"") and not bad
        if not ok(good, name):
            diag(r)
            diag(bad)
        return good

    def run_as_foreseen(self, *args):
        """A dry run, then a run: what is wrong with what they said."""
        told = [self.rollup(option, *args) for option in ("-n", "-v")]
        if told[0].status or told[0].err or told[1].status or told[1].out:
            return told
        first, then = ({job: [int(x or 0) for x in n] for job, *n in
                        re.findall(JOB_DONE, (r.out + r.err).decode())}
                       for r in told)
        for job in {*first, *then}:
            a = first.get(job, [0, 0, 0, 0])
            b = then.get(job, [0, 0, 0, 0])
            # Files that are written anew have more metrics computed again.
            if a[0] != b[0] or a[3] > b[3] and b[3] > 0 or \
                    not a[1] <= b[1] <= max(a[1], a[2]):
                return told
        return None

    def verified(self, name):
        r = run(["ntdb-inspect", "verify", "-r", self.root])
        return same((r.status, r.out, r.err), (0, b"", b""),
                    name + ": verify is clean")
