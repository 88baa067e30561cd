#!/bin/sh
# A kill and an error at every system call, and writes that are short, where
# rollups are computed, replaced and made anew.  Laws 15, 23, 24, 25, 26 and
# 31.
# NTDB_LONG=1: every call with every fault; else a part of them.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOF'
import glob
import os
from blackbox import *
from faults import *
from rollup_model import *
from tracing import verify

finish = done
need_strace()
rng = seed()
temp = tempdir()
T0 = 1893456000 * NS            # 2030, behind the release


def series(metric, first, step, n):
    """Quarters, so that sums in any order are exact."""
    return [(metric, first + i * step, rng.randrange(-4000, 4000) if
             metric.startswith("i") else rng.randrange(-4000, 4000) / 4)
            for i in range(n)]


def cascade():
    w = World([Job("m", "s", "*", "1m", "d1", ["sum", "max"]),
               Job("h", "d1", "*.sum", "1h", "d2", ["sum", "count"]),
               Job("d", "d2", "*.sum.sum", "1d", "d3", ["max"])])
    w.now = T0 + 40 * DAY
    return w


def single():
    w = World([Job("m", "s", "*", "1h", "d1", ["min", "avg", "last"])])
    w.now = T0 + 40 * DAY
    return w


def done_once(w):
    r = w.rollup()
    if (r.status, r.out, r.err) != (0, b"", b"") or w.differs():
        diag("%r %s" % (r, w.differs()))


class Rollup(Scenario):
    """Each value is the one of before or the right one; in the end the
    latter.
    """

    def __init__(self, name, w, *options):
        self.world = w
        self.old = w.have()
        self.want = w.want()
        super().__init__(name, ["ntdb-rollup", "-r", "@", *w.now_args(),
                                *options], w.root)
        # Who holds maint.lock removes what was made under it.
        self.next = ["--force"]

    def judge(self, root, r, whole):
        self.world.root = root
        bad = []
        if whole:
            differs = self.world.differs()
            bad += [differs] if differs else []
        else:
            bad += self.between()
        fed = {(m, t, v) for m, rows in self.world.fed["s"].items()
               for t, v in rows}
        got = [(x[0][2:], int(x[1]), float(x[3]))
               for x in samples(root, "s") or []]
        if len(got) != len(fed) or set(got) != fed:
            bad.append("the source has changed")
        v = verify(root)
        if (v.status, v.out, v.err) != (0, b"", b""):
            bad.append("verify: %r" % v)
        return bad

    def between(self):
        """Complaints about values that are neither old nor new."""
        have = self.world.have()
        if have is None:
            return ["a bucket twice, or no answer"]
        bad = []
        for db in set(have) | set(self.old):
            h, o, w = (x.get(db, {}) for x in (have, self.old, self.want))
            for m in set(h) | set(o):
                at, was, will = (x.get(m, {}) for x in (h, o, w))
                bad += ["%s/%s at %d is lost" % (db, m, t)
                        for t in was if t not in at]
                bad += ["%s/%s at %d: %r" % (db, m, t, x)
                        for t, x in at.items()
                        if x != was.get(t) and
                        (t not in will or x != float(will[t]))]
        return bad[:5]


def first():
    w = single()
    w.put(series("i", T0, 900 * NS, 60) + series("f", T0, 1700 * NS, 40))
    return w


def goes_on():
    """Results of half a day in the log and in pages, and more samples."""
    w = cascade()
    w.put(series("i", T0, 300 * NS, 120) + series("f", T0, 500 * NS, 60))
    done_once(w)
    flush(w.root, *move_args(), *w.now_args(), "d1")
    w.put(series("i", T0 + 11 * HOUR, 300 * NS, 200))
    return w


def replaces():
    """Late samples, old ones in sealed pages, pages and the log."""
    w = cascade()
    w.put(series("i", T0, 300 * NS, 400) + series("f", T0, 500 * NS, 60))
    done_once(w)
    flush(w.root, *seal_args(), *w.now_args(), "d1")
    flush(w.root, *move_args(), *w.now_args(), "s", "d2")
    w.put([("i", T0 + 5 * NS, 70000), ("f", T0 + HOUR + NS, 0.75),
           ("i", T0 + DAY + NS, -70000)])
    return w


def rebuilt():
    """A destination that has lost a partition, and late samples."""
    w = replaces()
    os.unlink(sorted(glob.glob(w.root + "/d1/data-*"))[0])
    return w


run_matrix([
    Rollup("first rollup", first()),
    Rollup("rollup that goes on, three levels", goes_on()),
    Rollup("rollup that replaces, three levels", replaces()),
    Rollup("rollup --rebuild", rebuilt(), "--rebuild"),
], rng, temp)
finish()
EOF
