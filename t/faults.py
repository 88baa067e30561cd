"""Faults at every system call of a program: the engine.

A scenario is a command, the files that it starts from, and what must hold.
The command is traced once; then it is run again and again, each time from
the same files, with a fault at one of its calls:

    kill        SIGKILL before the call (strace), every call after exec
    error       one of ERRORS from the call, once (strace), every call of the
                program itself, that is, not of the dynamic loader
    error+      EIO or ENOSPC from it and all later ones of its name
    write       one that is short, alone or with all that follow, before
                ENOSPC, or before SIGKILL (t/faulty-io.c, preloaded)

After each the scenario says what is wrong with the files, and then runs the
same command again without a fault.  Where the files are byte for byte those
that it started from there is nothing to look at.
"""

import errno
import multiprocessing
import os
import re

from blackbox import *
from fault_run import *
from tracing import need_strace, temporary, traced

ERRORS = ("EIO", "ENOSPC", "EINTR", "EMFILE", "ENOMEM")
SHORT = ("once", "ever", "full", "torn")
MEMORY = ("brk", "mmap", "munmap", "mremap", "madvise", "mprotect")
# Of these a failure that stays is a medium that has gone or is full.
STAYING = ("pwrite64", "fsync", "fdatasync", "openat", "renameat", "ftruncate")
TRANSFER = ("read", "pread64", "write", "pwrite64", "fsync", "fdatasync",
            "ftruncate", "close", "getdents64")
# Of calls that have failed once, one is always tried: what, name, arguments.
KEPT = (
    ("error EIO", "openat", r'"k", .*O_DIRECTORY'),
    ("error EIO", "faccessat", r'"(engine|k/manifest)\.ini"'),
    ("error EIO", "getdents64", ""),
    ("error EMFILE", "openat", r'"data-[\d-]+\.dat", O_RDONLY'),
    ("error EINTR", "openat", r'\.lp"'),
    ("error EINTR", "f(data)?sync", ""),
    ("error EIO", "linkat", ""),
    ("kill ", "renameat", r"\.wal\."),
    ("error EIO", "pread64", r"archive-\S+\.tar>"),
    ("error EIO", "pread64", r"data-\S+\.dat>"),
    ("write ever", "write", r'"committed'),
)


