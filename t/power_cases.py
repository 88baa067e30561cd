"""What is recorded: every kind of program under every setting."""

import os
import time

from blackbox import *
from power_cut import *

START = 1715000000 * 10**9      # 2024-05-06 12:53:20
DAY = 86400 * 10**9
QUIET = "[page]\nmax_age = 1000w\n"
POLICIES = ["segment", "always", "1h"]
PROFILES = ["strict", "balanced", "throughput"]


class Lines:
    """Makes lines; all of them differ."""

    def __init__(self, rng):
        self.rng = rng
        self.at = {}

    def take(self, metric, day, n, wide=False):
        """n more of a metric on a day, later than those before."""
        out = []
        for _ in range(n):
            i = self.at[metric, day] = self.at.get((metric, day), 0) + 1
            t = START + day * DAY + i * 10**9 + self.rng.randrange(10**9)
            v = self.rng.randrange(10**6)
            if metric[0] == "i":
                v = "%di" % (v << 20 if wide else v)
            else:
                v = "%d.%d" % (v, self.rng.choice([25, 5, 75, 125]))
            out.append("k/%s %s %d" % (metric, v, t))
        return out


def engine(policy="segment", profile="strict"):
    return "[wal]\nfsync_policy = %s\n[durability]\nprofile = %s\n" \
        "[stats]\nenabled = no\n" % (policy, profile)


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def prepared(top, manifest, *steps, **settings):
    """A root with a database k that these have made; what is in it."""
    root = top + "/root"
    os.makedirs(root + "/k")
    write(root + "/engine.ini", engine("segment", "strict"))
    write(root + "/k/manifest.ini", manifest)
    lines = []
    for step in steps:
        if isinstance(step, list):
            lines += step
            r = ingest(root, "".join(x + "\n" for x in step))
        else:
            r = flush(root, *step)
        if r.status != 0 or r.err:
            diag("prepared: %r" % r)
    write(root + "/engine.ini", engine(**settings))
    return lines


MOVE = ("--force", "--no-seal", "--no-retention")
SEAL = ("--seal", "--no-retention")


