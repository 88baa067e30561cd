"""examples/backup while all else goes on: writers, flushes that are killed or
not, sealing, retention, archiving, rollups.  Each copy must verify, hold what
was committed before it began, and hold nothing twice.

The values of each metric are 0, 1, 2 ..., one a minute from 2026-01-01 on, so
what a copy has to hold is known without looking at the root.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time

from blackbox import *

START_S = 1767225600            # 2026-01-01
NOW = "2026-12-01"
METRICS = 3
MANIFESTS = {
    # name: manifest.  All but `plain' do one thing more.
    "plain": "[page]\nmax_records = 3000\n",
    "direct": "[wal]\nskip_before = 1h\n[page]\nmax_records = 500\n",
    "month": "[retention]\npartition = month\n[page]\nmax_records = 500\n",
    "gone": "[retention]\nretention_days = 3\nretention_action = delete\n",
    "kept": "[retention]\nretention_days = 3\nretention_action = archive\n",
}
ROLLUP = """[rollup.hours]
source_pattern = *
interval = 1h
aggregates = sum, count
destination_db = a-hourly
"""
LINE = re.compile(r"([\w-]+)/m(\d) (\d+)i "
                  r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.0{9}\Z")


def stamp(n):
    """The time of value n, as an export has it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(START_S + 60 * n))


