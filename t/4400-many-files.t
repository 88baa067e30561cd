#!/bin/sh
# More runs than a query keeps in mind at once: it goes over the files several
# times, for some metrics each, and gives each sample once and in order.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOF'
from blackbox import *

DAYS, METRICS, START, DAY = 700, 100, 1600000000, 86400
NOW = ["--now", "2030-01-01"]
rng = seed()
root = tempdir() + "/root"
want, lines = [], []
for m in range(METRICS):
    name = "d/m%03d.%s" % (m, rng.choice("abc"))
    kind = rng.randrange(4)
    for day in range(DAYS):
        if kind == 3 and rng.random() < .5:
            continue
        # One sample a day, so that there are no columns, or several.
        for k in range(1 if kind < 2 else rng.randrange(1, 7)):
            t = START + day * DAY + 9000 * k + (m if kind == 1 else 0)
            t += rng.randrange(9000) if kind > 1 else 0
            v = [str(rng.randrange(-9, 1000)),
                 "%d.%d5" % (rng.randrange(90), rng.randrange(10))][m % 2]
            if m % 2 and rng.random() < .02:
                v = "1.5e300"
            lines.append((t, m, "%s %s %d" % (name, v, t)))
            want.append((name, t, float(v)))
lines.sort()
plan(6)
r = ingest(root, "".join(line + "\n" for _, _, line in lines), "-p", "s",
           *NOW)
same((r.status, r.err), (0, b""), "ingest")
r = flush(root, "--force", *NOW)
same((r.status, r.err), (0, b""), "flush")


def rows(*args):
    r = query(root, "-f", "csv", "--time-format", "s", *args, *NOW)
    return r, [(a[0], int(a[1]), float(a[3])) for a in
               (x.split(",") for x in r.out.decode().splitlines()[1:])]


r, got = rows("-s", "1600000000", "d")
same((r.status, r.err), (0, b""), "query")
ok(got == want, "all samples, by metric and time")
r, got = rows("-s", str(START + 9 * DAY), "-e", str(START + 680 * DAY), "d")
ok(got == [w for w in want if START + 9 * DAY <= w[1] <= START + 680 * DAY],
   "those of a range")
r = query(root, "-f", "lp", "d", *NOW)
got = [x.split()[:2] for x in r.out.decode().splitlines()]
days = sorted(want, key=lambda w: (w[1] // DAY, w[0], w[1]))
ok([(n, float(v.rstrip("i"))) for n, v in got] == [(w[0], w[2]) for w in days],
   "and by day")
done()
EOF
