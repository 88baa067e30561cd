#!/bin/sh
# Rollups killed at the system calls by which something is changed, then run
# again: every bucket is there once, with the right value, at all levels.  Two
# runs at once.  What a run that finds nothing costs.  NTDB_LONG=1: a kill at
# every call, and 200 at random moments.
# Guards laws 15, 23, 24 and 25.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import os
import re
import shutil
import subprocess
import time
import zlib
from blackbox import *
from oracle import NS, Store, scan_civil
from rollups import *
from tracing import *

need_strace()
rng = seed()
temp = tempdir()
base, root = temp + "/base", temp + "/root"
START = scan_civil("2026-12-30 20:00")
NOW = ["--now", "2027-02-01"]
HOUR = 3600 * NS
jobs = [dict(source_pattern="*", interval="10m", destination_db="m",
             aggregates="sum count max", source="z"),
        dict(source_pattern="*.max", interval="1h", destination_db="h",
             aggregates="max count", source="m"),
        dict(source_pattern="*.max.max", interval="1d", destination_db="d",
             aggregates="last", source="h")]


def keys(job):
    return {k: v for k, v in job.items() if k != "source"}


store = Store()


def put(lines):
    text = "".join(x + "\n" for x in lines)
    r = ingest(base, text, *NOW)
    if r.status != 0 or r.err:
        diag(r)
    store.load(text.encode().splitlines(), late=True)


