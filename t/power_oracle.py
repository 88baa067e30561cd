"""What must hold after a power cut, and whether it does.

A Plan says at each moment of a recording what was sent, in batches, and what
must be there; check() builds a state of the disk, asks ntdb-query and
ntdb-inspect, and says what is wrong with it; complete() goes on from there.
"""

import os
import re
import shutil
import tarfile
import zlib

from blackbox import *
from power_disk import *


class Step:
    """A program, and when what was sent until then is safe.

    safe: 'commit', when it says committed; 'first', when it does so for the
    first time; 'exit', when it ends with 0; '', no earlier than before.
    """

    def __init__(self, argv, safe="", batches=(), inject=None, gone=(),
                 archives=False, risk=False, before=None, status=(0,), wait=True):
        self.argv = argv
        self.safe = safe
        self.batches = list(batches)
        self.inject = inject    # strace's: a kill
        self.gone = set(gone)   # what it may remove from the database
        self.archives = archives    # and keeps in archives
        self.risk = risk        # it moves what is synced to where it is not
        self.before = before    # a function of the recorder
        self.status = status
        self.wait = wait        # each batch is a commit


class Plan:
    """What must be there at each moment."""

    def __init__(self, safe, risky=()):
        self.marks = [(0, frozenset(safe))]
        self.sent = set(safe) | set(risky)
        self.batches = []       # those that may be lost, as sets, in order
        self.gone = set()
        self.deleted = set()
        self.lenient = False
        self.in_log = set()     # not in pages yet
        self.risky = set()      # in pages that are not synced
        self.unsure = set()     # a kill came before it was acknowledged

    def must(self, k):
        return [m for s, m in self.marks if s <= k][-1]

    def begin(self, step, k):
        self.gone |= step.gone
        if not step.archives:
            self.deleted |= step.gone
        if step.risk:
            # Only what was in synced data files is sure.
            self.lenient = True
            self.risky |= self.in_log
            self.marks.append((k, self.marks[-1][1] - self.risky))
        for b in step.batches:
            self.batches.append(frozenset(b))
            self.sent |= set(b)
            self.in_log |= set(b)

    def end(self, step, events):
        """Take in what it told."""
        at = len(self.batches) - len(step.batches)
        lines = n = 0
        for e in events:
            done = step.safe == "exit" and e.kind == "exit" and e.n == 0
            if e.kind == "committed":
                while n < len(step.batches) and lines < e.n:
                    lines += len(step.batches[n])
                    n += 1
                done = step.safe == "commit" or \
                    step.safe == "first" and n == 1
            if done:
                upto = at + n if e.kind == "committed" else \
                    len(self.batches)
                if step.safe == "exit":
                    self.risky = set()
                self.marks.append((e.seq, self.marks[-1][1].union(
                    *self.batches[:upto]) - self.risky - self.unsure))
        if step.safe == "exit" or step.risk:
            self.in_log = set()
        if step.inject:
            self.unsure.update(*self.batches[at + n:])


def another_boot(data, catalog):
    """A state cache as one of an earlier boot, otherwise as it was: if it was
    made from a catalog of that length, from this one.
    """
    if len(data) < 108 or data[:4] != b"NTDB":
        return data
    n = 104 + 32 * int.from_bytes(data[12:16], "little") + \
        int.from_bytes(data[16:20], "little")
    if n + 4 > len(data) or zlib.crc32(data[:n]) != \
            int.from_bytes(data[n:n + 4], "little"):
        return data
    stamp = data[80:104]
    if int.from_bytes(stamp[8:16], "little") == catalog.st_size:
        stamp = b"".join(x.to_bytes(8, "little") for x in (
            catalog.st_ino, catalog.st_size, catalog.st_mtime_ns))
    data = data[:64] + b"0123456789abcdef" + stamp + data[104:]
    return data[:n] + zlib.crc32(data[:n]).to_bytes(4, "little") + \
        data[n + 4:]


def build_state(world, k, choice, path):
    """Make the disk after the cut."""
    tree = world.tree(k, choice)
    build(tree, path)
    for name in tree:
        at = os.path.join(path, name)
        catalog = os.path.join(os.path.dirname(at), "catalog.json")
        if not name.endswith(".cache") or not os.path.exists(catalog):
            continue
        with open(at, "wb") as f:
            f.write(another_boot(tree[name], os.stat(catalog)))


def stored(root, *targets):
    """(Result, its lines): '*' unless told otherwise."""
    r = query(root, "-f", "lp", "--time-format", "ns", *(targets or ("*",)))
    if r.status == 66 and not os.path.exists(root):
        r = Result(0, b"", b"")
    return r, r.out.decode().splitlines()


