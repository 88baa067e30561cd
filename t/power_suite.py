"""The suite of power cuts: which cases, how many states of each."""

import os
import time

from power_chains import *
from power_rollup import *
from tracing import need_strace

# Where programs are killed before the power fails: the calls by which a
# database is made, and by which a log is moved.
MAKING = [("fsync", 1), ("fsync", 2), ("fsync", 3), ("renameat", 4),
          ("fdatasync", 1)]
FLUSH = [("fsync", 1), ("fsync", 2), ("fdatasync", 1), ("renameat", 1),
         ("renameat", 2)]
ALL_MAKING = [(c, n) for c, most in (("fsync", 6), ("fdatasync", 5),
                                     ("renameat", 6), ("pwrite64", 7))
              for n in range(1, most)]
ALL_FLUSH = [(c, n) for c, most in (("fsync", 3), ("fdatasync", 6),
                                    ("renameat", 5), ("pwrite64", 10))
             for n in range(1, most)]


class Suite:
    def __init__(self):
        need_strace()
        self.rng = seed()
        self.long = is_long()
        self.only = os.environ.get("NTDB_ONLY", "").split(",")
        self.runner = Runner(tempdir(), self.rng, 2)
        self.make = Maker(self.rng)
        self.started = time.monotonic()
        self.group = {}

    def one(self, case, most=None, group=None):
        """Its states, at most so many in the short form."""
        before = self.runner.total
        out = self.runner.run(case, 6 if self.long else 1,
                              0.25 if self.long else 0.1,
                              None if self.long else most)
        group = group or case.name.split(",")[0]
        self.group[group] = self.group.get(group, 0) + \
            self.runner.total - before
        return out

    def wants(self, name):
        return any(word in name for word in self.only)

    def programs(self):
        """Cuts while one kind of program runs."""
        bases = []
        for case in cases(self.rng):
            if not self.wants(case.name):
                continue
            rec, plan, states = self.one(case, 72)
            if case.name.split(",")[0] in ("flushes", "direct commits",
                                           "ingest that flushes"):
                bases.append((case, rec, plan, states))
        return bases

    def chains(self, bases):
        """What a cut has left, other programs, and another cut."""
        for case, rec, plan, states in bases:
            traps = [s for s in states if is_trap(rec, s)]
            if self.long:
                picked = self.rng.sample(traps, min(2, len(traps))) + \
                    self.rng.sample(states, 1)
            else:
                picked = traps[:1] if plan.lenient is False else []
            for state in picked:
                n = 4 if case is bases[0][0] else 2 if self.long else 1
                for how in self.rng.sample(AFTER, n):
                    self.one(after_cut(self.make, case, rec, plan, state,
                                       how), 40, "cut, then others, cut")

    def kills(self):
        """A kill, another program that syncs, and a cut."""
        for making, points, every in ((True, MAKING, ALL_MAKING),
                                      (False, FLUSH, ALL_FLUSH)):
            for call, nth in every if self.long else points:
                for policy in ["segment", "always"] if self.long else \
                        ["segment"]:
                    case = after_kill(self.make, policy, call, nth, making)
                    if self.wants(case.name):
                        self.one(case, 30, "killed, then others, cut")

    def rollups(self):
        for how in [("segment", "strict"),
                    ("segment", "throughput"),
                    ("always", "balanced"),
                    ("segment", "strict", True)]:
            case = rollup_case(self.make, *how)
            if self.wants(case.name):
                self.one(case, 40)


def main():
    suite = Suite()
    bases = suite.programs()
    if suite.wants("chains"):
        suite.chains(bases or [
            (c, *suite.one(c)) for c in [suite.make.flushes(
                "segment", "strict")]])
    suite.kills()
    suite.rollups()
    for group, n in suite.group.items():
        diag("%6d  %s" % (n, group))
    diag("%6d  states in %.0f s, %d failed" % (
        suite.runner.total, time.monotonic() - suite.started,
        suite.runner.failed))
    done()
