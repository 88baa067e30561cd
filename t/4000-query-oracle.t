#!/bin/sh
# Random queries against an independent oracle, on generated data: integers
# of both widths, floats of both widths, NaN, infinities, -0.0, gaps, equal
# times.  Read from the log, from pages, from both, and from sealed pages.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOF'
from blackbox import *
from differential import campaign
import oracle

NS = 10**9
T0 = 1893456000 * NS
NOW = T0 + 10 * 86400 * NS
rng = seed()
plan(10)


def walk(step, digits):
    x = 0.0
    while True:
        x = round(x + rng.uniform(-step, step), digits)
        yield "%.*f" % (digits, x)


def pick(*words):
    while True:
        yield rng.choice(words)


def integers(low, high):
    while True:
        yield str(rng.randint(low, high))


def noise():
    while True:
        yield repr(rng.uniform(-1, 1) * 10.0 ** rng.randrange(-5, 6))


METRICS = {
    "home/kitchen.temp": walk(0.3, 1),
    "home/cellar.temp": walk(0.3, 2),
    "home/room1.temp": walk(0.01, 3),
    "home/room2.temp": pick("21.0", "21.5", "NaN"),
    "home/odd": pick("NaN", "inf", "-inf", "0.0", "-0.0", "1e300", "-1e-300",
                     "5.5"),
    "home/nan": pick("NaN"),
    "home/noise": noise(),
    "home/zero": pick("0.0", "-0.0"),
    "home/const": pick("230.1"),
    "net/if/eth0.rx": integers(0, 2**31 - 1),
    "net/if/eth0.tx": integers(-2**63, 2**63 - 1),
    'net/http_requests_total{code="200"}': integers(0, 9),
    "net/up": pick("0", "1"),
    "net/big": integers(2**62, 2**63 - 1),
}


def generate(n):
    """Lines in order of time, each metric with a rhythm of its own."""
    lines = []
    for name, values in METRICS.items():
        t = T0 + rng.randrange(3600 * NS)
        step = rng.choice([NS, 20 * NS, 60 * NS, 20 * NS + 123456789])
        last = None
        for _ in range(n if not name.startswith("net/if") else n // 5):
            how = rng.random()
            if how < 0.01:
                t += rng.randrange(86400 * NS // 2)
            elif how > 0.03 or last is None:
                t += step + rng.choice([0, 0, rng.randrange(step)])
            last = next(values)
            lines.append((t, "%s %s %d" % (name, last, t)))
    lines.sort(key=lambda x: x[0])
    return [line.encode() for _, line in lines]


root = tempdir() + "/root"
lines = generate(1500)
store = oracle.Store()
store.load(lines)
half = len(lines) // 2
now = ["--now", str(NOW // NS)]


def feed(part):
    r = ingest(root, b"\n".join(part), "-p", "ns", *now)
    ok(r.status == 0 and not r.err, "ingest of %d lines" % len(part))
    if r.status != 0:
        diag(r)


feed(lines[:half])
part = oracle.Store()
part.load(lines[:half])
ok(campaign(part, root, rng, NOW, 75) == 0, "75 queries of the log")
r = flush(root, *move_args(), *now)
same(r.status, 0, "flush")
ok(campaign(part, root, rng, NOW, 75) == 0, "75 queries of pages")
feed(lines[half:])
ok(campaign(store, root, rng, NOW, 75) == 0, "75 queries of log and pages")
r = flush(root, *seal_args(), *now)
same(r.status, 0, "flush: " + sealed())
ok(campaign(store, root, rng, NOW, 75) == 0, "75 queries of %s pages" % sealed())

# Everything at once, as the backup has it.
r = query(root, "-f", "lp", "home", "net", *now)
got = oracle.Store()
got.load(r.out.splitlines())
same(r.status, 0, "export")
ok({n: (s.times, list(map(oracle.bits, s.values)), s.type)
    for n, s in got.series.items()}
   == {n: (s.times, list(map(oracle.bits, s.values)), s.type)
       for n, s in store.series.items()}, "export is what went in")
done()
EOF