def archived(root, temp):
    """What plain tar gets out of the archives, as lines of database k."""
    out = set()
    to = temp + ".tar"
    os.makedirs(to)
    db = root + "/k"
    for name in sorted(os.listdir(db)) if os.path.isdir(db) else []:
        if not re.fullmatch(r"archive-.*\.tar", name):
            continue
        run(["tar", "-x", "-C", to, "-f", os.path.join(db, name)])
    _, lines = stored(to)
    shutil.rmtree(to)
    return {re.sub(r"^k\.[^/]*/", "k/", x) for x in lines}


class State:
    """One state of the disk and what is expected of it."""

    def __init__(self, plan, k, choice, hole):
        self.plan = plan
        self.k = k
        self.choice = choice
        self.hole = hole


def some(what):
    return clip(sorted(what), 240)


def judge(state, lines, in_archive):
    """Complaints about what is there."""
    plan, bad = state.plan, []
    there = set(lines)
    if len(there) != len(lines):
        bad.append("twice: " + some(x for x in there if lines.count(x) > 1))
    if not there <= plan.sent:
        bad.append("never sent, or lost before: " + some(there - plan.sent))
    kept = there | in_archive
    lost = plan.must(state.k) - kept - plan.deleted
    if lost:
        bad.append("lost %d, as %s" % (len(lost), some(lost)))
    if plan.lenient:
        return bad
    seen = []
    for i, b in enumerate(plan.batches):
        n = len((b - plan.gone) & kept)
        if 0 < n < len(b - plan.gone) and not state.hole:
            bad.append("batch %d in part, %d of %d" % (i, n, len(b)))
        seen.append(n > 0 or not b - plan.gone - plan.unsure)
    if not state.hole and False in seen[:len(seen) - seen.count(False)]:
        bad.append("a hole: batches %s" % seen)
    return bad


def check(state, root, temp, targets=()):
    """Complaints about a state that was built, and its lines."""
    r, lines = stored(root, *targets)
    archive = archived(root, temp) if state.plan.gone else set()
    bad = judge(state, lines, archive)
    allowed = (0, 65) if state.hole or state.plan.lenient else (0,)
    if r.status not in allowed or (r.status == 0 and r.err):
        bad.append("query: %r" % Result(r.status, b"", r.err))
    if os.path.exists(root):
        v = run(["ntdb-inspect", "-r", root, "verify"])
        if v.status not in allowed:
            bad.append("verify: %r" % v)
        elif r.status == 65 and v.status == 0:
            bad.append("verify passes over: %r" % r.err)
    return bad, lines


def accept_late(root, db="k"):
    """What was lost may come again, however much later."""
    path = "%s/%s/manifest.ini" % (root, db)
    if os.path.exists(path):
        with open(path, "a") as f:
            f.write("\n[metrics]\nlate = accept\n")


class Completion:
    """How to go on, and what is there in the end."""

    def __init__(self, lines, after=(), late=False, args=()):
        self.lines = list(lines)
        self.after = after      # more commands, and a function that judges
        self.late = late
        self.args = list(args)

    def run(self, state, root):
        lenient = state.hole or state.plan.lenient
        allowed = (0, 65) if lenient else (0,)
        bad = []
        if self.late or lenient:
            accept_late(root)
        text = "".join(x + "\n" for x in self.lines)
        for argv, data in [(["ntdb-ingest", "-r", root, *self.args], text),
                           (["ntdb-flush", "-r", root, "--force",
                             "--no-seal", "--no-retention"], ""),
                           (["ntdb-flush", "-r", root, "--seal",
                             "--no-retention"], "")]:
            r = run(argv, data)
            # What a flush left is kept if the next one did not come to
            # that file.
            said = [x for x in r.err.splitlines()
                    if b"pages that the log does not know, kept as" not in x]
            if r.status not in allowed or (said and not lenient):
                bad.append("%s: %r" % (" ".join(argv), r))
        r, lines = stored(root, *self.targets())
        want = set(self.lines) - state.plan.gone
        got = set(lines) - state.plan.gone
        if sorted(got) != sorted(want) or len(lines) != len(set(lines)):
            bad.append("in the end: missing %s, too much %s, %d twice" % (
                some(want - got), some(got - want),
                len(lines) - len(set(lines))))
        v = run(["ntdb-inspect", "-r", root, "verify"])
        if v.status not in allowed:
            bad.append("verify in the end: %r" % v)
        left = [x for at, d, f in os.walk(root) for x in d + f
                if x.startswith(".") and not x.startswith(".engine.ini.")]
        if left:
            bad.append("temporary files are left: %s" % left)
        return bad

    def targets(self):
        return ("k",) if any(x.startswith("k/") for x in self.lines) \
            else ()
