#!/bin/sh
# A kill and an error at every system call, and writes that are short, where
# data files are sealed and expire.  Laws 15, 16, 18, 20, 21, 22, 29 and 32.
# NTDB_LONG=1: every call with every fault; else a part of them.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOF'
from blackbox import *
from fault_samples import *
from faults import *

finish = done
need_strace()
rng = seed()
temp = tempdir()
made = [0]

# Three days, some of them again, and what is only in the log.
one = some_of("a", 0, 200) + some_of("b", 0, 150) + some_of("c", 1, 100)
two = some_of("a", 0, 20, at=500) + some_of("b", 2, 50)
three = some_of("d", 1, 25)
every = one + two + three


def base(*steps, **kw):
    """A root after these: lists of lines, or options of a flush."""
    made[0] += 1
    root = fresh("%s/base%d" % (temp, made[0]), **kw)
    for step in steps:
        if isinstance(step, list):
            give(root, step)
            continue
        r = flush(root, *step.split(), *NOW)
        if r.status != 0 or r.err:
            diag(r)
    return root


MOVE = "--force --no-seal --no-retention"


def damaged():
    """A page of the second file has a bit that is wrong."""
    root = base(some_of("c", 1, 100), MOVE, two, MOVE)
    path = root + "/k/data-2024-05-07.dat"
    with open(path, "r+b") as f:
        data = f.read()
        f.seek(len(data) - 4)
        f.write(bytes([data[-4] ^ 1]))
    return root


DAYS = "[retention]\nretention_days = 7\nretention_action = "
LATE = "[metrics]\nlate = accept\n"
week = [x for d in range(4) for x in some_of("a", d, 40) +
        some_of("b", d, 30)]
now = some_of("a", 950, 20)     # 2026-12-12
later = [x for d in (4, 5) for x in some_of("e", d, 30)]


def archived():
    """The first days are in an archive, others are to follow."""
    root = base(week, now, MOVE, manifest=LATE + DAYS + "archive\n")
    r = flush(root, "--force", "--no-seal", *NOW)
    if r.status != 0 or r.err:
        diag(r)
    give(root, later)
    move(root)
    return root


run_matrix([
    Seal("seal", base(one, MOVE, two, MOVE, three), every, "--seal"),
    Seal("seal again", base(one, "--seal", two + three, MOVE, own=True),
         every, "--seal"),
    SealDamaged("seal what is damaged", damaged(), two, "--seal",
                notes=r".*(kept as|data-2024-05-07.dat: offset \d+).*"),
    Seal("seal forever", base(
        one, "--seal", two, MOVE, three,
        manifest="[retention]\npartition = forever\n"), every, "--seal"),
    Delete("delete", base(week, now, MOVE, manifest=DAYS + "delete\n",
                          own=True), week + now, range(4)),
    Archive("archive", base(week, now, MOVE, manifest=DAYS + "archive\n"),
            week + now, range(4)),
    Archive("archive into one that is there", archived(), now + later,
            (4, 5)),
], rng, temp)
finish()
EOF
