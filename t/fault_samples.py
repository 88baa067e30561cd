"""Faults where samples are stored, moved, sealed or expire: what must hold.

What is stored follows from the lines that were sent: those of the base, and
of the command's lines the first so many.
"""

import itertools
import os
import re
import shutil
import tarfile

from blackbox import *
from faults import Scenario
from format_reader import DataFile, Log, partition
from tracing import copy_tree, verify

DAY = 86400 * 10**9
START = 1715000000 * 10**9      # 2024-05-06 12:53:20
NOW = ["--now", "2026-12-20T12:00:00Z"]


def some_of(metric, day, n, form="%di", at=0):
    """n lines of a metric of k, a second apart, on the day after START."""
    return ["k/%s %s %d" % (metric, form % (1000 * day + at + i),
                            START + day * DAY + (at + i) * 10**9)
            for i in range(n)]


def text(lines):
    return "".join(x + "\n" for x in lines).encode()


def in_file(path, lines):
    with open(path, "wb") as f:
        f.write(text(lines))
    return path


def give(root, lines, *args):
    r = ingest(root, text(lines), *NOW, *args)
    if r.status != 0 or r.err:
        diag(r)


def move(root, *args):
    r = flush(root, "--force", "--no-seal", "--no-retention", *NOW, *args)
    if r.status != 0 or r.err:
        diag(r)


def fresh(path, manifest="", engine="", own=False):
    """A root with an empty database k, without the suite's own metrics."""
    os.makedirs(path + "/k")
    with open(path + "/k/manifest.ini", "w") as f:
        f.write("[page]\nmax_age = 1000w\n" + manifest)
    with open(path + "/engine.ini", "w") as f:
        f.write(engine + "[stats]\nenabled = no\n" * (not own))
    return path


def as_exported(lines):
    """The lines as an export has them: by day, metric, time, arrival."""
    def key(line):
        metric, _, t = line.split(" ")
        return int(t) // DAY, metric.encode(), int(t)
    return sorted(lines, key=key)


def last_values(lines):
    """{metric: (time, value)} of exported lines."""
    last = {}
    for x in lines:
        metric, value, t = x.split(" ")
        if metric not in last or int(t) >= last[metric][0]:
            last[metric] = int(t), value.rstrip("i")
    return last


def exported(root, *targets):
    """(lines in order, complaints) of a root; none if it is not there."""
    if not os.path.isdir(root + "/k"):
        return [], []
    r = query(root, "-f", "lp", "--time-format", "ns", *(targets or "k"))
    lines = r.out.decode().splitlines()
    return lines, [] if r.status in (0, 65) else ["export: %r" % r]


class Samples(Scenario):
    """before: the lines of the base; steps: what the command adds, as lists,
    of which all, some first ones, or none are there after a fault; accepted:
    how many of the command's lines a list of steps acknowledges.
    """

    damaged = False     # what the base has is reported until it is done

    def __init__(self, name, argv, base, before, steps=(), **kw):
        super().__init__(name, [*argv[:1], "-r", "@", *argv[1:], *NOW], base,
                         **kw)
        self.states, lines, n = [(0, as_exported(before))], list(before), 0
        for step in steps:
            n += len(step)
            lines += [x for x in step if x not in lines]
            self.states.append((n, as_exported(lines)))
        self.settings = {n: d for n, d in self.base.files.items()
                         if n.endswith(".ini")}
        self.findings = self.verified(self.base.path)

    def verified(self, root):
        """What ntdb-inspect verify has to say, without the root's name."""
        if not os.path.isdir(root):
            return set()
        r = verify(root)
        said = (r.out + r.err).decode().replace(root, "@").splitlines()
        if r.status not in (0, 65) or (r.status == 0) != (not said):
            said.append("status %s" % r.status)
        return set(said)

    def judge(self, root, r, whole):
        got, bad = self.stored(root)
        acked = last_committed(r.err) if r is not None else 0
        enough = self.states[-1][0] if whole else acked
        match = [n for n, lines in self.states if lines == got]
        if not match:
            bad.append("stored is none of the states: %s" % clip(got, 300))
        elif match[-1] < enough:
            bad.append("acknowledged %d lines, stored %d" % (enough,
                                                              match[-1]))
        bad += self.lasts(root, got)
        bad += ["verify: " + x for x in self.verified(root) - self.findings]
        for name, data in self.settings.items():
            path = os.path.join(root, name)
            if not os.path.exists(path) or open(path, "rb").read() != data:
                bad.append(name + " has changed")
        return bad

    def stored(self, root):
        got, bad = exported(root)
        return got, bad

    def lasts(self, root, lines):
        """Law 14: what the cache tells is what is stored."""
        if not os.path.isdir(root + "/k"):
            return []
        r = query(root, "-f", "csv", "--time-format", "ns", "k")
        got = {x[0]: (int(x[1]), x[3]) for x in csv_rows(r.out)}
        want = last_values(lines)
        return [] if got == want else ["last values: %s, not %s" % (
            clip(got, 300), clip(want, 300))]


