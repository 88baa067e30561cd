"""Programs of all kinds at once, in one root, for some seconds.

Sixteen writers feed numbered streams (streams.py) to six databases; readers,
flushes, sealing, retention, rollups and inspections go on beside them.
"""

import fcntl
import os
import random
import re
import resource
import select
import signal
import subprocess
import threading
import time
import traceback

import rollups
from blackbox import *
from streams import *
from tracing import Held

NOW_NS = 1909051200 * SECOND		# 2030-06-30 12:00
NOW = ["--now", str(NOW_NS)]
KEEP_DAYS = 20
CUT = (NOW_NS - KEEP_DAYS * DAY) // DAY * DAY	# what is older expires
WAIT = 30.0				# the limit of who waits for a lock
SLACK = 30.0				# what a busy machine adds to it
ENOUGH = 100				# complaints, after which it ends
SIZES = [1, 1, 3, 20, 100, 300]
AFTER_KILLS = {0: rb"pages that the log does not know, kept as",
               65: rb"late sample: 2030-0(5|6-0)|more lines refused"}
SMALL = "[page]\nmax_records = 2000\n"
EXPIRES = SMALL + "[retention]\nretention_days = %d\nretention_action = %s\n"
JOB = {"source": "own", "source_pattern": "*", "destination_db": "roll",
       "interval": "1h"}
MANIFESTS = {
    "own": SMALL + "[rollups]\n" + rollups.section("hour", **{
        k: v for k, v in JOB.items() if k != "source"}),
    "late": SMALL + "[metrics]\nlate = accept\n",
    "direct": "[wal]\nenabled = no\n",
    "gone": EXPIRES % (KEEP_DAYS, "delete"),
    "kept": EXPIRES % (KEEP_DAYS, "archive"),
}


