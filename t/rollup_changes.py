"""The cases of t/5200-rollup-changes.t."""

import fcntl
import glob
import itertools
import json
import re
import shutil
import subprocess
import time

from rollup_model import *
from tracing import Held, changing, copy_tree, injected, need_strace, \
    temporary, traced

need_strace()
rng = seed()
T0 = 1893456000 * NS	# 2030, behind the release
USUAL = ["min", "max", "sum", "avg", "count", "first", "last"]


def cascade(**kw):
    """1m -> 1h -> 1d; the levels above take what is below as it comes."""
    w = World([Job("m", "s", "*", "1m", "d1", USUAL),
               Job("h", "d1", "*.sum", "1h", "d2", ["sum", "max", "count"]),
               Job("d", "d2", "*.sum.max", "1d", "d3", ["max", "avg"])],
              **kw)
    w.now = T0 + 400 * DAY
    return w


def value(metric):
    """Quarters, so that sums in any order are exact."""
    n = rng.randrange(-4000, 4000)
    return n if metric.startswith("i") else n / 4


def series(metric, first, step, n):
    return [(metric, first + i * step, value(metric)) for i in range(n)]


def to_pages(w, db):
    flush(w.root, *move_args(), *w.now_args(), db)


def to_sealed(w, db):
    flush(w.root, *seal_args(), *w.now_args(), db)


def destinations(w):
    return [db for db in ("d1", "d2", "d3") if os.path.isdir(
        w.root + "/" + db)]


def corrected_in_all_levels():
    """Late samples reach old buckets; one run carries them to the top."""
    for where in ("the log", "pages", "sealed pages"):
        w = cascade()
        w.put(series("i", T0, 50 * NS, 2400) +
              series("f", T0 + 7 * HOUR, 70 * NS, 600))
        w.run_is_right("%s: a cascade of three levels" % where)
        for db in ["s"] + destinations(w):
            if where != "the log":
                (to_pages if where == "pages" else to_sealed)(w, db)
        # So that what is there is older than the last run.
        w.run_is_right("nothing is new")
        w.put([("i", T0 + HOUR + 5 * NS, 70000),
               ("f", T0 + 8 * HOUR + NS, 0.75),
               ("f", T0 + 8 * HOUR + NS, -0.75)])
        w.run_is_right("late samples, old ones in %s: one run" % where)
        before = {db: stamp(w, db) for db in destinations(w)}
        w.run_is_right("and another one")
        same({db: stamp(w, db) for db in destinations(w)}, before,
             "which writes nothing to the destinations")
        w.verified(where)


def stamp(w, db):
    """Files that are data, as (name, size, time of change)."""
    return sorted((os.path.basename(p), os.stat(p).st_size,
                   os.stat(p).st_mtime_ns) for p in
                  glob.glob("%s/%s/*" % (w.root, db))
                  if p.endswith((".dat", ".wal", ".json")))


def in_order_but_late():
    """Due by the clock, written, and then a sample comes in order."""
    w = World([Job("m", "s", "*", "1m", "d1", USUAL, grace=60 * NS)],
              late=False)
    w.now = T0 + 10 * MINUTE
    w.put([("i", T0 + 9 * MINUTE - 50 * NS, 5)])
    w.run_is_right("a bucket that is due by the clock")
    same(w.have(), {"d1": {"i." + a: {T0 + 8 * MINUTE: 5.0 if a == "avg"
                                      else 1 if a == "count" else 5}
                           for a in USUAL}}, "is there")
    w.put([("i", T0 + 9 * MINUTE - 20 * NS, 8)])
    w.run_is_right("a sample comes in order into that bucket")
    same(w.have()["d1"]["i.sum"], {T0 + 8 * MINUTE: 13}, "and counts")
    w.put([("i", T0 + 9 * MINUTE, 1), ("f", T0 + 30 * NS, 0.5)])
    w.run_is_right("on the boundary: it is of the next one")


def history():
    """A year before what was rolled up, of new metrics and of the same."""
    w = cascade()
    w.put(series("i", T0, 900 * NS, 400))
    w.run_is_right("ten days")
    w.put(series("f", T0 - 365 * DAY, 6 * HOUR + NS, 1460))
    w.run_is_right("a year of another metric")
    to_pages(w, "d1")
    ok(len(glob.glob(w.root + "/d1/data-*")) > 360,
       "in hundreds of files of days")
    w.put(series("i", T0 - 300 * DAY, 9 * HOUR + NS, 780))
    for db in destinations(w):
        to_sealed(w, db)
    w.run_is_right("a year of the same metric, before what was there")
    w.verified("history")


