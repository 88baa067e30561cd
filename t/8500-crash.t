#!/bin/sh
# A kill, and an error, at every system call by which a database is changed:
# what is there is what was there before or after, nothing twice, all that
# was acknowledged; verify finds nothing; the same command completes it; the
# next flush leaves no temporary file.  NTDB_LONG=1: every call, and both
# errors at each; else a part of them.
# Guards laws 1, 9, 12, 20, 27 and 31.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import os
import roundtrip
from blackbox import *
from tracing import *

need_strace()
rng = seed()
temp = tempdir()
root = temp + "/root"
# Limits and settings under which nothing moves by itself.
LOGGED = "[page]\nmax_age = 1000w\n"
DIRECT = LOGGED + "[wal]\nenabled = no\n"
DAY = 86400 * 10**9
START = 1715000000 * 10**9

# Three partitions, a metric that begins late, one that grows wider.
part1 = ["k/a %d.5 %d" % (i, START + i * 10**9) for i in range(50)] + \
    ["k/b %di %d" % (i, START + i * 10**9) for i in range(50)]
part2 = ["k/a %d.25 %d" % (i, START + DAY + i * 10**9) for i in range(50)] + \
    ["k/b %di %d" % (i * 10**9, START + DAY + i * 10**9)
     for i in range(50)] + \
    ["k/c %d.125 %d" % (i, START + 2 * DAY + i * 10**9) for i in range(30)]
part3 = ["k/d %di %d" % (i, START + 3 * DAY + i) for i in range(3)]


def text(lines):
    return "".join(x + "\n" for x in lines).encode()


def stored(case):
    """What is there, and what is said only for the damage put aside."""
    if "damaged" not in case.name:
        return export(root)
    r = query(root, "-f", "lp", "--time-format", "ns", "k")
    if r.status not in (0, 65):
        diag(r)
    return sorted(r.out.decode().splitlines())


class Case:
    """A command, what it starts from and what is stored then and after."""

    def __init__(self, name, argv, data, base, before, after):
        self.name = name
        self.argv = argv
        self.data = data
        self.base = base
        self.before = sorted(before)
        self.after = sorted(after)
        self.lines = data.count(b"\n")


def prepare(name, manifest, *steps):
    """A root under temp after these steps."""
    base = "%s/%s" % (temp, name)
    roundtrip.manifest(base, "k", manifest)
    without_own_metrics(base)
    for step in steps:
        r = ingest(base, text(step)) if isinstance(step, list) else \
            flush(base, *step)
        if r.status != 0 or r.err:
            diag("%s: %r" % (name, r))
    return base


def after_killed_flush(name, at):
    """As prepare, and a flush that was killed at its first such call."""
    base = prepare(name, LOGGED, part1, ("--force",), part2)
    argv = ["ntdb-flush", "-r", base, "--force"]
    run(["strace", "-o", "/dev/null", "-e",
         "inject=%s:signal=SIGKILL:when=1" % at, program(argv[0]), *argv[1:]])
    return base


