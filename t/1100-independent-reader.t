#!/bin/sh
# What a reader that was written from ntdb-format(5) alone finds in log and
# data files is what was put in: the manual is complete.
# Guards laws 6 and 28.

. "$(dirname "$0")/lib.sh"
need python3
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'END'
import math
import os
import struct
from blackbox import *
from format_reader import Database

rnd = seed()
START = 1777636800 * 10**9
DAY = 86400 * 10**9


def walk(n, step):
    """A value that moves by a few steps at a time, as text."""
    v = rnd.randrange(10000)
    for _ in range(n):
        v += rnd.randint(-3, 3)
        yield step(v)


def clock(n, t, steady):
    for _ in range(n):
        yield t
        t += 10**10 if steady else rnd.choice(
            [0, 1, 10**9, 60 * 10**9, rnd.randrange(10**12)])


def odd_float(_):
    return rnd.choice([
        "-0.0", "NaN", "+Inf", "-Inf", "1e300", "5e-324", "0.1", "1e21",
        "123456789.123456", repr(rnd.uniform(-1e3, 1e3)),
        repr(rnd.uniform(-1, 1) * 10**rnd.randint(-200, 200))])


def odd_int(_):
    return rnd.choice(["0i", "-1i", "%di" % rnd.randint(-2**63, 2**63 - 1),
                       "9223372036854775807i", "-9223372036854775808i"])


# name: (samples, value maker, whether the times are regular)
SERIES = {
    "constant": (400, lambda v: "42i", True),
    "constant.f": (300, lambda v: "21.5", True),
    "count": (900, lambda v: "%di" % (v * 1000), True),
    "temp": (1000, lambda v: "%.2f" % (v / 100), True),
    "temp/{room=\"é\"}": (300, lambda v: "%.1f" % (v / 10), True),
    "thin": (5, lambda v: "%.3f" % (v / 1000), True),
    "once": (1, lambda v: "7i", True),
    "jitter": (700, lambda v: "%.1f" % (v / 10), False),
    "noise": (500, lambda v: repr(rnd.random()), False),
    "odd.f": (600, odd_float, False),
    "mostly": (500, lambda v: odd_float(v) if rnd.random() < .02 else
               "%.1f" % (v / 10), True),
    "mostly.noise": (600, lambda v: odd_float(v) if rnd.random() < .01 else
                     "%.2f" % (100 * rnd.random()), True),
    "gaps": (800, lambda v: "NaN" if rnd.random() < .02 else
             "%.3f" % (1000 * rnd.random()), True),
    "odd.i": (400, odd_int, False),
    "wide": (200, lambda v: "%di" % (v * 2**40), True),
    "large": (200, lambda v: "%di" % (v * 150000 - 2**30), True),
    "few": (900, lambda v: repr((v % 17 + 1) / 7.1), True),
    "few.walk": (400, lambda v: "%di" % (v // 9 % 30 * 7919**3), True),
    "thirds": (700, lambda v: "%.2f" % (v / 30), True),
    "thirds.noise": (500, lambda v: "%.2f" % (v * 7919 % 1499 / 30), False),
    "noisy": (600, lambda v: "%di" % (v * 7919 % 10007), True),
    "scales": (300, lambda v: "%.*f" % (1 + v % 9, v / 7), True),
}


def key(value):
    """Equal for what is the same number, bit by bit but for NaN."""
    if isinstance(value, int):
        return value
    if math.isnan(value):
        return "NaN"
    return struct.pack(">d", value)


def generate():
    lines, want = [], {}
    for name, (n, form, steady) in SERIES.items():
        seen = set()
        for t, text in zip(clock(n, START + rnd.randrange(5) * DAY, steady),
                           walk(n, form)):
            value = int(text[:-1]) if text.endswith("i") else float(text)
            if (t, key(value)) in seen:
                continue
            seen.add((t, key(value)))
            want.setdefault(name.encode(), []).append((t, value))
            lines.append((t, name, text))
    # Stable, so that equal times of a metric stay in order.
    lines.sort(key=lambda line: line[0])
    return ["db/%s %s %d\n" % (name, text, t) for t, name, text in lines], \
        want


def differences(db, want):
    wrong = []
    for name in sorted(set(want) | set(db.samples)):
        a = [(t, key(v)) for t, v in db.samples.get(name, [])]
        b = [(t, key(v)) for t, v in want.get(name, [])]
        if a != b:
            at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y),
                      min(len(a), len(b)))
            wrong.append((name, len(a), len(b), at, a[at:at + 2],
                          b[at:at + 2]))
    return wrong


lines, want = generate()
n = len(lines)
diag("%d samples of %d metrics" % (n, len(want)))
root = os.path.join(tempdir(), "root")
now = ["--now", "2026-11-20"]
plan(14)


def put(part, name):
    r = ingest(root, "".join(part), "-p", "ns", *now)
    same((r.status, r.err), (0, b""), name)


def read(name):
    db = Database(os.path.join(root, "db"))
    diag("%d samples in pages, %d in the log" %
         (db.from_pages, db.from_log))
    same(db.damage, [], name + ": no damage")
    return db


put(lines[:n // 2], "ingest one half")
r = flush(root, "--force", *now)
same((r.status, r.err), (0, b""), "flush it")
put(lines[n // 2:], "ingest the other")
db = read("half flushed")
same(differences(db, want), [], "half flushed: what was put in is there")
ok(db.from_pages > 0 and db.from_log > 0, "some in pages, some in the log")
r = flush(root, "--force", *now)
same((r.status, r.err), (0, b""), "flush the rest")
db = read("all flushed")
same(differences(db, want), [], "all flushed: what was put in is there")
ok(db.from_log == 0 and db.from_pages == n, "all of it in pages")
r = flush(root, "--seal", *now)
same((r.status, r.err), (0, b""), "seal it")
db = read("sealed")
same(differences(db, want), [], "sealed: what was put in is there")
same(db.codings, {"dictionary", "lattice", "exceptions", "plain", "symbols",
                  "byte planes"}, "with all that a sealed page can have")
done()
END
