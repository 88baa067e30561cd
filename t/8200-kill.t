#!/bin/sh
# kill -9 of a streaming ingest at random moments, with flushes inside: what
# was acknowledged is there, nothing is there twice, nothing is made up, and
# sending everything again completes it.  NTDB_LONG=1: 50 kills, not 10.
# Guards laws 2, 9 and 27.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOF'
import os
import subprocess
import threading
import time
from blackbox import *
import roundtrip

rng = seed()
KILLS = 50 if is_long() else 10
NOW = ["--now", "1893456000"]
temp = tempdir()
plan(2 + 5 * KILLS)


def generate(n):
    """Lines of two databases, no two alike, by time."""
    lines = []
    t = 1890000000 * 10**9
    for i in range(n):
        t += rng.randrange(1, 10**9)
        lines.append(b"%s/m%d %s %d" % (
            rng.choice([b"a", b"b"]), rng.randrange(20),
            b"%d.%d" % (i, rng.randrange(100)), t))
    return lines


def start(root):
    """A fresh root with small limits, so that ingest flushes often."""
    for db in ("a", "b"):
        roundtrip.manifest(root, db, "[page]\nmax_records = 3000\n")
    return subprocess.Popen(
        [program("ntdb-ingest"), "-r", root, "--progress", *NOW],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)


def stream(p, lines, kill_after=None):
    """Feed lines in pieces of random size; kill after some seconds."""
    pieces = []
    i = 0
    while i < len(lines):
        n = rng.choice([1, 10, 200, 2000])
        pieces.append(b"".join(x + b"\n" for x in lines[i:i + n]))
        i += n

    def write():
        try:
            for piece in pieces:
                p.stdin.write(piece)
                p.stdin.flush()
            p.stdin.close()
        except OSError:
            pass

    writer = threading.Thread(target=write)
    began = time.monotonic()
    writer.start()
    if kill_after is not None:
        timer = threading.Timer(kill_after, p.kill)
        timer.start()
    err = p.stderr.read()
    p.wait()
    writer.join()
    if kill_after is not None:
        timer.cancel()
    try:
        p.stdin.close()
    except OSError:
        pass
    return err, time.monotonic() - began


def in_db(db, lines):
    return [x for x in lines if x.startswith(db + b"/")]


def export(root, db):
    r = query(root, "-f", "lp", db, *NOW)
    return r.out if r.status == 0 else repr(r).encode()


lines = generate(40000)
p = start(temp + "/whole")
err, seconds = stream(p, lines)
same(p.returncode, 0, "a whole run")
same(last_committed(err), len(lines), "acknowledges every line")
diag("it takes %.2f s" % seconds)
for k in range(KILLS):
    root = "%s/%d" % (temp, k)
    p = start(root)
    err, _ = stream(p, lines, rng.uniform(0, seconds))
    acked = last_committed(err)
    prefix, enough, stored = True, True, 0
    for db in (b"a", b"b"):
        out = export(root, db.decode())
        n = out.count(b"\n")
        stored += n
        mine = in_db(db, lines)
        if out != roundtrip.expected(mine[:n]):
            prefix = False
            diag(out[:300])
        if n < len(in_db(db, lines[:acked])):
            enough = False
    diag("killed %d: %d acknowledged, %d stored of %d" % (
        p.returncode == -9, acked, stored, len(lines)))
    ok(prefix, "kill %d: a beginning of the input is stored" % k)
    ok(enough, "kill %d: all that was acknowledged" % k)
    r = ingest(root, b"\n".join(lines), *NOW)
    same((r.status, r.err), (0, b""), "kill %d: sent again" % k)
    flush(root, *seal_args(), *NOW)
    for db in (b"a", b"b"):
        ok(export(root, db.decode()) == roundtrip.expected(
            in_db(db, lines)), "kill %d: %s is complete" % (k, db.decode()))
done()
EOF
