#!/bin/sh
# Jobs that are wrong: told with file, section and line, and nothing is
# written by any job.
# Guards no law.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import fcntl
import re
from blackbox import *
from rollups import *

temp = tempdir()
made = [0]
GOOD = section("good", source_metric="m", destination_db="fine",
               interval="1m")


def fresh(*manifests, lines=()):
    """A root with these (database, text), and some samples in each."""
    made[0] += 1
    root = "%s/%d" % (temp, made[0])
    for db, text in manifests:
        write_manifest(root, db, text)
        r = ingest(root, "".join(
            "%s/%s %di 2026-12-01T00:%02d:00Z\n" % (db, m, i, i)
            for m in ("m", "n") + tuple(lines) for i in range(3)),
            "--now", "2026-12-02")
        if r.status not in (0, 78):
            diag(r)
    return root


def state(root):
    return {d: files(root, d) for d in os.listdir(root)
            if os.path.isdir(root + "/" + d)}


def wrong(name, manifests, db, line, words, lines=()):
    """78, one line that names file and line and has the words."""
    root = fresh(*manifests, lines=lines)
    before = state(root)
    r = rollup(root, "--now", "2026-12-02")
    text = r.err.decode()
    same((r.status, r.out, text.count("\n")), (78, b"", 1), name)
    ok(re.match("ntdb-rollup: .*%s/manifest.ini: line %d: " % (db, line), text)
       and all(w in text for w in words), name + ": what is said")
    if r.status == 78 and not all(w in text for w in words):
        diag(text)
    ok(state(root) == before, name + ": nothing is written")


def job(ident="bad", **keys):
    keys = {"source_metric": "m", "destination_db": "d", **keys}
    return section(ident, **{k: v for k, v in keys.items() if v is not None})


wrong("no destination", [("s", GOOD + job(destination_db=None))], "s", 5,
      ["[rollup.bad]", "destination_db"])
wrong("a destination with a bad name", [("s", job(destination_db="-x"))],
      "s", 1, ["[rollup.bad]", "destination_db"])
wrong("internal as destination", [("s", job(destination_db="internal"))],
      "s", 1, ["[rollup.bad]", "internal"])
wrong("an unknown aggregate", [("s", GOOD + job(aggregates="min mean"))],
      "s", 8, ["aggregates", "mean"])
for text in ("0", "5", "1y", "-1h"):
    wrong("interval = " + text, [("s", job(interval=text))], "s", 4,
          ["interval"])
wrong("neither metric nor pattern", [("s", job(source_metric=None))], "s", 1,
      ["[rollup.bad]", "source_metric"])
wrong("both metric and pattern", [("s", job(source_pattern="*"))], "s", 1,
      ["[rollup.bad]", "source_metric"])
wrong("another database's job is wrong",
      [("a", GOOD), ("b", job(destination_db=None))], "b", 1,
      ["[rollup.bad]"])

# ---- circles

wrong("a metric into itself", [("s", job(
    destination_db="s", source_metric="m.max", aggregates="max",
    destination_metric_prefix="m"))], "s", 1, ["[rollup.bad]", "m.max"])
wrong("all metrics into the same database", [("s", job(
    source_metric=None, source_pattern="*", destination_db="s"))], "s", 1,
    ["[rollup.bad]"])
wrong("a to b to a", [
    ("a", job("one", source_metric=None, source_pattern="*",
              destination_db="b")),
    ("b", job("two", source_metric=None, source_pattern="*",
              destination_db="a"))], "[ab]", 1, ["[rollup."])
wrong("three in a circle, with names that come only of it", [
    ("a", job("one", source_metric=None, source_pattern="q*",
              destination_db="b", aggregates="max")),
    ("b", job("two", source_metric=None, source_pattern="*.max",
              destination_db="c", aggregates="max")),
    ("c", job("three", source_metric="qx.max.max", destination_db="a",
              aggregates="max"))], "[abc]", 1, ["[rollup."])

# ---- two jobs that write the same

one = job("one", source_metric=None, source_pattern="m*")
wrong("two patterns that overlap", [("s", one + job("two"))], "s", 4,
      ["[rollup.two]", "d/m.min", "[rollup.one]"])
wrong("of two databases", [("a", job("one")), ("b", job("two"))], "b", 1,
      ["[rollup.two]", "d/m.min", "[rollup.one] of a"])