class Maker:
    """The cases, with fresh data each time."""

    def __init__(self, rng):
        self.rng = rng
        self.data = Lines(rng)

    def batches(self):
        """Three: known metrics; another day, a new one; wider, long names."""
        t = self.data.take
        return [t("f", 0, 60) + t("i", 0, 60),
                t("f", 1, 40) + t("i", 1, 40) + t("fnew", 1, 40),
                t("i", 1, 30, True) + t("f%s" % ("x" * 600), 1, 30)]

    def base(self):
        t = self.data.take
        return [t("f", 0, 50) + t("i", 0, 50)]

    # ---- ingest

    def ingest_args(self, root, *args):
        return ["ntdb-ingest", "-r", root, "--progress", *args]

    def first_ingest(self, policy):
        """The root, the database and its log are made."""
        batches = self.batches()
        sync = ["--sync"] if policy == "--sync" else []

        def prepare(top):
            if policy not in ("segment", "--sync"):
                os.mkdir(top + "/root")
                write(top + "/root/engine.ini", engine(policy))
            return Plan([])

        return Case(
            "making of a database, %s" % policy, prepare,
            lambda root: [Step(self.ingest_args(root, *sync), "commit" if
                               policy in ("always", "--sync") else "",
                               batches)], Completion(sum(batches, [])).run,
            ("*",))

    def second_ingest(self, policy, manifest="", name="ingest"):
        """To a log that has been flushed once, and written to since."""
        base, more, batches = self.base(), self.base(), self.batches()
        sync = ["--sync"] if policy == "--sync" else []
        safe = {"segment": "", "1h": "first"}.get(policy, "commit")

        def prepare(top):
            return Plan(prepared(
                top, QUIET + manifest, *base, MOVE, *more,
                policy="segment" if sync else policy))

        def aged(rec):
            at = time.time() - 7200
            os.utime(rec.top + "/root/k/lock", (at, at))

        return Case(
            "%s, %s" % (name, policy), prepare,
            lambda root: [Step(self.ingest_args(root, *sync), safe, batches,
                               before=aged if policy == "1h" else None)],
            Completion(sum(base + more + batches, [])).run)

    def direct(self, profile="strict"):
        """Without a log: to pages."""
        base, batches = self.base(), self.batches()
        t = self.data.take
        small = "[wal]\nenabled = no\n"

        def prepare(top):
            return Plan(prepared(top, QUIET + small, *base,
                                 profile=profile))

        return Case(
            "direct commits, %s" % profile, prepare,
            lambda root: [Step(self.ingest_args(root), "commit" if
                               profile != "throughput" else "", batches[:2],
                               risk=profile == "throughput", wait=False),
                          Step(self.ingest_args(root), "commit" if
                               profile != "throughput" else "",
                               [batches[2] + t("i2", 0, 20)],
                               risk=profile == "throughput", wait=False)],
            lambda s, root: Completion(sorted(s.plan.sent, key=when)).run(
                s, root))

    # ---- flush

    def flushes(self, policy, profile):
        """Twice, with what is new in between; then a commit to the new log.
        """
        base, batches = self.base(), self.batches()
        last = self.data.take("f", 2, 10)
        commit = "commit" if policy == "always" else ""
        safe = "exit" if profile != "throughput" else ""

        def prepare(top):
            return Plan(prepared(top, QUIET, *base, MOVE, policy=policy,
                                 profile=profile))

        def steps(root):
            move = ["ntdb-flush", "-r", root, *MOVE]
            risk = profile == "throughput"
            return [Step(self.ingest_args(root), commit, batches[:1]),
                    Step(move, safe, risk=risk),
                    Step(self.ingest_args(root), commit, batches[1:]),
                    Step(move, safe, risk=risk),
                    Step(self.ingest_args(root, "--sync"), "commit" if
                         not risk else "", [last])]

        return Case("flushes, %s, %s" % (profile, policy), prepare, steps,
                    Completion(sum(base + batches, []) + last).run)

    # ---- sealing

    def seal(self, profile="strict"):
        base, batches = self.base(), self.batches()
        more = self.data.take("f", 1, 20)
        lines = sum(base + batches, []) + more

        def prepare(top):
            return Plan(prepared(top, QUIET, *base, MOVE, *batches, MOVE,
                                 profile=profile))

        def steps(root):
            seal = ["ntdb-flush", "-r", root, *SEAL]
            return [Step(seal, "exit"),
                    Step(self.ingest_args(root, "--sync"), "commit", [more]),
                    Step(seal, "exit", risk=profile == "throughput")]

        return Case("sealing, %s" % profile, prepare, steps,
                    Completion(lines).run)

    # ---- retention

    def retention(self, action):
        t = self.data.take
        old = [t("f", 0, 50) + t("i", 0, 50), t("f", 1, 50) + t("i", 1, 50)]
        new = t("f", 9, 30) + t("i", 9, 30)
        rule = "[retention]\npartition = day\nretention_days = 3\n" \
            "retention_action = %s\n" % action

        def prepare(top):
            return Plan(prepared(top, QUIET + rule, *old, MOVE, new, MOVE))

        def steps(root):
            keep = ["ntdb-flush", "-r", root, "--no-seal", "--now",
                    "2027-02-01"]
            return [Step(keep, "exit", gone=sum(old, []),
                         archives=action == "archive")]

        return Case("retention, %s" % action, prepare, steps,
                    Completion(new).run)


def when(line):
    return int(line.rsplit(" ", 1)[1])


def cases(rng):
    """All of them."""
    make = Maker(rng)
    for policy in ["segment", "always", "--sync"]:
        yield make.first_ingest(policy)
    for policy in ["segment", "always", "1h", "--sync"]:
        yield make.second_ingest(policy)
    yield make.second_ingest("segment", "max_records = 90\n",
                             "ingest that flushes")
    yield make.second_ingest("always", "max_records = 90\n",
                             "ingest that flushes")
    for profile in PROFILES:
        yield make.direct(profile)
        for policy in ["segment", "always"]:
            yield make.flushes(policy, profile)
    yield make.seal("strict")
    yield make.seal("throughput")
    yield make.retention("delete")
    yield make.retention("archive")
