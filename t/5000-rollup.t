#!/bin/sh
# What rollups write, against a computation of its own: all aggregates, names,
# what is due, cascades, repetition, samples that come in any order.
# Guards laws 23 and 25.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import math
from blackbox import *
from oracle import AGGREGATES, NS, Store, bucket_start, scan_civil
from rollups import *

rng = seed()
temp = tempdir()
made = [0]
DAY = 86400 * NS
MINUTE = 60 * NS
HOUR = 3600 * NS
START = scan_civil("2026-12-03 00:00") + rng.randrange(3000) * MINUTE
LATER = START + 100 * DAY


def at(t):
    """--now of a time in nanoseconds."""
    return ["--now", "%d" % t]


def fresh():
    made[0] += 1
    return "%s/%d" % (temp, made[0])


def jobs_of(root, db, extra="", **jobs):
    """Write the manifest; the jobs, as the oracle takes them."""
    write_manifest(root, db, extra + "".join(
        section(i, **j) for i, j in jobs.items()))
    return [dict(j, source=db) for j in jobs.values()]


def put(root, store, lines, now=LATER, late=False):
    lines = list(lines)
    r = ingest(root, "".join(x + "\n" for x in lines), *at(now))
    if r.status != 0 or r.err:
        diag(r)
    store.load([x.encode() for x in lines], late=late)


def go(root, now, what, *args):
    r = rollup(root, *at(now), *args)
    same((r.status, r.out, r.err), (0, b"", b""), what + ": in silence")


def values(db, metric, n, start, step, kind):
    """n lines of a metric, step nanoseconds apart or a little more."""
    t = start
    for i in range(n):
        if kind == "int":
            text = "%di" % rng.choice((rng.randrange(-99, 99),
                                       rng.randrange(-2**40, 2**40)))
        elif kind == "float":
            text = "%.*f" % (rng.randrange(1, 8), rng.gauss(0, 500))
        else:
            text = rng.choice(("NaN", "+Inf", "-Inf", "-0.0", "1.5", "2.5"))
        yield "%s/%s %s %d" % (db, metric, text, t)
        t += step + rng.choice((0, 0, rng.randrange(step)))


def idle(root, dbs, now, name):
    """A run that finds nothing to do leaves every file as it is."""
    before = [files(root, d) for d in dbs]
    go(root, now, name)
    ok([files(root, d) for d in dbs] == before, name + ": nothing new")


# ---- all aggregates, of all kinds of metrics; flushed, sealed and in the log

root, store = fresh(), Store()
jobs = jobs_of(root, "s", all={
    "source_pattern": "*", "interval": "10m", "destination_db": "d",
    "aggregates": " ".join(AGGREGATES), "exclude_patterns": "*.debug, z*",
}, one={
    "source_metric": "f", "interval": "1h", "destination_db": "d",
    "destination_metric_prefix": "hourly/f", "aggregates": "max sum",
}, labels={
    "source_pattern": "*{*}", "interval": "1h", "destination_db": "e",
    "destination_metric_prefix": "p",
})
lines = []
for metric, kind in (("i", "int"), ("f", "float"), ("odd", "odd"),
                     ("a.debug", "int"), ("zz", "float"), ('l{h="1"}', "int"),
                     ('m{h="1",x="{}"}', "float"), ("no{label", "int")):
    lines += values("s", metric, 400, START + rng.randrange(HOUR), 37 * NS,
                    kind)
big = START // HOUR * HOUR + 2 * HOUR
lines += ["s/huge %di %d" % (2**62, big + i * NS) for i in range(3)] + \
    ["s/huge 1i %d" % (big + HOUR), "s/huge 2i %d" % (big + 2 * HOUR)]
third = len(lines) // 3
rng.shuffle(lines)
lines.sort(key=lambda x: int(x.split()[2]))
for part, how in ((lines[:third], ["--seal"]),
                  (lines[third:2 * third], move_args()),
                  (lines[2 * third:], None)):
    put(root, store, part)
    if how is not None:
        flush(root, *how, *at(LATER))


def all_right(root, store, jobs, now, dbs, name):
    want = {}
    for j in jobs:
        for k, v in expected(j, store, now).items():
            assert k not in want, k
            want[k] = v
    for db in dbs:
        right(root, db, {k: v for k, v in want.items()
                         if k[0].startswith(db + "/")}, name + ": " + db)