LATE = "[metrics]\nlate = accept\n"
write_manifest(base, "z", LATE + section("m", **keys(jobs[0])))
write_manifest(base, "m", section("h", **keys(jobs[1])))
write_manifest(base, "h", section("d", **keys(jobs[2])))
write_manifest(base, "d", "")
put("z/%s %di %d" % (m, rng.randrange(1000), START + i * HOUR // 9)
    for m in "ab" for i in range(300))
flush(base, *move_args(), *NOW)
same(rollup(base, *NOW).status, 0, "the first half")
flush(base, *seal_args(), *NOW)
# More, and late ones, which change results at all levels.
put("z/%s %di %d" % (m, rng.randrange(1000), START + i * HOUR // 9)
    for m in "ab" for i in range(300, 400))
put("z/a %di %d" % (5000 + i, START + i * 7 * HOUR + 1) for i in range(5))


def complaints():
    """What is wrong after a run that ended well."""
    bad = []
    for level, job in enumerate(jobs):
        source = store if level == 0 else store_of(root, job["source"])
        want = expected(job, source, scan_civil("2027-02-01"))
        got = stored(root, job["destination_db"])
        if len(got) != len(want):
            bad.append("%s: %d values, not %d" % (
                job["destination_db"], len(got), len(want)))
        bad += ["%s %s: %s" % (n, t, v) for n, t, _, v in got
                if str(want.get((n, int(t)), (0, 0, None))[2]) != v]
    v = verify(root)
    if v.status != 0:
        bad.append("verify: %r" % v)
    return bad


def again(what):
    """Complaints about the run after one that was killed."""
    bad = ["verify after the kill: %r" % v for v in [verify(root)]
           if v.status != 0]
    r = rollup(root, *NOW)
    if r.status != 0 or r.err:
        bad.append("again: %r" % r)
    bad += complaints()
    # The suite's own metrics are written on: in the base there are some.
    r = flush(root, *move_args(), "--now", "2027-02-01 01:00")
    if r.status != 0 or r.err or not csv_rows(query(
            root, "-f", "csv", "-s", "2027-02-01 01:00",
            "internal/*").out):
        bad.append("own metrics: %r" % r)
    bad += complaints()
    return ["%s: %s" % (what, b) for b in bad[:4]]


ok(len(samples(base, "internal/ntdb/m/*")) > 20, "own metrics are kept")
argv = ["ntdb-rollup", "-r", root, *NOW]
copy_tree(base, root)
r, calls = traced(argv)
same((r.status, r.err), (0, b""), "a run that is not killed")
same(complaints(), [], "is right")
calls = changing(calls, root)
diag("%d calls change something" % len(calls))
ok(len(calls) > 60, "there are calls to be killed at")
step = 1 if is_long() else max(1, len(calls) // 14)
bad, n = [], 0
for call in calls[rng.randrange(step)::step]:
    copy_tree(base, root)
    p = subprocess.run(
        ["strace", "-o", "/dev/null", "-e", "inject=%s:signal=SIGKILL:when=%d"
         % (call.name, call.nth), program(argv[0]), *argv[1:]],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode not in (-9, 137):
        bad.append("not killed at %r" % call)
    bad += again("killed at %s %d" % (call.name, call.nth))
    n += 1
ok(not bad, "killed at %d calls, run again" % n)
for b in bad[:20]:
    diag(clip(b))

if is_long():
    copy_tree(base, root)
    start = time.monotonic()
    rollup(root, *NOW)
    span = time.monotonic() - start
    bad = []
    for n in range(200):
        copy_tree(base, root)
        for _ in range(rng.randrange(1, 4)):
            p = subprocess.Popen([program(argv[0]), *argv[1:]])
            try:
                p.wait(rng.uniform(0, span))
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        bad += again("killed %d" % n)
    ok(not bad, "200 kills at random moments")
    for b in bad[:20]:
        diag(clip(b))

# ---- two at once, three times

bad = []
for n in range(3):
    copy_tree(base, root)
    both = [subprocess.Popen([program(argv[0]), *argv[1:]],
                             stderr=subprocess.PIPE) for _ in range(2)]
    for p in both:
        err = p.communicate()[1]
        if p.returncode != 0 or err:
            bad.append("%d: %r" % (p.returncode, err))
    bad += complaints()
same(bad[:5], [], "two at once")

# ---- a flush while the checkpoints are replaced

def long_checkpoints():
    """The base, with so many that do not count that they are replaced."""
    copy_tree(base, root)
    with open(root + "/z/rollup.checkpoints.log", "a") as f:
        f.write("m::a,0,1,%08x\n" % zlib.crc32(b"m::a,0,1") * 2000)
    return os.path.getsize(root + "/z/rollup.checkpoints.log")


long_checkpoints()
r, calls = traced(argv)
at = [i for i, c in enumerate(calls) if c.name.startswith("rename") and
      "checkpoints" in c.args][0]
call = [c for c in calls[:at] if c.name in ("fsync", "fdatasync")][-1]
size = long_checkpoints()
held = Held(argv, call.name, call.nth)
left = temporary(root)
r = flush(root, *move_args(), *NOW)
same((r.status, r.err), (0, b""), "a flush while checkpoints are replaced")
r = held.go_on()
same((r.status, r.err), (0, b""), "and the run ends well")
ok(held.held and len(left) == 1, "it was held before the rename")
ok(os.path.getsize(root + "/z/rollup.checkpoints.log") < size // 4,
   "they have been replaced")
same((complaints(), temporary(root)), ([], []), "all is right")

# ---- a run that finds nothing: no data file is opened, nothing is written

def instructions(command):
    """Of a run, or None where they cannot be counted."""
    if shutil.which("valgrind") is None:
        return None
    r = run(["valgrind", "--tool=callgrind",
             "--callgrind-out-file=/dev/null", *command])
    m = re.search(rb"Collected : (\d+)", r.err)
    return int(m.group(1)) if m else None


def empty_process():
    """A program that does nothing, linked as ntdb-rollup is."""
    r = subprocess.run(["readelf", "-d", program("ntdb-rollup")],
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    needed = [x for x in re.findall(r"\(NEEDED\).*\[(.*)\]", r.stdout.decode())
              if not x.startswith(("ld-", "libc."))]
    with open(temp + "/empty.c", "w") as f:
        f.write("int main(void) { return 0; }\n")
    subprocess.run(["cc", "-O2", "-o", temp + "/empty", temp + "/empty.c",
                    "-Wl,--no-as-needed", "-Wl,-z,now",
                    *("-l:" + x for x in needed)], check=True)
    return temp + "/empty"


def cost(root, name):
    if shutil.which("cc") is None or shutil.which("readelf") is None:
        return skip(name + ": cost", "no compiler")
    one = instructions([program("ntdb-rollup"), "-r", root, *NOW])
    empty = instructions([empty_process()])
    if one is None or empty is None:
        return skip(name + ": cost", "no valgrind")
    diag("%s: %d instructions, an empty process %d" % (name, one, empty))
    return ok(one <= 3 * empty, name + ": the cost of three empty processes")


for name, metrics, n_jobs in (("1,000 metrics", 1000, 1),
                              ("1,000 jobs", 10, 1000)):
    root = temp + "/idle-%d" % n_jobs
    write_manifest(root, "s", "".join(section(
        "j%d" % i, source_metric="m%d" % (i % metrics), interval="1m",
        destination_metric_prefix="r%d" % i, destination_db="d",
        aggregates="max") for i in range(n_jobs)) if n_jobs > 1 else section(
        "j", source_pattern="*", interval="1m", destination_db="d"))
    r = ingest(root, "".join("s/m%d %d 2027-01-01 00:%02d\n" % (m, i, i)
                             for m in range(metrics) for i in range(3)), *NOW)
    flush(root, *move_args(), *NOW)
    r = rollup(root, *NOW)
    same((r.status, r.err), (0, b""), name)
    # The destination has no jobs, and no file of it matters.
    r, calls = traced(["ntdb-rollup", "-r", root, *NOW])
    same((r.status, r.out, r.err), (0, b"", b""), name + ": again")
    ok(not [c for c in calls if re.search(r"data-.*\.dat", c.args)],
       name + ": no data file is looked at")
    ok(not [c for c in changing(calls, root) if c.name != "openat"],
       name + ": nothing is changed")
    diag("%s: %d calls" % (name, len(calls)))
    cost(root, name)
done()
EOT