class Crowd:
    """The processes, what they are to do, and what they did wrong.

    faults: signals that are sent to any of them at random.  hold: seconds
    for which one that has a lock is stopped, others waiting up to a second.
    """

    def __init__(self, root, rng, seconds, faults=(), hold=0):
        self.root, self.rng, self.seconds = root, rng, seconds
        self.faults, self.hold = faults, hold
        self.wait = 1.0 if hold else WAIT
        self.ledger = Ledger()
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.running, self.hit = set(), set()
        self.bad, self.count = [], {}
        self.slowest, self.n_hit, self.n_refused = 0.0, 0, 0
        self.holds = []			# [from, to] in which a lock was held
        self.read_while_held = 0
        for db, text in MANIFESTS.items():
            rollups.write_manifest(root, db, text)
        without_own_metrics(root)

    # ---- running one

    def complain(self, what):
        self.bad.append(what)
        if len(self.bad) > ENOUGH:
            self.stop.set()

    def start(self, argv, **kw):
        began = time.monotonic()
        p = subprocess.Popen(
            [program(argv[0]), "-r", self.root, *NOW, *argv[1:]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, **kw)
        p.began = began
        self.running.add(p)
        return p

    def ended(self, p, argv, out, err):
        """Its Result; None if it was hit."""
        end = time.monotonic()
        with self.lock:
            self.running.discard(p)
            hit = p in self.hit
            self.hit.discard(p)
            self.count[argv[0]] = self.count.get(argv[0], 0) + 1
            self.slowest = max(self.slowest, end - p.began)
        r = Result(p.returncode, out, err)
        if hit and p.returncode in [-s for s in self.faults]:
            return None
        text = " ".join(argv)
        if r.status == 75 and self.may_refuse(p.began, end, err):
            self.n_refused += 1
        elif (r.status != 0 or err) and not self.may_happen(r):
            self.complain("%s: %r" % (text, Result(r.status, b"", err)))
        elif end - p.began > self.wait + SLACK and "--progress" not in argv:
            self.complain("%s: took %.1f s" % (text, end - p.began))
        return r

    def may_refuse(self, began, end, err):
        """Whether a lock was held for longer than it waited."""
        return self.hold and end - began >= self.wait and all(
            b"locked by another process" in x for x in err.splitlines())

    def may_happen(self, r):
        """Whether it is what kills lead to: what was stored, not acknowledged
        and has expired is late when it is sent again; and what a direct
        commit left is put aside by a flush of a later epoch.
        """
        return self.n_hit > 0 and r.status in AFTER_KILLS and all(
            re.search(AFTER_KILLS[r.status], x) for x in r.err.splitlines())

    def run(self, *argv, data=b"", **kw):
        p = self.start(argv, **kw)
        out, err = p.communicate(data)
        return self.ended(p, argv, out, err)

    # ---- writers

    def writer(self, seed, streams, how, timed=True):
        """Feed some samples of each stream again and again."""
        rng = random.Random(seed)
        while not self.stop.is_set():
            todo = []
            for s in streams:
                more = [(s, n) for n in range(s.sent, s.sent + rng.choice(
                    SIZES))]
                s.sent += len(more)
                todo.append(more)
            # By turns; the order within each stream stays.
            order = [i for i, more in enumerate(todo) for _ in more]
            rng.shuffle(order)
            work = [todo[i].pop(0) for i in order]
            while work and len(self.bad) < ENOUGH:
                done = how(rng, work)
                for s, n in work[:done]:
                    s.acked = n + 1
                work = work[done:]
                if work and not timed:
                    # Sent again they might be there twice.
                    for s, n in work:
                        s.maybe.add(n)
                    work = []

    def by_batch(self, rng, work):
        r = self.run("ntdb-ingest", "--wait", "%ds" % self.wait,
                     *rng.choice([[], [], [], ["--sync"]]),
                     data="".join(s.line(n) for s, n in work).encode())
        return len(work) if r is not None and r.status in (0, 65) else 0

    def by_pipe(self, rng, work):
        """Trickle them; how many were acknowledged."""
        argv = ("ntdb-ingest", "--wait", "%ds" % self.wait, "--progress")
        p = self.start(argv, bufsize=0)
        at, said = 0, b""
        try:
            while at < len(work):
                n = rng.choice([1, 2, 10, 50])
                p.stdin.write("".join(s.line(i) for s, i in work[
                    at:at + n]).encode())
                at = min(at + n, len(work))
                # What goes straight to pages waits for the end.
                if select.select([p.stderr], [], [], rng.choice(
                        [0, 0.002, 0.05]))[0]:
                    said += os.read(p.stderr.fileno(), 4096)
        except BrokenPipeError:
            pass
        try:
            out, err = p.communicate()
        except BrokenPipeError:
            out, err = b"", p.stderr.read()
            p.wait()
        said += err
        self.ended(p, argv, out, b"".join(
            x for x in said.splitlines(True)
            if not x.startswith(b"committed ")))
        return last_committed(said)

    # ---- readers

    def reader(self, seed):
        rng = random.Random(seed)
        while not self.stop.is_set():
            db = rng.choice(["own", "own", "late", "direct", "gone", "kept",
                             "shared"])
            if not os.path.exists(os.path.join(self.root, db)):
                continue
            rng.choice([self.read_all, self.read_range, self.read_totals,
                        self.read_last])(rng, db)
            if self.holds and self.holds[-1][1] == float("inf"):
                self.read_while_held += 1

    def query(self, rng, *args):
        n_files = rng.choice([1024, 1024, 36, 64])
        r = self.run("ntdb-query", *args, preexec_fn=lambda:
                     resource.setrlimit(resource.RLIMIT_NOFILE,
                                        (n_files, n_files)))
        return r.out if r is not None and r.status == 0 else None

    def read(self, rng, least, first, last, *args):
        as_lp = rng.random() < 0.5
        out = self.query(rng, "-f", "lp" if as_lp else "csv", "--time-format",
                         "ns", *args)
        if out is None:
            return
        rows = rows_of_lp(out) if as_lp else rows_of_csv(out)
        by_metric = sorted(rows, key=lambda row: row[0]) if as_lp else rows
        for text in self.ledger.check(by_metric, least, first, last):
            self.complain("ntdb-query %s: %s" % (" ".join(args), text))

    def some_metric(self, rng, suits):
        """One that is there, with streams that suit."""
        found = [m for m, by in self.ledger.streams.items() if suits(
            list(by.values())) and any(s.acked for s in by.values())]
        return rng.choice(found) if found else None

    def read_all(self, rng, db):
        self.read(rng, self.ledger.least(db + "/"), None, None, *EVER, db)

    def read_range(self, rng, db):
        first = NOW_NS - rng.randrange(40 * DAY)
        last = first + rng.randrange(10 * DAY)
        metric = self.some_metric(rng, lambda by: by[0].when is not None)
        if metric is not None:
            self.read(rng, self.ledger.least(metric), first, last, "-s",
                      str(first), "-e", str(last), metric)

    def read_totals(self, rng, db):
        """Number, least, greatest and sum of all that one writer gave."""
        metric = self.some_metric(rng, lambda by: len(by) == 1 and
                                  by[0].cut is None)
        if metric is None:
            return
        least = sum(self.ledger.least(metric).values())
        args = rng.choice([[], ["-w", rng.choice(["1h", "1d", "1w"])]])
        out = self.query(rng, "-f", "csv", *EVER, "-a", "count,min,max,sum",
                         *args, metric)
        if out is None:
            return
        got = {"count": [], "min": [], "max": [], "sum": []}
        for row in csv_rows(out):
            got[row[1]].append(float(row[5]) if "." in row[5] else
                               int(row[5]))
        for text in self.ledger.totals(
                metric, sum(got["count"]), min(got["min"], default=None),
                max(got["max"], default=None), sum(got["sum"]), least):
            self.complain("ntdb-query -a %s: %s" % (" ".join(args), text))

    def read_last(self, rng, db):
        """The last value of each metric is not older than what was there."""
        streams = self.ledger.least(db + "/")
        out = self.query(rng, "-f", "csv", "--time-format", "ns", db)
        rows = list(rows_of_csv(out)) if out is not None else []
        found, bad = self.ledger.sort(rows)
        for s, numbers in found.items():
            if db in ("own", "direct") and numbers[0] < streams[s] - 1:
                bad.append("%s: last is %d, not %d" % (
                    s.metric, numbers[0], streams[s] - 1))
        if len(rows) != len({row[0] for row in rows}):
            bad.append("two last values of a metric")
        for text in bad:
            self.complain("ntdb-query %s: %s" % (db, text))

    # ---- everything else

    def keeper(self, seed):
        """Flushes with sealing and retention, rollups, inspections."""
        rng = random.Random(seed)
        wait = ["--wait", "%ds" % self.wait]
        while not self.stop.is_set():
            kind = rng.randrange(8)
            if kind < 3:
                self.run("ntdb-flush", *wait, *[
                    [], ["--force"], ["--seal"]][kind])
            elif kind == 3:
                self.run("ntdb-rollup", *wait)
            elif kind == 4:
                self.run("ntdb-inspect", rng.choice(["db", "catalog"]))
            elif kind == 5:
                self.run("ntdb-inspect", rng.choice(["dat", "wal"]),
                         rng.choice(list(MANIFESTS)))
            else:
                self.run("ntdb-inspect", "verify")

    def hitter(self, seed):
        """Send the signals."""
        rng = random.Random(seed)
        while not self.stop.wait(rng.uniform(0, 0.15)):
            with self.lock:
                alive = [p for p in self.running if p.returncode is None]
                if not alive:
                    continue
                p = rng.choice(alive)
                self.hit.add(p)
                self.n_hit += 1
                # Its number is not given away before it is waited for.
                p.send_signal(rng.choice(self.faults))

    def is_held(self, name):
        """Whether a lock of own stays taken."""
        with open("%s/own/%s" % (self.root, name)) as f:
            for _ in range(30):
                try:
                    fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return False
                except BlockingIOError:
                    time.sleep(0.01)
        return True

    def stopped(self, name, *argv, **kw):
        """A process that is stopped when it has just got that lock."""
        for i in range(30):
            h = Held([argv[0], "-r", self.root, *NOW, "--wait", "60s",
                      *argv[1:]], "flock", 1 + i % 5, **kw)
            if h.held and self.is_held(name):
                return h
            h.go_on()
        raise RuntimeError("no process could be stopped with " + name)

    def holder(self):
        """Twice stop one that has a lock, for some seconds."""
        s = self.ledger.add(Stream("own/held", 99, even(NOW_NS, 0)))
        s.sent = 1
        for name, argv in (("lock", ("ntdb-ingest",)),
                           ("maint.lock", ("ntdb-flush", "--seal", "own"))):
            self.stop.wait(self.seconds / 8)
            self.holds.append([time.monotonic(), float("inf")])
            h = self.stopped(name, *argv, data=s.line(0).encode())
            self.stop.wait(self.hold)
            self.holds[-1][1] = time.monotonic()
            r = h.go_on()
            s.acked = 1
            if r.status != 0 or r.err:
                self.complain("stopped, then let go on: %r" % r)

    # ---- all of it

    def populate(self):
        """The streams of each writer: own metrics and shared ones, with
        times and without, of one database and of several."""
        add, month = self.ledger.add, NOW_NS - 30 * DAY
        writers = []

        def own(metric, when, **kw):
            return add(Stream(metric, len(writers), when, **kw))

        steady = even(month, 7 * SECOND)
        for i in range(4):
            writers.append(([own("own/a%d" % i, steady),
                             own("own/b%d" % i, steady, half=True)],
                            self.by_batch, True))
        for i in range(4):
            writers.append(([own("own/p%d" % i, steady),
                             own("late/p%d" % i, steady),
                             own("direct/p%d" % i, steady, half=True)],
                            self.by_pipe if i < 3 else self.by_batch, True))
        for i in range(2):
            writers.append(([own("shared/x", None), own("shared/y", None)],
                            [self.by_batch, self.by_pipe][i], False))
        for i in range(2):
            writers.append(([own("late/x", even(month + i, 7 * SECOND)),
                             own("late/own%d" % i,
                                 backwards(month, SECOND))],
                            self.by_batch, True))
        for db in ("gone", "kept"):
            for i in range(2):
                writers.append(([own("%s/a%d" % (db, i), spread(
                    NOW_NS - 40 * DAY + 1, 39 * DAY, 100 * self.seconds),
                    cut=CUT)], [self.by_batch, self.by_pipe][i], True))
        return writers

    def go(self):
        def guarded(target, *args):
            try:
                target(*args)
            except Exception:
                self.complain(traceback.format_exc())
                self.stop.set()

        def thread(*args):
            threads.append(threading.Thread(target=guarded, args=args))

        threads, seed = [], self.rng.randrange
        for streams, how, timed in self.populate():
            thread(self.writer, seed(2**32), streams, how, timed)
        for _ in range(3):
            thread(self.reader, seed(2**32))
            thread(self.keeper, seed(2**32))
        if self.faults:
            thread(self.hitter, seed(2**32))
        if self.hold:
            thread(self.holder)
        for t in threads:
            t.start()
        self.stop.wait(self.seconds)
        self.stop.set()
        for t in threads:
            t.join()
        self.faults = ()