class Writer(threading.Thread):
    """One ntdb-ingest that is fed batches and says what is committed."""

    def __init__(self, root, db, rng):
        super().__init__(daemon=True)
        self.db, self.sizes = db, [rng.randrange(1, 40) for _ in range(50)]
        # Samples that skip the log are committed when there are enough.
        self.slack = 3000 if db == "direct" else 0
        self.committed = self.sent = 0          # lines
        self.stop, self.go = threading.Event(), threading.Event()
        self.process = subprocess.Popen(
            [program("ntdb-ingest"), "-r", root, "--progress", "--now", NOW,
             "-p", "s"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        self.said = b""

    def run(self):
        n = 0
        while not self.stop.is_set():
            lines = []
            for _ in range(self.sizes[n % len(self.sizes)]):
                lines += ["%s/m%d %d %d\n" % (self.db, m, n, START_S + 60 * n)
                          for m in range(METRICS)]
                n += 1
            self.sent += len(lines)
            self.process.stdin.write("".join(lines).encode())
            self.process.stdin.flush()
            while self.committed < self.sent - self.slack:
                line = self.process.stderr.readline()
                if not re.match(rb"committed \d+\n", line):
                    self.said += line
                    return
                self.committed = int(line.split()[1])
            self.stop.wait(0.01)        # not faster than all else
            while not self.go.wait(0.1) and not self.stop.is_set():
                pass
        self.process.stdin.close()
        self.said += re.sub(rb"committed \d+\n", b"",
                            self.process.stderr.read())

    def values(self):
        """How many of each metric are committed."""
        return self.committed // METRICS


class Loop(threading.Thread):
    """A program again and again; its statuses and what it said are kept."""

    def __init__(self, stop, kill_rng, *argv):
        super().__init__(daemon=True)
        self.argv = [program(argv[0])] + list(argv[1:])
        self.stop, self.kill_rng, self.ended = stop, kill_rng, []

    def run(self):
        while not self.stop.is_set():
            p = subprocess.Popen(self.argv, stderr=subprocess.PIPE)
            if self.kill_rng is not None and self.kill_rng.random() < 0.5:
                time.sleep(self.kill_rng.random() * 0.02)
                p.send_signal(signal.SIGKILL)
            said = p.communicate()[1]
            self.ended.append((p.returncode, said))


def export(root, *targets):
    r = query(root, "-f", "lp", *targets)
    if r.status != 0 or r.err:
        return repr(r)
    return r.out.decode()


def series(text):
    """The values of each metric, in order; a string says what is wrong."""
    got = {}
    for line in text.splitlines():
        m = LINE.match(line)
        if m is None:
            return "what is " + clip(line)
        db, metric, n, t = m.groups()
        if stamp(int(n)) != t:
            return "not a sample that was written: " + line
        got.setdefault((db, int(metric)), []).append(int(n))
    return got


def archived(copy, temp):
    """What the archives of a copy hold, by metric."""
    scratch = os.path.join(temp, "unpacked")
    os.mkdir(scratch)
    got = {}
    directory = os.path.join(copy, "kept")
    for name in sorted(os.listdir(directory)):
        if name.endswith(".tar"):
            subprocess.run(["tar", "-x", "-C", scratch, "-f",
                            os.path.join(directory, name)], check=True,
                           stderr=subprocess.DEVNULL)
    for db in sorted(os.listdir(scratch)):
        for key, values in series(export(scratch, db).replace(
                db + "/", "kept/")).items():
            got.setdefault(key, []).extend(values)
    shutil.rmtree(scratch)
    return got


def gaps(values):
    """Where each value is not the one after that before."""
    return clip([(a, b) for a, b in zip(values, values[1:]) if b != a + 1],
                300)


def wrong_with(copy, before, after, temp):
    """What is wrong with a copy, given what was committed before it began,
    and sent until it ended; None if nothing is."""
    text = export(copy, *before)
    got = series(text)
    if isinstance(got, str):
        return got
    old = archived(copy, temp)
    for db, n in before.items():
        for m in range(METRICS):
            values = got.get((db, m), [])
            if db == "kept":
                # What was in the log when its day was archived comes later.
                values = sorted(old.get((db, m), []) + values)
            first = values[0] if db == "gone" and values else 0
            if values != list(range(first, first + len(values))):
                return "%s/m%d has gaps, or values twice: %s" % (
                    db, m, gaps(values))
            end = values[-1] + 1 if values else 0
            if not n <= end <= after[db]:
                return "%s/m%d: %d values, %d committed, %d sent" % (
                    db, m, end, n, after[db])
    return None


def wrong_with_rollups(copy, temp):
    """A restored copy's rollups go on where they were."""
    restored = os.path.join(temp, "restored")
    shutil.copytree(copy, restored)
    r = run(["ntdb-rollup", "-r", restored, "--now", NOW])
    if r.status != 0 or r.err:
        return repr(r)
    source = series(export(restored, "plain"))
    want = []
    for (_, m), values in source.items():
        for hour in range(0, len(values), 60):
            part = values[hour:hour + 60]
            t = stamp(hour) + ".000000000"
            want.append("a-hourly/m%d.count %di %s" % (m, len(part), t))
            want.append("a-hourly/m%d.sum %di %s" % (m, sum(part), t))
    got = export(restored, "a-hourly").splitlines()
    shutil.rmtree(restored)
    if sorted(got) == sorted(want):
        return None
    diff = sorted(set(got) ^ set(want))
    return "%d of %d rollups differ: %s" % (len(diff), len(want), clip(diff))


def digest(copy):
    """Of all that a copy holds, byte by byte."""
    h = hashlib.sha256()
    for directory, names, files in os.walk(copy):
        names.sort()
        for name in sorted(files):
            with open(os.path.join(directory, name), "rb") as f:
                h.update(name.encode() + f.read())
    return h.hexdigest()


def main(backups):
    rng = seed()
    has_rollup = shutil.which("ntdb-rollup") is not None
    temp = tempdir()
    root, to = os.path.join(temp, "root"), os.path.join(temp, "backups")
    os.mkdir(root)
    os.mkdir(to)
    for db, text in MANIFESTS.items():
        os.mkdir(os.path.join(root, db))
        with open(os.path.join(root, db, "manifest.ini"), "w") as f:
            f.write(text + (ROLLUP if db == "plain" and has_rollup else ""))

    stop = threading.Event()
    writers = [Writer(root, db, rng) for db in MANIFESTS]
    at = ["-r", root, "--now", NOW]
    loops = [
        Loop(stop, None, "ntdb-flush", "--force", "--no-seal", *at),
        Loop(stop, rng, "ntdb-flush", "--force", *at),
        Loop(stop, None, "ntdb-flush", "--seal", *at),
    ]
    if has_rollup:
        loops.append(Loop(stop, None, "ntdb-rollup", *at))
    for thread in writers + loops:
        thread.start()
    faults, rollup_faults, digests, linked = [], [], {}, 0
    for i in range(backups):
        # Writers rest while the copy before is looked at.
        marks = [w.committed for w in writers]
        for w in writers:
            w.go.set()
        while any(w.committed == n and w.is_alive()
                  for w, n in zip(writers, marks)):
            time.sleep(0.01)
        before = {w.db: w.values() for w in writers}
        r = run([os.path.join(os.environ["NTDB_SRC"], "examples/backup"),
                 "-k", "3", "-w", "120", root, to])
        for w in writers:
            w.go.clear()
        after = {w.db: w.sent // METRICS for w in writers}
        if (r.status, r.out, r.err) != (0, b"", b""):
            faults.append("backup %d: %r" % (i, r))
            break
        name = sorted(os.listdir(to))[-1]
        copy = os.path.join(to, name)
        digests[name] = digest(copy)
        linked += sum(os.stat(os.path.join(d, f)).st_nlink > 1
                      for d, _, files in os.walk(copy) for f in files)
        fault = wrong_with(copy, before, after, temp)
        if fault:
            faults.append("backup %d: %s" % (i, fault))
        if has_rollup:
            fault = wrong_with_rollups(copy, temp)
            if fault:
                rollup_faults.append("backup %d: %s" % (i, fault))
        diag("backup %d: %s" % (i, before))
    stop.set()
    for w in writers:
        w.stop.set()
    for thread in writers + loops:
        thread.join(300)

    same(faults, [], "%d backups hold what was committed, once" % backups)
    if has_rollup:
        same(rollup_faults, [], "rollups of each go on where they were")
    else:
        skip("rollups of each go on where they were", "no ntdb-rollup")
    ok(linked > 0, "what has not changed is linked (%d files)" % linked)
    names = sorted(os.listdir(to))
    same(len(names), min(3, backups), "the newest are kept")
    same({n: digest(os.path.join(to, n)) for n in names},
         {n: digests.get(n) for n in names}, "and are as they were")
    same([(w.db, w.said) for w in writers if w.said], [],
         "no writer was refused")
    same([e for x in loops for e in x.ended
          if e[0] not in (0, 75, -signal.SIGKILL)], [],
         "flushes, sealings and rollups went on (%s times)" %
         ", ".join(str(len(x.ended)) for x in loops))
    return root, to, os.path.join(to, names[-1]) if names else None