class Scenario:
    """Subclasses say what must hold.

    argv      with @ for the root
    base      a directory to start from; one that is not there is none
    data      a path: standard input
    status    of a run without a fault
    notes     a regular expression of lines that a run may write in any case
    warns     whether it may end well with one line about what failed
    """

    def __init__(self, name, argv, base, data="/dev/null", status=0,
                 notes=r"committed \d+", warns=False):
        self.name, self.argv, self.base = name, argv, Tree(base)
        self.data, self.status = data, status
        self.notes, self.warns = notes, warns
        self.again = {status}
        self.next = ["--force", "--no-seal", "--no-retention"]
        self.fault = None       # the one at hand

    def args(self, root):
        return [x.replace("@", root) for x in self.argv]

    def judge(self, root, r, whole):
        """Complaints; whole: the command has ended well."""
        raise NotImplementedError

    def complete(self, root):
        """Complaints about what is left to do after the next run."""
        return []

    def done(self, root):
        """Whether what is left is worth no failure."""
        return False

    def said(self, r):
        return [x for x in r.err.decode(errors="replace").splitlines()
                if not re.fullmatch(self.notes, x)]

    # ---- how it ended

    def statuses(self, fault, hit):
        """What the manual has for a call that fails so: ntdb(7)."""
        if fault.kind == "write":
            return {74}
        if fault.kind == "error+":
            return {71, 73, 74}     # by what it meets first
        if fault.what == "ENOSPC" and fault.name == "openat" and \
                "O_CREAT" not in hit:
            return {71, 74}     # it does not happen
        if fault.what in ("EIO", "ENOSPC"):
            return {74}
        if fault.name in TRANSFER:
            return {71, 74}
        if fault.name in ("mkdir", "mkdirat") or "O_CREAT" in hit:
            return {73}
        return {71}

    def ended(self, r, fault, hit, root):
        """Complaints about exit status and messages."""
        if fault.kills:
            return [] if r.status in ("signal 9", 137) else ["not killed"]
        said = self.said(r)
        if r.status == self.status:
            # A status that is not 0 is that of what was told first.
            if len(said) > (self.warns or r.status != 0) and not (
                    r.status != 0 and fault.kind == "error+"):
                return ["status %d, and says %s" % (r.status, said)]
            return self.must_tell(fault, hit, said, root)
        bad = []
        if r.status not in self.statuses(fault, hit):
            bad.append("status %s, not %s: %s" % (
                r.status, self.statuses(fault, hit), said))
        reason = os.strerror(errno.ENOSPC if fault.kind == "write" else
                             getattr(errno, fault.what))
        # One for each file that it would have dealt with.
        many = fault.kind == "error+" or fault.what == "full"
        if not said or len(said) > 1 and not many or not all(re.fullmatch(
                r"%s: [ -~]+" % self.argv[0], x) for x in said):
            bad.append("not one line: %s" % said)
        elif reason not in said[0] and not (
                fault.what == "ENOMEM" and "out of memory" in said[0]):
            bad.append("does not say %r: %s" % (reason, said))
        return bad

    def must_tell(self, fault, hit, said, root):
        """Complaints about silence where data were not written or synced.

        Caches and the suite's own metrics are worth no failure.
        """
        path = fault.path(hit)
        if said or fault.what == "EINTR" or ".cache" in path or \
                "internal" in path or not path or self.done(root):
            return []
        if fault.name in ("pwrite64", "fdatasync", "fsync") or \
                fault.what == "full" and path.startswith("/"):
            return ["nothing is said of it"]
        return []

    # ---- one fault

    def one(self, fault, root):
        """(whether it fired, complaints)."""
        self.fault = fault
        self.base.put(root)
        args = self.args(root)
        r, hit, rest = fault.run(args, self.data, root)
        if hit is None:
            return False, []
        bad = self.ended(r, fault, hit, root)
        if fault.name == "fdatasync" and fault.kind == "error" and \
                fault.what != "EINTR":
            bad += appended_after_sync(hit, rest)
        if not self.base.is_at(root):
            whole = r.status == self.status and not self.said(r)
            bad += self.judge(root, r, whole)
            bad += ["well, but " + x for x in self.complete(root) if whole]
            bad += self.finish(root, args)
        elif r.status == self.status or last_committed(r.err):
            bad += self.judge(root, r, True)
        return True, ["%s, %s, %s: %s" % (
            self.name, fault, hit.replace(root, "@")[:300], b) for b in bad]

    def finish(self, root, args):
        """The same command, a flush, and then it is as it must be."""
        bad = []
        with open(self.data) as f:
            r = run(args, stdin=f, timeout=60)
        if r.status not in self.again or self.said(r):
            bad.append("again: %r" % r)
        bad += ["complete: " + x for x in self.complete(root)]
        bad += ["again: " + x for x in self.judge(root, r, True)]
        r = flush(root, *self.next, *self.now())
        if r.status != 0 or self.said(r):
            bad.append("flush: %r" % r)
        if temporary(root):
            bad.append("left behind: %s" % temporary(root))
        bad += ["in the end: " + x for x in self.judge(root, None, True)]
        return bad

    def now(self):
        """The arguments --now TIME of the command, if it has them."""
        at = self.argv.index("--now") if "--now" in self.argv else None
        return [] if at is None else self.argv[at:at + 2]

    # ---- all faults

    def calls(self, root):
        """Its calls in order, by (name, nth); where its own begin."""
        self.base.put(root)
        with open(self.data, "rb") as f:
            r, calls = traced(self.args(root), f.read(), paths=True)
        bad = [] if r.status == self.status and not self.said(r) else [
            "without a fault: %r" % r]
        bad += self.judge(root, r, True) + self.complete(root)
        same(bad, [], self.name + ": without a fault")
        own = [i for i, c in enumerate(calls) if c.name == "fcntl" and
               re.match(r"0(<.*?>)?, F_GETFD", c.args)]
        return calls, own[0]

    def faults(self, root):
        calls, own = self.calls(root)
        found = [Fault("kill", c.name, c.nth, "", c.args) for c in calls
                 if c.name != "execve"]
        writes = []
        for c in calls[own:]:
            # A close that strace makes fail leaves the lock held.
            kinds = [("error", e) for e in ERRORS] * (
                c.name != "close" or "lock>" not in c.args)
            if c.name in STAYING:
                kinds += [("error+", "EIO"), ("error+", "ENOSPC")]
            if c.name in MEMORY:
                kinds = [("error", "ENOMEM")] * (not sanitized())
            # The sanitizers alone call the other one.
            if c.name not in ("exit_group", "sigaltstack"):
                found += [Fault(kind, c.name, c.nth, e, c.args)
                          for kind, e in kinds]
            if c.name in ("write", "pwrite64"):
                writes.append(c.args)
        # A member's header is one sector, which comes whole or not at all.
        return found + [Fault("write", "write", i + 1, how, args)
                        for i, args in enumerate(writes) for how in SHORT
                        if how != "torn" or
                        not re.search(r"\.tar>.*, 512, \d+$", args)]