def switch_of_late():
    w = cascade(late=False)
    w.put(series("i", T0, 15 * NS, 2000))
    w.run_is_right("late = reject")
    w.late = True
    w.configure("s")
    w.put([("i", T0 + k * 977 * NS, 123456 + k) for k in range(5)])
    w.run_is_right("late = accept, late samples")
    w.late = False
    w.configure("s")
    w.put(series("i", T0 + DAY, 15 * NS, 10))
    w.run_is_right("late = reject again")


def kinds():
    """The destination changes the kind of its partitions."""
    w = cascade()
    w.put(series("i", T0, 60 * NS, 1200))
    w.run_is_right("days")
    for kind in ("month", "day", "forever", "year"):
        for db in ("d1", "d2"):
            w.kind[db] = kind
            w.configure(db)
        w.put([("i", T0 + k * 3001 * NS, value("i")) for k in range(20)])
        w.put(series("i", T0 - 40 * DAY + rng.randrange(DAY), HOUR, 5))
        w.run_is_right("changed buckets, partitions are now of %s" % kind)
        to_sealed(w, "d1")
        w.right("and sealed")
    w.verified("kinds")


def types_widen():
    """Results that need a wider type than those that are there."""
    w = World([Job("m", "s", "*", "1m", "d1", ["min", "max", "sum"])])
    w.now = T0 + 400 * DAY
    w.put([("i", T0 + k * 20 * NS, k) for k in range(600)])
    w.run_is_right("small integers")
    to_sealed(w, "d1")
    w.put([("i", T0 + 5 * NS, 2**40)])
    w.run_is_right("one of 2^40, late")
    # 2^63 in one bucket: its sum is a float, and so is the metric.
    w.put([("i", T0 + MINUTE + 5 * NS, 2**62),
           ("i", T0 + MINUTE + 6 * NS, 2**62)])
    r = w.rollup()
    same((r.status, r.err), (0, b""), "a sum that leaves int64")
    rows = samples(w.root, "d1/i.sum")
    same({(t, k, float(v)) for _, t, k, v in rows}, {
        (str(t), "float64", float(v)) for t, v in
        w.want()["d1"]["i.sum"].items()}, "makes a float of its metric")
    same([k for _, _, k, _ in samples(w.root, "d1/i.max")][0], "int64",
         "others stay integers")
    w.put([("i", T0 + 2 * MINUTE + 5 * NS, 3)])
    r = w.rollup()
    same((r.status, r.err), (0, b""), "an integer to a metric of floats")
    same({float(v) for _, t, _, v in samples(w.root, "d1/i.sum")
          if int(t) == T0 + 2 * MINUTE}, {float(6 + 7 + 8 + 3)},
         "is replaced")
    w.verified("types")


def large_sums():
    """Sums in and out of int64, in any order: the doubles nearest to them."""
    odd = [2**53 + 1, 2**62 - 3, -2**61 - 7, 12345, 2**63 - 1]
    parts = [
        [("i", T0 + k * MINUTE + NS, v) for k, v in enumerate(odd)],
        [("i", T0 + 10 * MINUTE + k * NS, 2**62 + k) for k in (1, 2, 3)],
        [("i", T0 + (20 + k) * MINUTE, v) for k, v in enumerate(odd[::-1])],
        [("i", T0 + 40 * MINUTE + k * NS, 2**62 + k) for k in (1, 2, 3)]]
    orders = list(itertools.permutations(parts))
    ends, bad = set(), []
    for order in orders if is_long() else rng.sample(orders, 4):
        w = World([Job("m", "s", "*", "1m", "d1", ["sum", "count"]),
                   Job("h", "d1", "*.sum", "1h", "d2", ["max", "last"])])
        w.now = T0 + 400 * DAY
        how = rng.choice([None, to_pages, to_sealed])
        for part in order:
            w.put(part)
            r = w.rollup()
            if r.status or r.out or r.err or w.differs():
                bad.append((r, w.differs()))
            if how is not None:
                how(w, "d1")
            # The newest one is told by state, log and pages alike.
            for path in [None] + glob.glob(w.root + "/d1/*.cache"):
                if path is not None:
                    os.unlink(path)
                last = query(w.root, "-f", "csv", "--last", "d1/i.sum").out
                every = query(w.root, "-f", "csv", *EVER, "d1/i.sum").out
                text = run(["ntdb-inspect", "-r", w.root, "catalog",
                            "--json", "d1"]).out
                told = [m["value"] for m in json.loads(text)
                        if m["metric"] == "i.sum"]
                if csv_rows(last)[-1] != csv_rows(every)[-1] or \
                        told != [json.loads(csv_rows(last)[-1][-1])]:
                    bad.append((last, every, told))
        ends.add(str(samples(w.root, "d1/i.sum") + samples(w.root, "d2")))
        r = run(["ntdb-inspect", "verify", "-r", w.root])
        if r.status or r.out or r.err:
            bad.append(r)
    same(bad, [], "sums leave int64: each run is right, and silent")
    same(len(ends), 1, "whatever the order, the end is the same")


