#!/bin/sh
# Every rule of the line protocol and of what may be stored, by the table
# t/fixtures/line-protocol.tsv: read once from the log, and once from pages
# with a flush after each run.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - "$NTDB_SRC/t/fixtures/line-protocol.tsv" <<'EOF'
import fnmatch
import os
import re
import shutil
import sys
from blackbox import *

NOW = 1894665600 * 10**9
TIMES = {"T": 1700000000 * 10**9, "U": 1700000001 * 10**9,
         "V": 1700000002 * 10**9, "N": NOW}

# What the reasons of each class have in common.
CLASSES = {
    "syntax": r"line|word|database|value|form|time|long",
    "name": r"name|database|metric|reserved|UTF-8",
    "value": r"value|number|range|integer|float|zero|infinit|overflow|digit",
    "time": r"time|date|second|fraction|before|after|range|outside",
    "type": r"type mismatch: metric is (int|float)(32|64)\b",
    "late": r"late sample: .+ is before .+ "
            r"\(was the clock ahead\? see late = accept\)",
    "future": r"future|ahead|max_future",
    "clock": r"clock",
    "full": r"max_metrics|many metrics",
}


def times(text):
    return re.sub(r"\$([TUVN])(?:\+(\d+))?",
                  lambda m: str(TIMES[m.group(1)] + int(m.group(2) or 0)),
                  text)


def repeats(text):
    return re.sub(r"<(.)\*(\d+)>", lambda m: m.group(1) * int(m.group(2)),
                  text)


def unescape(text):
    short = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\\": b"\\"}
    return re.sub(
        rb"\\(x[0-9a-f]{2}|[nrt\\])",
        lambda m: bytes([int(m.group(1)[1:], 16)]) if m.group(1)[:1] == b"x"
        else short[m.group(1)], repeats(times(text)).encode())


class Case:
    def __init__(self, line):
        cols = line.split("\t") + ["-", "-"]
        self.name = cols[0] + " " + " ".join(c for c in cols[2:4] if c != "-")
        self.runs = [unescape(part) for part in cols[0].split(" ||| ")]
        self.stored, self.refused, self.text = [], [], []
        self.status = None
        for part in cols[1].split(" ; "):
            if part.startswith("!"):
                number, colon, kind = part[1:].partition(":")
                if not colon:
                    number, kind = "1", number
                self.refused.append((int(number), kind.split(",")))
            elif part.startswith("~"):
                self.text.append(part[1:])
            elif part.startswith("?"):
                self.status = part[1:]
            elif part != "-":
                row = repeats(times(part)).replace("\\\\", "\\").split(" ")
                self.stored.append([row[0], row[3], row[1], row[2]])
        if self.status is None:
            self.status = "65" if self.refused else "0"
        self.options = cols[2].split() if cols[2] != "-" else []
        self.manifest = cols[3].split() if cols[3] != "-" else []


def matches(row, want):
    return (len(row) == 4 and row[0:2] + row[3:] == want[0:2] + want[3:]
            and fnmatch.fnmatchcase(row[2], want[2]))


def stored(root, now):
    rows = samples(root, "*")
    if os.path.isdir(root + "/internal") and rows is not None:
        inner = samples(root, "internal")
        rows += [r for r in inner or []
                 if not r[0].startswith("internal/ntdb/")]
        rows.sort(key=lambda r: r[0].encode())
    return rows


def messages(err):
    """{line number: reason} of what ntdb-ingest said."""
    found = {}
    for line in err.decode(errors="replace").splitlines():
        m = re.match(r"ntdb-ingest: [^:]*:(\d+): (.*)", line)
        if m:
            found[int(m.group(1))] = m.group(2)
    return found


def check(case, root, flushed):
    """What is wrong with how a case went, as a list."""
    wrong = []
    if case.manifest:
        os.makedirs(root + "/a")
        with open(root + "/a/manifest.ini", "w") as f:
            for setting in case.manifest:
                section, _, rest = setting.partition(".")
                f.write("[%s]\n%s\n" % (section, rest.replace("=", " = ")))
    err, statuses = b"", []
    now = [] if "--now" in case.options else ["--now", str(NOW)]
    for data in case.runs:
        r = ingest(root, data, *now, *case.options)
        statuses.append(str(r.status))
        err += r.err
        if r.out:
            wrong.append("stdout: %r" % r.out)
        if flushed and os.path.isdir(root):
            f = flush(root, "--force", "--now", str(NOW))
            if f.status != 0:
                wrong.append("flush: %r" % f)
    status = max(statuses, key=lambda s: (not s.isdigit(), s))
    if case.status not in ("*", status):
        wrong.append("status %s, not %s" % (status, case.status))
    rows = stored(root, NOW)
    if rows is None or len(rows) != len(case.stored) or not all(
            matches(g, w) for g, w in zip(rows, case.stored)):
        wrong.append("stored %s\n  not    %s" % (clip(rows), case.stored))
    said = messages(err)
    if case.status == "65" and set(said) != {n for n, _ in case.refused}:
        wrong.append("messages for lines %s" % sorted(said))
    if case.status == "0" and err:
        wrong.append("not silent")
    for number, kinds in case.refused:
        if not re.search("|".join(CLASSES[k] for k in kinds),
                         said.get(number, ""), re.I):
            wrong.append("line %d: reason is not of class %s"
                         % (number, kinds))
    for text in case.text:
        if text not in err.decode(errors="replace"):
            wrong.append("stderr has no " + text)
    if not case.stored and not case.manifest and os.path.exists(root) and [
            n for n in os.listdir(root) if n != "engine.ini"]:
        wrong.append("a database was made: %s" % os.listdir(root))
    if re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", err):
        wrong.append("raw control characters on stderr")
    return wrong, err


with open(sys.argv[1], encoding="utf-8") as f:
    cases = [Case(line.rstrip("\n")) for line in f
             if line.strip() and not line.startswith("#")]
plan(len(cases))
temp = tempdir()
for i, case in enumerate(cases):
    wrong, err = check(case, "%s/%d" % (temp, i), False)
    if case.stored and not wrong:
        wrong, err = check(case, "%s/%d-flushed" % (temp, i), True)
        wrong = ["with flushes: " + w for w in wrong]
    if not ok(not wrong, clip(case.name, 90)):
        for w in wrong:
            diag(w)
        diag("stderr: %s" % clip(err, 800))
    for end in ("", "-flushed"):
        shutil.rmtree("%s/%d%s" % (temp, i, end), ignore_errors=True)
done()
EOF