go(root, START, "by samples alone")
all_right(root, store, jobs, START, ("d", "e"), "by samples alone")
go(root, LATER, "by the clock")
all_right(root, store, jobs, LATER, ("d", "e"), "by the clock")
idle(root, ("s", "d", "e"), LATER, "again")
same(run(["ntdb-inspect", "-r", root, "verify"]).status, 0, "verified")

# ---- when a bucket is due: by a sample, by the clock, at the nanosecond

base = bucket_start(START, HOUR) + 24 * HOUR
for name, extra, now, due in (
        ("the last sample ends the bucket", [base + HOUR], base, True),
        ("one nanosecond before that", [base + HOUR - 1], base, False),
        ("the clock is at end and grace", [], base + HOUR + 90 * NS, True),
        ("one nanosecond before that", [], base + HOUR + 90 * NS - 1, False)):
    root, store = fresh(), Store()
    jobs = jobs_of(root, "s", h={
        "source_metric": "m", "destination_db": "d", "interval": "1h",
        "grace": "90s", "aggregates": "count last"})
    put(root, store, ["s/m %di %d" % (i, t) for i, t in enumerate(
        [base, base + 5] + extra)])
    go(root, now, name)
    right(root, "d", expected(jobs[0], store, now), name)
    ok(len(stored(root, "d")) == (2 if due else 0), name + ": due or not")

# ---- samples on boundaries; empty buckets; weeks begin on Monday

root, store = fresh(), Store()
jobs = jobs_of(root, "s", w={
    "source_metric": "m", "destination_db": "week", "interval": "1w"}, m={
    "source_metric": "m", "destination_db": "minute", "interval": "1m"})
times = [base + i * HOUR + d for i in (0, 1, 2, 50, 51, 400, 1400)
         for d in (-1, 0, 1)]
put(root, store, ["s/m %d.25 %d" % (i, t) for i, t in enumerate(times)])
go(root, LATER, "gaps")
all_right(root, store, jobs, LATER, ("week", "minute"), "gaps")
monday = scan_civil("2026-12-07")
ok(all((int(t) - monday) % (7 * DAY) == 0
       for _, t, _, _ in stored(root, "week")), "weeks begin on Monday")

# ---- one run carries a bucket from minutes to hours to days

root, store = fresh(), Store()
level1 = jobs_of(root, "z", m={"source_pattern": "t.*",
                               "destination_db": "m", "interval": "1m",
                               "aggregates": "min max sum count"})
level2 = jobs_of(root, "m", h={"source_pattern": "*",
                               "destination_db": "h", "interval": "1h",
                               "aggregates": "max last"})
level3 = jobs_of(root, "h", d={"source_pattern": "*.max.*",
                               "destination_db": "a", "interval": "1d",
                               "aggregates": "sum"})
lines = []
for metric in ("t.1", "t.2"):
    lines += values("z", metric, 1500, START, 200 * NS, "int")
lines.sort(key=lambda x: int(x.split()[2]))
for n, part in enumerate((lines[:700], lines[700:1900], lines[1900:])):
    put(root, store, part)
    now = store.end()
    go(root, now, "cascade %d" % n)
    all_right(root, store, level1, now, ("m",), "cascade %d" % n)
    all_right(root, store_of(root, "m"), level2, now, ("h",),
              "cascade %d" % n)
    all_right(root, store_of(root, "h"), level3, now, ("a",),
              "cascade %d" % n)
ok(len(stored(root, "a")) > 4, "days are there in one run")
idle(root, ("z", "m", "h", "a"), store.end(), "a cascade again")

# ---- history and an offline gateway: new metrics, long before the last run

root, store = fresh(), Store()
jobs = jobs_of(root, "s", h={"source_pattern": "*", "destination_db": "d",
                             "interval": "6h"})
put(root, store, values("s", "now", 300, START + 40 * DAY, HOUR // 4, "float"))
go(root, LATER, "the present")
put(root, store, values("s", "old", 1500, START - 365 * DAY, 5 * HOUR,
                        "int"))
go(root, LATER, "a year of history")
all_right(root, store, jobs, LATER, ("d",), "a year of history")
gate = list(values("s", "gate", 600, START, HOUR // 3, "float"))
for n in range(0, 600, 200):
    put(root, store, gate[n:n + 200])
    flush(root, *move_args(), *at(LATER))
    put(root, store, values("s", "now", 50, START + (60 + n // 20) * DAY,
                            HOUR // 4, "float"))
    go(root, START + 95 * DAY, "a gateway that was offline %d" % n)
    all_right(root, store, jobs, START + 95 * DAY, ("d",),
              "a gateway that was offline %d" % n)
done()
EOT
