#!/bin/sh
# Many first writers at once make one database, and lose nothing.
# Guards laws 3, 8, 31 and 33.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOF'
import os
import subprocess
from blackbox import *

WRITERS = 200
NOW_NS = 1893456000 * 10**9
NOW = ["--now", "1893456000"]
temp = tempdir()
plan(14)


def burst(root, text_of, *args):
    """That many processes at once, all started before any gets input."""
    running = []
    for i in range(WRITERS):
        read, write = os.pipe()
        p = subprocess.Popen(
            [program("ntdb-ingest"), "-r", root, *args], stdin=read,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(read)
        running.append((p, write, text_of(i)))
    for _, write, text in running:
        try:
            os.write(write, text.encode())
        except BrokenPipeError:
            pass
        os.close(write)
    wrong = []
    for p, _, _ in running:
        out, err = p.communicate(timeout=120)
        r = Result(p.returncode, out, err)
        if r.status != 0 or err or out:
            wrong.append(r)
    return wrong


def check(what, root, wrong):
    ok(not wrong, "%d writers of %s: none refused" % (WRITERS, what))
    for r in wrong[:3]:
        diag(r)
    leftover = [n for n in os.listdir(root)
                if n not in ("a", "engine.ini") and not n.endswith(
                    (".cache", "lock"))]
    same(leftover, [], "nothing is left beside the database")


root = temp + "/one"
check("one metric", root, burst(root, lambda i: "a/b 1\n", *NOW))
rows = samples(root, "a") or []
same(len(rows), WRITERS, "%d samples" % WRITERS)
same([int(r[1]) for r in rows], [NOW_NS + i for i in range(WRITERS)],
     "stamped 1 ns apart")

root = temp + "/clock"
wrong = burst(root, lambda i: "a/b %d\n" % i)
check("one metric, by the system's clock", root, wrong)
rows = samples(root, "a") or []
same(sorted(int(r[3]) for r in rows), list(range(WRITERS)),
     "%d samples" % WRITERS)

root = temp + "/metrics"
check("a metric each", root,
      burst(root, lambda i: "a/m%03d %d\n" % (i, i), *NOW))
rows = samples(root, "a") or []
same([(r[0], r[3]) for r in rows],
     [("a/m%03d" % i, str(i)) for i in range(WRITERS)],
     "each has its value")
r = flush(root, *seal_args(), *NOW)
same((r.status, r.err), (0, b""), sealed())
same(samples(root, "a"), rows, "and keeps it")

root = temp + "/yes"
r = ingest(root, "a/b 1\n" * 1000, *NOW)
same((r.status, r.out, r.err), (0, b"", b""), "1000 lines alike")
same([int(r[1]) for r in samples(root, "a") or []],
     [NOW_NS + i for i in range(1000)], "are 1000 samples")
done()
EOF