def appended_after_sync(hit, rest):
    """Law 12: after a sync that fails the log is not appended to again."""
    log = re.match(r"fdatasync\(\d+<(/.*/(\w+)/\2\.wal)>", hit)
    if log is None:
        return []
    for x in rest:
        if x.startswith("renameat(") and x.rstrip().endswith("= 0") and \
                '"%s.wal"' % log.group(2) in x:
            break
        if x.startswith("pwrite64(") and "<%s>" % log.group(1) in x:
            return ["appended to after it: " + x]
    return []


def sanitized():
    """Whether the programs have sanitizers, which need memory of their own."""
    with open(program("ntdb-ingest"), "rb") as f:
        return b"__asan_init" in f.read()


# ---- the matrix

_scenarios = []


def _work(task):
    which, faults, temp = task
    root = "%s/root-%d" % (temp, os.getpid())
    done = []
    for f in faults:
        try:
            fired, bad = _scenarios[which].one(f, root)
        except Exception as e:
            fired, bad = True, ["%s, %s: %r" % (_scenarios[which].name, f, e)]
        # Where memory lies is another place each time.
        if not fired and f.name not in MEMORY:
            bad = ["%s, %s: did not fire" % (_scenarios[which].name, f)]
        done.append((f.kind, f.what, fired, bad))
    return done


def run_matrix(scenarios, rng, temp):
    """All faults of all scenarios; in the short form a part of each."""
    _scenarios[:] = scenarios
    build_shim(temp)
    only = os.environ.get("NTDB_FAULTS", "")
    jobs = int(os.environ.get("NTDB_JOBS", "2" if is_long() else "1"))
    totals = {}
    pool = None
    for i, s in enumerate(scenarios):
        if only and s.name not in only and only not in s.name:
            continue
        every = s.faults(temp + "/traced")
        faults = chosen(every, s, only, rng)
        # What the pool forks has all of the scenarios.
        pool = pool or multiprocessing.get_context("fork").Pool(jobs)
        chunks = [(i, faults[at:at + 20], temp)
                  for at in range(0, len(faults), 20)]
        tell(s, [x for done in pool.imap(_work, chunks) for x in done],
             len(every), totals)
    if pool is not None:
        pool.close()
        pool.join()
    diag("in all: " + summary(totals))


def chosen(faults, s, only, rng):
    """$NTDB_FAULTS may name a scenario, or one fault as it is printed."""
    if only and only not in s.name:
        return [f for f in faults if "%s, %s" % (s.name, f) == only]
    if is_long():
        part = int(os.environ.get("NTDB_PART", "1"))
        return faults[rng.randrange(part)::part]
    share = {"kill": 12, "error": 20, "error+": 3, "write": 5}
    found = [f for kind, n in share.items()
             for f in pick([f for f in faults if f.kind == kind], n, rng)]
    for what, name, args in KEPT:
        same = [f for f in faults if what == "%s %s" % (f.kind, f.what) and
                re.match(name, f.name) and re.search(args, f.args)]
        found += pick(same, 1, rng)
    return found


def pick(faults, n, rng):
    """So many of them, of as many sorts as there are."""
    rest, found = rng.sample(faults, len(faults)), []
    while rest and len(found) < n:
        seen, later = set(), []
        for f in rest:
            if f.sort in seen or len(found) == n:
                later.append(f)
            else:
                seen.add(f.sort)
                found.append(f)
        rest = later
    return found


def summary(counts):
    return ", ".join("%d %s" % (n, kind) for kind, n in counts.items())


def tell(s, done, n, totals):
    """A result of one scenario."""
    counts, bad = {}, []
    for kind, what, fired, complaints in done:
        if fired:
            label = ("%s %s" % (kind, what)).strip()
            counts[label] = counts.get(label, 0) + 1
            totals[label] = totals.get(label, 0) + 1
        bad += complaints
    ok(not bad, "%s: %d faults of %d" % (s.name, sum(counts.values()), n))
    diag("%s: %s" % (s.name, summary(counts)))
    for b in bad[:int(os.environ.get("NTDB_TELL", "20"))]:
        diag(clip(b))
    if bad:
        diag("%d complaints" % len(bad))