class Ingest(Samples):
    def __init__(self, name, base, before, steps, dir, options=(), **kw):
        files = [in_file("%s/%s-%d.lp" % (dir, os.path.basename(base), i), x)
                 for i, x in enumerate(steps)]
        if len(files) == 1:
            kw["data"] = files.pop()
        super().__init__(name, ["ntdb-ingest", "--progress", *options,
                                *files], base, before, steps, **kw)


class Flush(Samples):
    """Complete is that the log has no samples."""

    def __init__(self, name, base, before, *options, **kw):
        super().__init__(name, ["ntdb-flush", *options], base, before, **kw)

    def must_tell(self, fault, hit, said, root):
        """A catalog that comes behind the log, which has all names, is left
        to the next flush without a word, and so is the making of a database
        for own metrics, which syncs the root and its name.
        """
        with open(root + "/engine.ini") as f:
            engine = f.read()
        path = fault.path(hit)
        if ".catalog.json" in path and re.search(
                "^profile = (balanced|throughput)$", engine, re.M):
            return []
        if path in (root, os.path.dirname(root)) and not re.search(
                "^enabled = no$", engine, re.M):
            return []
        return super().must_tell(fault, hit, said, root)

    def complete(self, root):
        with open(root + "/k/k.wal", "rb") as f:
            left = [x for x in Log(f.read()).events() if x[0] == "sample"]
        return ["left in the log: %s" % left[:3]] if left else []


class Seal(Flush):
    """Complete is that all pages are sealed as well."""

    def complete(self, root):
        bad = super().complete(root)
        for name in sorted(os.listdir(root + "/k")):
            if partition(name) is None:
                continue
            with open("%s/k/%s" % (root, name), "rb") as f:
                file = DataFile(f.read(), partition(name))
            if not all(what[0].sealed for kind, *what in
                       file.pages(len(file.data)) if kind == "page"):
                bad.append(name + " is not sealed")
        return bad


class SealDamaged(Seal):
    """The damaged file is kept, and told of until its sealed form is there.

    A cache may know a last sample that is damaged.
    """

    def __init__(self, *args, **kw):
        super().__init__(*args, status=65, **kw)
        self.again = {0, 65}

    def lasts(self, root, lines):
        return []

    def done(self, root):
        return not self.complete(root)

    def complete(self, root):
        kept = [x for x in os.listdir(root + "/k") if ".damaged-" in x]
        return super().complete(root) + (
            [] if len(kept) == 1 else ["kept: %s" % kept])


class Delete(Samples):
    """gone: the days that expire."""

    def __init__(self, name, base, before, gone, **kw):
        super().__init__(name, ["ntdb-flush", "--no-seal"], base, before,
                         **kw)
        self.gone = set(gone)
        # One that failed does not keep the others.
        self.states = [(len(days), as_exported(
            [x for x in before if not day_of(x) in days]))
            for n in range(len(gone) + 1)
            for days in itertools.combinations(gone, n)]

    def complete(self, root):
        left = {day_of(x) for x in exported(root)[0]} & self.gone
        return ["left: days %s" % left] if left else []

    def done(self, root):
        """All that is left is to let others know by a new log (law 26)."""
        return not self.complete(root)


def day_of(line):
    return (int(line.split(" ")[2]) - START) // DAY


class Archive(Delete):
    """What is gone is in the archives, and nowhere twice in the end.

    An archive with half a header is kept, and another one begun: no kill
    leaves that, but a write that is torn here.
    """

    def said(self, r):
        torn = self.fault is not None and self.fault.what == "torn"
        return [x for x in super().said(r) if not (
            torn and "no header of a member, kept as" in x)]

    def judge(self, root, r, whole):
        bad = super().judge(root, r, whole)
        kept, _ = exported(root)
        put, more = unpacked(root)
        want = sorted(self.states[0][1] + self.archived())
        got = sorted(kept + put)
        if sorted(set(got)) != want or whole and got != want:
            bad.append("with archives: %s" % clip(got, 300))
        return bad + more

    def archived(self):
        """What the base's archives hold."""
        if not hasattr(self, "before"):
            self.before = unpacked(self.base.path)[0]
        return self.before


def unpacked(root):
    """The lines in all archives, by way of a root of their own."""
    to = root + ".unpacked"
    shutil.rmtree(to, ignore_errors=True)
    os.makedirs(to)
    for x in sorted(os.listdir(root + "/k")):
        if x.startswith("archive-"):
            try:
                with tarfile.open("%s/k/%s" % (root, x)) as t:
                    t.extractall(to)
            except tarfile.ReadError:
                pass            # not begun, or torn before its first member
    names = os.listdir(to)
    if not names:
        return [], []
    r = query(to, "-f", "lp", "--time-format", "ns", "k*")
    bad = [] if (r.status, r.err) == (0, b"") else ["archives: %r" % r]
    return ["k/" + x.split("/", 1)[1] for x in r.out.decode().splitlines()
            ], bad