def damaged(name):
    """As prepare, with bytes in the log that are no batch."""
    base = prepare(name, LOGGED, part1, ("--force",))
    ingest(base, text(part3))
    at = os.path.getsize(base + "/k/k.wal") - 1
    ingest(base, text(part2))
    with open(base + "/k/k.wal", "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))
    return base


INGEST = ["ntdb-ingest", "-r", root, "--progress"]
FLUSH = ["ntdb-flush", "-r", root, "--force"]
both = part1 + part2
cases = [
    Case("first ingest", INGEST, text(part1), None, [], part1),
    Case("second ingest", INGEST + ["--sync"], text(part2),
         prepare("b2", LOGGED, part1, ("--force",), part3),
         part1 + part3, both + part3),
    Case("flush", FLUSH, b"",
         prepare("b3", LOGGED, part1, ("--force",), part2), both, both),
    Case("first flush", FLUSH, b"", prepare("b4", LOGGED, part1),
         part1, part1),
    Case("flush after one killed at a data file", FLUSH, b"",
         after_killed_flush("b5", "fdatasync"), both, both),
    Case("flush after one killed at a rename", FLUSH, b"",
         after_killed_flush("b6", "renameat"), both, both),
    Case("direct commit", INGEST, text(part2),
         prepare("b7", DIRECT, part1), part1, both),
    Case("ingest that flushes", INGEST, text(part2),
         prepare("b8", "[page]\nmax_records = 60\n", part1), part1, both),
    Case("flush of a damaged log", FLUSH, b"", damaged("b9"), both, both),
]


def some(calls, share):
    """All of them, or in the short form that share, evenly spread."""
    if is_long():
        return calls
    off = rng.random()
    return [c for i, c in enumerate(calls)
            if int((i + off) * share) != int((i + 1 + off) * share)]


def judge(case, r, must_be_after):
    """What is there after a fault: a list of complaints."""
    bad = []
    got = stored(case)
    acked = last_committed(r.err)
    if got != case.before and got != case.after:
        bad.append("neither before nor after: %s" % clip(got, 300))
    if (must_be_after or acked == case.lines > 0) and got != case.after:
        bad.append("acknowledged and not there")
    if 0 < acked < case.lines:
        bad.append("acknowledged in part")
    if "damaged" not in case.name and os.path.exists(root):
        v = verify(root)
        if v.status != 0:
            bad.append("verify: %r" % v)
    return bad


def complete(case):
    """The same command again, then a flush: a list of complaints."""
    bad = []
    quiet = "damaged" in case.name
    r = run(case.argv, case.data)
    if r.status != 0 or (not quiet and last_committed(r.err) != case.lines):
        bad.append("again: %r" % r)
    if stored(case) != case.after:
        bad.append("not complete after it")
    r = flush(root, "--force")
    if r.status != 0 or (r.err and not quiet):
        bad.append("flush: %r" % r)
    if stored(case) != case.after:
        bad.append("not complete after a flush")
    if temporary(root):
        bad.append("left behind: %s" % temporary(root))
    v = verify(root)
    if v.status != 0:
        bad.append("verify at the end: %r" % v)
    return bad


def one(case, call, fault):
    copy_tree(case.base, root)
    if fault == "signal=SIGKILL":
        p = subprocess.run(
            ["strace", "-o", "/dev/null", "-e", "inject=%s:%s:when=%d" % (
                call.name, fault, call.nth), program(case.argv[0]),
             *case.argv[1:]], input=case.data, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        r = Result(p.returncode, p.stdout, p.stderr)
        bad = [] if p.returncode in (-9, 137) else ["not killed: %r" % r]
        bad += judge(case, r, False)
    else:
        r = injected(case.argv, case.data, call, fault)
        said = [x for x in r.err.decode().splitlines()
                if not re.fullmatch(r"committed \d+", x)]
        bad = []
        if r.status == 74:
            if "damaged" in case.name:
                said = [x for x in said if "kept as" not in x]
            if len(said) != 1 or not said[0].startswith(case.argv[0] + ": "):
                bad.append("not one line: %s" % said)
        elif r.status != 0:
            bad.append("status is not 74: %r" % r)
        elif call.name in ("fdatasync", "fsync", "syncfs", "pwrite64") and \
                ".cache" not in file_of(case, call) and not said:
            bad.append("silent success")
        bad += judge(case, r, r.status == 0)
    bad += complete(case)
    for b in bad:
        diag("%s, %s at %s %d, %s: %s" % (case.name, fault, call.name,
                                          call.nth, call.args, b))
    return not bad


def file_of(case, call):
    """The name that the call's descriptor was opened by."""
    names = {}
    for c in case.calls:
        if c is call:
            return names.get(c.args.split(",")[0], "")
        if c.name == "openat" and c.result != "-1":
            names[c.result] = c.args
    return ""


for case in cases:
    copy_tree(case.base, root)
    r, calls = traced(case.argv, case.data)
    case.calls = calls
    if r.status != 0:
        diag("%s: %r" % (case.name, r))
    points = changing(calls, root)
    # To kill before it opens something is not to let it begin.
    kills = points if is_long() else some([
        c for c in points if c.name != "openat" or "O_CREAT" in c.args], 0.5)
    n = sum(not one(case, c, "signal=SIGKILL") for c in kills)
    same(n, 0, "%s: killed at %d calls" % (case.name, len(kills)))
    # What is written is said on stderr; locks fail without EIO.
    faulty = [c for c in points if c.name not in ("write", "flock") and
              c.result != "-1"]
    faulty = some(faulty, 0.35)
    errors = ["EIO", "ENOSPC"]
    n = sum(not one(case, c, "error=" + e) for c in faulty
            for e in (errors if is_long() else [rng.choice(errors)]))
    same(n, 0, "%s: errors at %d calls" % (case.name, len(faulty)))
done()
EOT
