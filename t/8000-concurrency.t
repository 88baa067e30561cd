#!/bin/sh
# What went in comes out: from the log, from pages, flushed and sealed, and
# out of more partitions than descriptors while others write.  Generated data;
# t/long/datasets does it with real ones.
# Guards laws 6, 13 and 16.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOF'
import os
from blackbox import *
import roundtrip

rng = seed()
NOW_NS = 1893456000 * 10**9
NOW = ["--now", "1893456000"]
plan(16)


def generate(metrics, n):
    """Lines of noisy, constant, integer and decimal metrics, by time."""
    lines = []
    levels = [rng.uniform(-50, 50) for _ in range(metrics)]
    t = 1700000000 * 10**9
    for i in range(n):
        t += 20 * 10**9 + rng.choice([0, 0, 0, rng.randrange(10**9)])
        if rng.random() < 0.001:
            t += rng.randrange(3 * 86400 * 10**9)
        for m in range(metrics):
            kind = m % 5
            levels[m] += rng.uniform(-1, 1)
            text = ("%.1f" % levels[m], "%.3f" % levels[m], str(i * m),
                    "230.0", repr(levels[m]))[kind]
            lines.append(b"gen/m%d.k%d %s %d" % (m, kind, text.encode(), t))
    return lines


lines = generate(25, 4000)
diag("%d lines" % len(lines))
temp = tempdir()
roundtrip.only_log(temp, "gen", lines, NOW)
roundtrip.one_after_another(temp, "gen", lines, NOW)
roundtrip.bare(temp, "gen", lines, NOW)
roundtrip.many_partitions(temp, 200, NOW_NS)
done()
EOF