wrong("by a prefix", [("s", job("one", destination_metric_prefix="n")
                       + job("two", source_metric="n", aggregates="sum"))],
      "s", 5, ["[rollup.two]", "d/n.sum"])
wrong("by a metric that is there", [("s", job(
    "one", source_metric=None, source_pattern="a?c*") + job(
    "two", source_metric=None, source_pattern="*e"))], "s", 4,
    ["[rollup.two]", "d/abcde.min"], lines=["abcde"])

every = job("one", source_metric=None, source_pattern="*")
wrong("one pattern within another, and no metric of them", [
    ("s", every + job("two", source_metric=None, source_pattern="q*"))],
    "s", 4, ["[rollup.two]", "d/qx.min", "[rollup.one]"])
wrong("of two databases, a metric that is in neither", [
    ("a", job("one", source_metric="q")),
    ("b", job("two", source_metric="q"))], "b", 1,
    ["[rollup.two]", "d/q.min", "[rollup.one] of a"])
wrong("of two databases by patterns, metrics that are in both", [
    ("a", every), ("b", every)], "b", 1,
    ["[rollup.one]", "d/m.min", "[rollup.one] of a"])
wrong("two metrics of a database by a prefix", [("s", job(
    "one", source_metric=None, source_pattern="*",
    destination_metric_prefix="p") + job(
    "two", source_metric=None, source_pattern="p.*"))], "s", 5,
    ["[rollup.two]", "d/p.e.min", "[rollup.one]"], lines=["e", "p.e"])

# ---- and what is no error

root = temp + "/apart"
write_manifest(root, "a", every + job(
    "two", source_metric=None, source_pattern="*", destination_db="e",
    destination_metric_prefix="p") + job(
    "three", source_metric=None, source_pattern="p.*", destination_db="e"))
write_manifest(root, "b", every + job("two", source_metric="x",
                                      destination_db="e"))
ingest(root, "a/x 1 2026-12-01\nb/y 1 2026-12-01\n", "--now", "2026-12-02")
r = rollup(root, "--now", "2026-12-02")
same((r.status, r.out, r.err), (0, b"", b""),
     "patterns that might meet one day")
same((len(stored(root, "d")), len(stored(root, "e"))), (10, 5), "are run")
ingest(root, "b/x 1 2026-12-01\n", "--now", "2026-12-02")
before = state(root)
r = rollup(root, "--now", "2026-12-02")
same((r.status, r.err.count(b"d/x.min")), (78, 1), "the day they do: 78")
ok(state(root) == before, "and nothing is written")

for name, manifests in (
        ("two jobs that write different aggregates", [
            ("s", job("one", aggregates="min") + job("two",
                                                     aggregates="max"))]),
        ("the same metric into two databases", [
            ("s", job("one") + job("two", destination_db="e"))]),
        ("into its own database, by names that nothing reads", [
            ("s", job(destination_db="s"))]),
        ("to and fro by other names", [
            ("a", job("one", destination_db="b")),
            ("b", job("two", source_metric="n", destination_db="a"))]),
        ("a metric that another job writes, in its own database", [
            ("s", job("one", destination_db="s", aggregates="max",
                      interval="1m") +
             job("two", source_metric="m.max", destination_db="s",
                 aggregates="max"))]),
        ("jobs of a database with rollups switched off", [
            ("s", "[rollups]\nenabled = no\n" + job(destination_db=None))]),
        ):
    root = fresh(*manifests)
    r = rollup(root, "--now", "2026-12-02")
    same((r.status, r.out, r.err), (0, b"", b""), name)

# ---- -n takes no lock, makes nothing, and says what would be done

root = fresh(("s", GOOD))
before = state(root)
r = rollup(root, "--now", "2026-12-02", "-n")
same((r.status, r.err), (0, b""), "-n")
same(r.out, b"s: [rollup.good] would write 15 values and replace 0, of 1 "
     b"metrics\n", "-n says it")
ok(state(root) == before, "-n: nothing is written")

# ---- -n of a cascade: what comes of results that are not there yet

root = temp + "/cascade"
LATE = "[metrics]\nlate = accept\n"
write_manifest(root, "s", LATE + section(
    "m", source_metric="m", destination_db="d1", interval="1m",
    aggregates="max count"))
write_manifest(root, "d1", section(
    "h", source_pattern="*.max", destination_db="d2", interval="1h",
    aggregates="max") + section(
    "w", source_pattern="nosuch", destination_db="d2", interval="1w"))