def stopped():
    """A signal stops a run within a job; the next one does the rest."""
    w = World([Job("m", "s", "*", "1m", "d1", USUAL)])
    w.now = T0 + 400 * DAY
    w.put([r for m in range(30) for r in series("i%02d" % m, T0, 30 * NS,
                                                200)])
    to_sealed(w, "s")
    base = w.root + ".base"
    argv = ["ntdb-rollup", "-r", w.root, *w.now_args()]

    def stop(call):
        """A run that is told to stop at that call; what it left behind."""
        r = injected(argv, b"", call, "signal=SIGTERM")
        return r, w.have()

    def count(have):
        return sum(len(at) for at in have.get("d1", {}).values())

    copy_tree(w.root, base)
    _, calls = traced(argv)
    w.right("a run that is not stopped")
    copy_tree(base, w.root)
    # The first results are logged while others are still to be computed.
    r, have = stop(logging(calls, "d1")[0])
    ok(0 < count(have) < 30 * 7 * 100, "stopped in the middle of a job") or \
        diag((r, count(have)))
    with open(w.root + "/s/rollup.checkpoints.log") as f:
        done = {x.split(",")[0].partition("::")[2]
                for x in f.read().splitlines() if x.startswith("m::i")}
    ok(0 < len(done) < 30, "%d of 30 metrics are done with" % len(done))
    whole = {m for m in w.fed["s"] if len(have["d1"].get(
        m + ".last", {})) == 100}
    ok(done <= whole, "those of which all is there") or diag((done, whole))
    w.run_is_right("the next run does the rest")
    # What is replaced: not a file of the destination is touched any more.
    to_sealed(w, "d1")
    w.put([("i%02d" % m, T0 + NS, 9999) for m in range(30)])
    copy_tree(w.root, base)
    old, before = w.have(), stamp(w, "d1")
    _, calls = traced(argv)
    w.right("late samples: a run that is not stopped")
    first = [i for i, c in enumerate(calls) if "O_CREAT" in c.args and
             ".seal" in c.args][0]
    reads = [c for c in calls[:first] if c.name == "pread64"]
    copy_tree(base, w.root)
    r, have = stop(reads[len(reads) // 2])
    same((have, stamp(w, "d1")), (old, before),
         "stopped before it replaces anything")
    w.run_is_right("the next run replaces it")
    # And everywhere.
    bad = []
    for call in calls if is_long() else rng.sample(calls, 12):
        copy_tree(base, w.root)
        r, have = stop(call)
        if have not in (old, w.want()) and not is_between(old, have,
                                                          w.want()):
            bad.append((call, r, "neither old nor new"))
        r = w.rollup()
        if r.status or r.out or r.err or w.differs():
            bad.append((call, r, w.differs()))
    same(bad, [], "stopped anywhere: right after the next run")


def is_between(old, have, want):
    """Whether each value is that of before or that of after."""
    return all(have[db][m][t] in (old[db][m].get(t), float(want[db][m][t]))
               for db in have for m in have[db] for t in have[db][m])


def logging(calls, db):
    """The calls that append to the log of a database, in order."""
    fds, found = {}, []
    for c in calls:
        if c.name == "openat" and not c.result.startswith("-"):
            fds[c.result] = c.args.split('"')[1]
        elif c.name in ("write", "pwrite64") and \
                fds.get(c.args.split(",")[0]) == db + ".wal":
            found.append(c)
    return found


def rebuilds():
    w = cascade()
    w.put(series("i", T0, 50 * NS, 1900) + series("f", T0, 70 * NS, 900))
    w.run_is_right("three levels")
    to_sealed(w, "d1")
    before = {db: stamp(w, db) for db in destinations(w)}
    w.run_is_right("--rebuild", "--rebuild")
    same({db: stamp(w, db) for db in destinations(w)}, before,
         "changes nothing")
    for db in destinations(w):
        shutil.rmtree(w.root + "/" + db)
    for db in ("d1", "d2"):
        os.mkdir(w.root + "/" + db)
        w.configure(db)
    w.run_is_right("the destinations removed: --rebuild", "--rebuild")
    to_pages(w, "d1")
    os.unlink(sorted(glob.glob(w.root + "/d1/data-*.dat"))[0])
    w.run_is_right("a partition of it removed: --rebuild", "--rebuild")
    w.verified("rebuilt")


def definitions():
    """A job that is changed begins anew."""
    w = cascade()
    w.put(series("i", T0, 50 * NS, 2000))
    w.jobs[0].aggregates = ["sum"]
    w.configure("s")
    w.run_is_right("one aggregate")
    w.jobs[0].aggregates = USUAL
    w.configure("s")
    w.run_is_right("more of them: the past is filled")


def checkpoints():
    """The file is removed, or ends anywhere."""
    w = cascade()
    w.put(series("i", T0, 50 * NS, 300) + series("f,5,6", T0, 70 * NS, 200))
    w.run_is_right("a run")
    w.put([("i", T0 + 5 * NS, 9999), ("f,5,6", T0 + HOUR + 6 * NS, 1.25)])
    base = w.root + ".base"
    copy_tree(w.root, base)
    for db in ("s", "d1", "d2"):
        path = "%s/%s/rollup.checkpoints.log" % (w.root, db)
        os.unlink(path)
        w.run_is_right("%s: without checkpoints" % db)
        copy_tree(base, w.root)
    path = w.root + "/s/rollup.checkpoints.log"
    with open(path, "rb") as f:
        whole = f.read()
    bad = []
    ends = range(len(whole)) if is_long() else sorted(
        rng.sample(range(len(whole)), 8))
    for end in ends:
        copy_tree(base, w.root)
        with open(path, "wb") as f:
            f.write(whole[:end])
        for _ in range(2):
            r = w.rollup()
            if r.status or r.out or r.err or w.differs():
                bad.append((end, r, w.differs()))
    same(bad, [], "torn at %d places: two runs set it right" % len(ends))


def wrong_digits():
    """A number says more than was written, while a bucket is not over."""
    w = cascade()
    w.now = T0 + 299 * 50 * NS + NS
    w.put(series("i", T0, 50 * NS, 300))
    w.run_is_right("a run")
    w.now = T0 + 400 * DAY
    base = w.root + ".base"
    copy_tree(w.root, base)
    path = w.root + "/s/rollup.checkpoints.log"
    with open(path, "rb") as f:
        whole = f.read()
    places = [m.start(1) for m in re.finditer(
        rb"^.*,-?([1-8])\d*,\d+,[0-9a-f]{8}$", whole, re.M)]
    bad = []
    for at in places:
        copy_tree(base, w.root)
        with open(path, "r+b") as f:
            f.seek(at)
            f.write(b"%d" % (int(whole[at:at + 1]) + 1))
        r = w.rollup()
        if r.status or r.out or r.err or w.differs():
            bad.append((whole[at - 30:at + 30], r, w.differs()))
    same((len(places) > 2, bad), (True, []),
         "a wrong digit in each of %d lines" % len(places))


def lost_logs():
    """A log that is gone, or that lost its end and grew anew."""
    w = World([Job("m", "s", "*", "1m", "d1", USUAL)])
    w.now = T0 + 400 * DAY
    w.put(series("i", T0, 50 * NS, 300))
    w.put(series("f", T0, 50 * NS, 30))
    to_pages(w, "s")
    w.run_is_right("a run")
    os.unlink(w.root + "/s/s.wal")
    for f in glob.glob(w.root + "/s/*.cache"):
        os.unlink(f)
    w.put([("i", T0 + 5 * NS, 9999)])
    r = w.rollup()
    bad = w.differs()
    ok(r.status == 0 and not bad, "the log is removed") or diag((r, bad))
    with open(w.root + "/s/s.wal", "rb") as f:
        short = f.read()
    w.put(series("f", T0 + 10 * MINUTE + 1, MINUTE, 200))
    w.run_is_right("more in the log")
    lost = [r for r in w.fed["s"]["f"] if r[0] >= T0 + 10 * MINUTE + 1 and
            r[0] % MINUTE == 1]
    with open(w.root + "/s/s.wal", "r+b") as f:
        f.truncate(len(short))
    for f in glob.glob(w.root + "/s/*.cache"):
        os.unlink(f)
    ok(len(lost) == 200, "its end is lost, and with it 200 samples")
    w.put([("i", T0 + 6 * NS, 77777)])
    r = w.rollup()
    sums = {int(t): int(v) for _, t, _, v in samples(w.root, "d1/i.sum")}
    same(sums[T0], w.want()["d1"]["i.sum"][T0],
         "what comes in its place counts")
    # Nothing of the kind can happen: the log is synced before that.
    w.put([("i", T0 + 7 * NS, 5)])
    r, calls = traced(["ntdb-rollup", "-r", w.root, *w.now_args()])
    fds, seen = {}, []
    for c in calls:
        fd = c.args.split(",")[0]
        if c.name == "openat":
            fds[c.result] = c.args.split('"')[1]
        elif c.name in ("fsync", "fdatasync"):
            seen.append("sync " + fds.get(fd, "?").rpartition("/")[2])
        elif c.name in ("write", "pwrite64"):
            seen.append("write " + fds.get(fd, "?").rpartition("/")[2])
    at = "write rollup.checkpoints.log"
    ok(at in seen and "sync s.wal" in seen[:seen.index(at)],
       "the log is synced before its length is noted") or diag(seen)


def reborn():
    """All but the checkpoints is removed; epochs begin again."""
    w = World([Job("m", "s", "*", "1m", "d1", USUAL)])
    w.now = T0 + 400 * DAY
    for k in range(3):
        w.put(series("i", T0 + k * HOUR, 50 * NS, 60))
        to_pages(w, "s")
    w.run_is_right("a run")
    for path in glob.glob(w.root + "/s/*"):
        if path.endswith((".dat", ".wal", ".json", ".cache")):
            os.unlink(path)
    w.put([("i", T0 - k * HOUR, k) for k in range(1, 4)])
    to_pages(w, "s")
    w.run_is_right("all of the source but its checkpoints is made anew")


def late_in_log():
    """Late samples that are in the log are not gone from files."""
    w = World([Job("m", "s", "*", "1m", "d1", ["sum", "max"])])
    w.now = T0 + 400 * DAY
    w.put(series("i", T0, 50 * NS, 100))
    to_pages(w, "s")
    w.run_is_right("a run")
    w.put([("i", T0 - 5 * DAY, 7)])
    w.run_is_right("a sample before all files")
    w.put([("i", T0 - 5 * DAY + NS, 9)])
    w.run_is_right("another one, and all anew", "--rebuild")


def several_groups():
    """Jobs of one source that cannot run one after the other."""
    def world():
        w = World([Job("a", "s", "*y", "1m", "d1", ["sum", "count"]),
                   Job("b", "d1", "*y.sum", "1h", "s", ["max"]),
                   Job("c", "s", "*.max", "1d", "d3", ["last", "count"])])
        w.now = T0 + 400 * DAY
        w.put(series("iy", T0, 90 * NS, 2000))
        w.run_is_right("s -> d1 -> s -> d3")
        w.put([("iy", T0 + 5 * NS, 9999)])
        return w

    w = world()
    w.run_is_right("a late sample goes the whole way")
    # Between the groups more of it arrives.
    w.put([("iy", T0 + 6 * NS, 555)])
    base = w.root + ".base"
    copy_tree(w.root, base)
    argv = ["ntdb-rollup", "-r", w.root, *w.now_args()]
    _, calls = traced(argv)
    copy_tree(base, w.root)
    # Where d1 is locked for the second time it is the source.
    h = Held(argv, "flock", locking(calls, "/d1", "/maint.lock")[1].nth)
    ok(h.held, "a run stops between two groups of jobs")
    w.put([("iy", T0 + 3 * HOUR + 7 * NS, 4444)])
    r = h.go_on()
    same((r.status, r.err), (0, b""), "a late sample comes, it goes on")
    w.run_is_right("the next run sees that")
    # One group fails, the next does not.
    w.put([("iy", T0 + 5 * HOUR + 8 * NS, 3333)])
    with open(w.root + "/d1/maint.lock", "r+b") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        r = w.rollup("--wait", "0")
        same(r.status, 75, "a destination is busy: 75")
    w.run_is_right("the next run does all of it")
    w.verified("several groups")


def locking(calls, db, name):
    """The calls that lock that file of a database, in order."""
    fds, found = {}, []
    for c in calls:
        if c.name == "openat" and not c.result.startswith("-"):
            fds[c.result] = fds.get(c.args.split(",")[0], "") + "/" + \
                c.args.split('"')[1]
        elif c.name == "flock" and "LOCK_UN" not in c.args and \
                fds.get(c.args.split(",")[0], "").endswith(db + name):
            found.append(c)
    return found


def exchanges(calls):
    """Where files come and go: these calls and those that follow them."""
    at = [i for i, c in enumerate(calls) if "data-" in c.args and
          (c.name.startswith("rename") or "O_CREAT" in c.args)]
    return [calls[i] for i in sorted({i + k for i in at for k in range(4)
                                      if i + k < len(calls)})]


def killed():
    """A kill at each call of a run that replaces, and the run again."""
    w = cascade()
    w.kind = {"d1": "month", "d2": "month"}
    for db in ("d1", "d2"):
        w.configure(db)
    w.put(series("i", T0, 50 * NS, 2000))
    w.run_is_right("before the kills")
    to_sealed(w, "d1")
    w.kind["d1"] = "day"
    w.configure("d1")
    w.put([("i", T0 + 5 * NS, 9999), ("i", T0 - 9 * DAY, 2**33),
           ("i", w.fed["s"]["i"][-1][0], 7)] +
          series("i", T0 + 3 * DAY, 50 * NS, 30))
    ok(samples(w.root, "internal/ntdb/d1/*"), "own metrics are kept")
    old = w.have()
    base = w.root + ".base"
    copy_tree(w.root, base)
    argv = ["ntdb-rollup", "-r", w.root, *w.now_args()]
    _, calls = traced(argv)
    w.right("a run without one")
    calls = changing(calls, w.root)
    some = calls if is_long() else rng.sample(exchanges(calls), 16) + \
        rng.sample(calls, 4)
    bad = []
    for call in some:
        for fault in ("signal=SIGKILL", "error=EIO", "error=ENOSPC")[
                :3 if is_long() else 1]:
            copy_tree(base, w.root)
            injected(argv, b"", call, fault)
            have = w.have()
            r = run(["ntdb-inspect", "verify", "-r", w.root])
            if have is None or r.status != 0 or r.out or r.err:
                bad.append((call, fault, "afterwards", r))
            else:
                # Nothing that was there before is missing now.
                bad += [(call, fault, "missing", db, m, t)
                        for db in old for m in old[db] for t in old[db][m]
                        if t not in have[db][m]][:3]
            r = w.rollup()
            why = w.differs()
            if r.status or r.out or r.err or why:
                bad.append((call, fault, r, why))
            flush(w.root, "--force", *w.now_args())
            flush(w.root, "--seal", *w.now_args())
            if temporary(w.root) or w.differs():
                bad.append((call, fault, temporary(w.root)))
    same(bad, [], "%d of %d calls: right after the next run" % (
        len(some), len(calls)))


def read_meanwhile():
    """Readers never see a bucket twice, or none."""
    w = World([Job("m", "s", "*", "1m", "d1", ["sum", "count"])])
    w.now = T0 + 400 * DAY
    w.kind["d1"] = "month"
    os.mkdir(w.root + "/d1")
    w.configure("d1")
    w.put(series("i", T0, 30 * NS, 6000))
    w.run_is_right("3000 buckets")
    to_sealed(w, "d1")
    w.kind["d1"] = "day"		# they stay in the file of the month
    w.configure("d1")
    stop = w.root + ".stop"
    code = r"""
import os, subprocess, sys
n = bad = 0
while not os.path.exists(sys.argv[1]):
    n += 1
    out = subprocess.run(sys.argv[2:], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT).stdout.split(b"\n")[:-1]
    times = [x.split(b" ", 2)[2] for x in out]
    if len(times) != 3000 or len(set(times)) != 3000:
        bad += 1
        print(len(times), len(set(times)), out[:1], flush=True)
    with open("%s.%d" % (sys.argv[1], os.getpid()), "a") as f:
        f.write("x")
print("runs", n, bad)
"""
    readers = [subprocess.Popen(
        ["python3", "-c", code, stop, program("ntdb-query"), "-r", w.root,
         "-f", "lp", "d1/i.sum"], stdout=subprocess.PIPE) for _ in range(2)]
    def looks():
        """How often the reader that did so least has looked."""
        return min(os.path.getsize(x) if os.path.exists(x) else 0
                   for x in ["%s.%d" % (stop, p.pid) for p in readers])

    rounds = 60 if is_long() else 12
    good = k = 0
    end = time.monotonic() + 120
    while k < rounds or (looks() < 4 and time.monotonic() < end):
        w.put([("i", T0 + rng.randrange(3000) * MINUTE + k + 1, k)])
        r = w.rollup()
        good += (r.status, r.out, r.err) == (0, b"", b"")
        k += 1
    open(stop, "w").close()
    said = [p.communicate()[0].decode().splitlines() for p in readers]
    same(good, k, "%d runs that replace, while others read" % k)
    same([x[:-1] for x in said], [[], []], "3000 buckets each time")
    ok(all(int(x[-1].split()[1]) > 3 for x in said), "which was looked at "
       "often") or diag(said)
    w.right("and all is right in the end")


def damaged():
    """A page of the destination is damaged: what it had is put back."""
    w = World([Job("m", "s", "*", "1m", "d1", USUAL)])
    w.now = T0 + 400 * DAY
    w.put(series("i", T0, 50 * NS, 2000))
    w.run_is_right("a run")
    to_sealed(w, "d1")
    path = sorted(glob.glob(w.root + "/d1/data-*.dat"))[0]
    with open(path, "r+b") as f:
        f.seek(os.path.getsize(path) // 3)
        byte = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([byte[0] ^ 0x10]))
    w.put([("i", T0 + 5 * NS, 9999)])
    r = w.rollup("--rebuild")
    ok(r.status == 65 and b"data-" in r.err, "damage: 65, and it is told") \
        or diag(r)
    w.rollup("--rebuild")
    w.right("its buckets are there again")


def campaign(rounds):
    """Whatever happens between two runs, in any order."""
    w = cascade()
    w.put(series("i", T0, 55 * NS, 500))
    end = {"i": T0 + 500 * 55 * NS, "f": T0, "g": T0}
    told = []

    def act():
        what = rng.randrange(13)
        m = rng.choice("ifg")
        if what < 3:
            n = rng.randrange(1, 200)
            step = rng.choice([NS, 40 * NS, 900 * NS])
            w.put(series(m, end[m], step, n))
            end[m] += n * step
        elif what < 6:
            w.put([(m, T0 + rng.randrange(2 * DAY) - DAY, value(m))
                   for _ in range(rng.randrange(1, 9))])
        elif what == 6:
            rng.choice([to_pages, to_sealed])(w, "s")
        elif what == 7 and destinations(w):
            rng.choice([to_pages, to_sealed])(w, rng.choice(destinations(w)))
        elif what == 8:
            db = rng.choice(["s", "d1", "d2"])
            w.kind[db] = rng.choice(["day", "month", "year", "forever"])
            w.configure(db)
        elif what == 9:
            for path in glob.glob(w.root + "/*/*.cache"):
                if rng.random() < .5:
                    os.unlink(path)
        elif what == 10:
            path = "%s/%s/rollup.checkpoints.log" % (
                w.root, rng.choice(["s", "d1", "d2"]))
            if os.path.exists(path):
                with open(path, "r+b") as f:
                    f.truncate(rng.randrange(os.path.getsize(path) + 1))
        elif what == 11:
            w.rollup("--rebuild")
        return what

    bad = []
    for k in range(rounds):
        told.append([act() for _ in range(rng.randrange(1, 4))])
        r = w.run_as_foreseen()
        why = w.differs()
        if r or why:
            bad.append((k, told[-3:], r, why))
            break
    same(bad, [], "%d runs with anything in between" % rounds)
    w.verified("anything in between")
