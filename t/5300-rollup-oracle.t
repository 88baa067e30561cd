#!/bin/sh
# Every result of rollups against an oracle, on generated data: integers and
# floats, NaN and infinities, sums beyond int64, samples just on and just
# before the edges of buckets, empty buckets, equal times, samples that come
# late.  Minutes, hours, days, weeks, and a cascade.  t/long/rollup-oracle
# does it with real data.
# Guards law 23.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
need ntdb-rollup

python3 - <<'EOF'
from blackbox import *
from rollup_oracle import *

rng = seed()
PIECES = 5
T0 = oracle.scan_civil("2030-03-30")
plan(PIECES + 6)


def words(kind, i):
    if kind == "int":
        return str(rng.randint(-1000, 1000))
    if kind == "beyond":
        return str(rng.randint(0, 9))
    if kind == "wide":
        return str(rng.randint(-2**40, 2**40))
    if kind == "odd":
        return rng.choice(["NaN", "inf", "-inf", "0.0", "-0.0", "5.5",
                           "1e300", "-1e300", "1e-300"])
    if kind == "nan":
        return "NaN"
    if kind == "decimal":
        return "%.1f" % rng.uniform(-50, 50)
    return repr(rng.uniform(-1, 1) * 10.0 ** rng.randrange(-3, 4))


def times():
    """Some days; dense and sparse, edges, gaps of hours and of days."""
    t, end = T0, T0 + 12 * DAY
    while t < end:
        yield t
        way = rng.random()
        if way < 0.5:
            t += rng.randrange(1, 40 * NS)
        elif way < 0.6:         # on an edge, after one just before it
            unit = rng.choice([MINUTE, HOUR, DAY])
            edge = (t // unit + 1) * unit
            if edge - 1 > t:
                yield edge - 1
            t = edge
        elif way < 0.99:
            t += rng.randrange(MINUTE, 20 * MINUTE)
        else:
            t += rng.randrange(HOUR, 30 * HOUR)


lines = []
for name, kind in (("count", "int"), ("beyond", "beyond"), ("wide", "wide"),
                   ("odd", "odd"), ("nan", "nan"), ("temp", "decimal"),
                   ("noise", "noise"), ('cpu{host="a,b"}', "decimal")):
    for i, t in enumerate(times()):
        text = words(kind, i)
        lines.append((t, b"gen/%s %s %d" % (name.encode(), text.encode(), t)))
        if kind == "beyond" and i % 97 == 50:
            # The sum of this minute leaves int64.
            lines += [(t, b"gen/beyond %d %d" % (2**62 + k, t))
                      for k in (0, 2048, 4096)]
        elif rng.random() < 0.01:
            lines.append((t, b"gen/%s %s %d" % (
                name.encode(), words(kind, i).encode(), t)))
lines.sort(key=lambda x: x[0])
cuts = [lines[n * len(lines) // PIECES][0] // MINUTE * MINUTE
        for n in range(1, PIECES)]
pieces = [[] for _ in range(PIECES)]
for t, line in lines:
    n = sum(t >= cut for cut in cuts)
    late = rng.random() < 0.02 and b"beyond" not in line
    pieces[min(n + rng.randrange(3) * late, PIECES - 1)].append((t, line))
pieces = [[line for _, line in sorted(p, key=lambda x: x[0])] for p in pieces]

root = tempdir() + "/root"
jobs = jobs_of("gen", ("1m", "1h", "1d", "1w"))
for db in ("gen", "every_1m", "of_minutes"):
    # The log is moved only where a flush is made to.
    manifest(root, db, jobs, "[metrics]\nlate = accept\n[page]\n"
             "max_age = 52w\n" * (db == "gen"))
store = oracle.Store()
now = [t + rng.randrange(HOUR) for t in [*cuts, lines[-1][0]]]


def series():
    return {n.partition("/")[2]: s for n, s in store.series.items()}


def each(n):
    store.load(pieces[n], late=True)
    check = Check(root)
    ok(check.cascade(jobs, {"gen": series()}, now[n]) and check.values > 0,
       "piece %d: %d values of %d samples" % (n, check.values, sum(
           len(s.times) for s in series().values())))


same(deliver(root, "gen", pieces, rng, lambda n: now[n], each), 0,
     "every run is silent")
ok(not series_of(root, "every_1m")["beyond.sum"].is_int,
   "sums that leave int64 have made floats of their metric")


def contents():
    return query(root, "-f", "lp", "gen", "every_*", "of_*").out


before = contents()
later = ["--now", oracle.format_human(now[-1])]
r = run(["ntdb-rollup", "-r", root, "--rebuild", *later])
same((r.status, r.out + r.err), (0, b""), "--rebuild is silent")
ok(contents() == before, "and changes nothing")
# All again, from a root whose checkpoints are lost.
for at, _, files in os.walk(root):
    if "rollup.checkpoints.log" in files:
        os.unlink(at + "/rollup.checkpoints.log")
r = run(["ntdb-rollup", "-r", root, *later])
same((r.status, r.out + r.err), (0, b""), "without checkpoints")
ok(contents() == before, "nothing changes either")
done()
EOF