write_manifest(root, "d2", section(
    "d", source_pattern="*", destination_db="d3", interval="1d",
    aggregates="max count last"))


def would(*lines):
    return "".join(
        "%s: [rollup.%s] would write %s, of 1 metrics\n" % x
        for x in lines).encode()


def foreseen(now, want, name):
    before = state(root)
    r = rollup(root, "--now", now, "-n")
    same((r.status, r.out, r.err), (0, want, b""), name)
    ok(state(root) == before, name + ": nothing is written")
    same(rollup(root, "--now", now).status, 0, name + ": done")
    r = rollup(root, "--now", now, "-n")
    same((r.status, r.out, r.err), (0, b"", b""), name + ": nothing is left")


# Every half an hour for 60 hours from midnight on: 120 minutes, 60 hours and
# two days that are over, while the third is not.
ingest(root, "".join("s/m %di 2026-12-%02dT%02d:%02d\n" % (
    i, 1 + i // 48, i // 2 % 24, i % 2 * 30) for i in range(120)),
    "--now", "2026-12-03T12:10")
foreseen("2026-12-03T12:10", would(
    ("s", "m", "240 values and replace 0"),
    ("d1", "h", "60 values and replace 0"),
    ("d2", "d", "6 values and replace 0")), "three levels at once")
# One in a minute that is there changes its maximum and count; one in an hour
# that is there but not in its minute; one in a new hour of the first day.
ingest(root, "s/m 900i 2026-12-01T03:00:01\ns/m 1i 2026-12-01T04:10\n"
       "s/m 1i 2026-11-30T05:00\n", "--now", "2026-12-03T12:10")
foreseen("2026-12-03T12:10", would(
    ("s", "m", "0 values and replace 6"),
    ("d1", "h", "0 values and replace 0 to 3"),
    ("d2", "d", "0 values and replace 0 to 6")), "late ones")
# The rest of the third day.
ingest(root, "s/m 7i 2026-12-03T13:00\ns/m 8i 2026-12-04T00:00\n",
       "--now", "2026-12-04T00:30")
foreseen("2026-12-04T00:30", would(
    ("s", "m", "4 values and replace 0"),
    ("d1", "h", "1 values and replace 0"),
    ("d2", "d", "3 values and replace 0")), "the next ones")

# ---- metrics are counted, not the spans of time that are computed

root = temp + "/spans"
write_manifest(root, "s", "[metrics]\nlate = accept\n" + GOOD)
ingest(root, "".join("s/m 1i 2026-12-01T%02d:00\n" % h for h in range(9)),
       "--now", "2026-12-02")
rollup(root, "--now", "2026-12-02")
ingest(root, "s/m 2i 2026-12-01T01:00\ns/m 2i 2026-12-01T05:00\n",
       "--now", "2026-12-02")
r = rollup(root, "--now", "2026-12-02", "-v")
same((r.status, r.err), (0, b"ntdb-rollup: s: [rollup.good] 0 values "
                         b"written, 8 replaced, of 1 metrics\n"),
     "two spans of one metric")

# ---- locks that are held: 75 at once with --wait 0, the rest is done

for held in ("s", "fine"):
    root = fresh(("s", GOOD), ("t", job(destination_db="other",
                                        interval="1m")))
    os.makedirs(root + "/fine")
    write_manifest(root, "fine", "")
    ingest(root, "fine/x 1 2026-12-01\n", "--now", "2026-12-02")
    with open("%s/%s/maint.lock" % (root, held), "r+b") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        same(rollup(root, "--now", "2026-12-02", "-n", "--wait", "0").status,
             0, "-n with the lock of %s held" % held)
        r = rollup(root, "--now", "2026-12-02", "--wait", "0")
        same((r.status, r.err.count(b"\n")), (75, 1), "held: " + held)
        same(len(stored(root, "other")), 15, "the others are done")
        same(len(samples(root, "fine")), 1, "and that is not")
    r = rollup(root, "--now", "2026-12-02", "--wait", "0")
    same((r.status, len(samples(root, "fine"))), (0, 16), "released: " + held)

# ---- names

root = fresh(("s", GOOD))
same(rollup(root, "nosuch").status, 66, "no such database")
same(rollup(temp + "/none").status, 66, "no such root")
root = fresh(("s", GOOD), ("t", job(destination_db="other", interval="1m")))
same(rollup(root, "--now", "2026-12-02", "t").status, 0, "one database")
ok(stored(root, "other") and not stored(root, "fine"), "and no other")
done()
EOT
