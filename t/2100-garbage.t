#!/bin/sh
# Input that holds no valid line: random bytes, and random printable text
# with the alphabet of line protocol.  It is refused (65), nothing is stored
# and no database is made.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOF'
import concurrent.futures
import os
from blackbox import *
import oracle

rng = seed()
temp = tempdir()
PRINTABLE = (b"aab//..  \t0123456789+-eEinfNaTZ:_{}=\",#" + b" \n" * 3
             + bytes(range(32, 127)))


def is_garbage(line):
    """Whether a line is neither valid by any reading, nor to be skipped."""
    if not line.strip(b" \t\r\xef\xbb\xbf\n") or line.lstrip(
            b" \t\xef\xbb\xbf").startswith(b"#"):
        return False
    try:
        text = line.decode("latin-1").replace("\xef\xbb\xbf", "")
        return oracle.scan_line(text.encode(), default_db="d") is None
    except ValueError:
        return True


def garbage(alphabet):
    """Bytes of which every line is bad, and at least one is there."""
    while True:
        size = rng.choice([1, 3, 10, 40, 200, 1000, 5000])
        data = bytes(rng.choices(alphabet, k=rng.randrange(1, size + 1)))
        lines = [x for x in data.split(b"\n") if is_garbage(x)]
        if lines:
            return b"\n".join(lines) + rng.choice([b"", b"\n"])


def attempt(job):
    i, data, args = job
    root = "%s/%s" % (temp, i)
    r = ingest(root, data, *args, timeout=60)
    if r.status != 65:
        return "input %r %s: %r" % (data, args, r)
    if r.out:
        return "input %r: stdout %r" % (data, r.out)
    made = os.listdir(root) if os.path.isdir(root) else []
    if [n for n in made if n != "engine.ini"]:
        return "input %r made %s" % (data, made)
    return None


for title, alphabet in (("random bytes", bytes(range(256))),
                        ("printable garbage", PRINTABLE)):
    jobs = [(title[0] + str(i), garbage(alphabet),
             rng.choice([[], ["-v"], ["-d", "d"], ["-p", "s"]]))
            for i in range(1000)]
    for args in ([], ["-v"], ["-d", "d"], ["-p", "s"]):
        batch = [j for j in jobs if j[2] == args]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            wrong = [w for w in pool.map(attempt, [
                (str(title[0]) + j[0], j[1], j[2]) for j in batch]) if w]
        ok(not wrong, "%d inputs of %s %s: 65 and nothing stored"
           % (len(batch), title, " ".join(args)))
        for w in wrong[:5]:
            diag(clip(w))
        diag("%d wrong" % len(wrong)) if wrong else None
done()
EOF
