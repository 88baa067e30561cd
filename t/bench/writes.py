"""What a simulated day, month or year of measurements passes to write.

Every batch has a process of its own, as long as the database repeats names in
each process's first batch, which is until its first flush.  Later one
ntdb-ingest a period takes batch after batch from a pipe, each once the one
before is acknowledged, so that they are committed one by one, as they would
be by a process each.  After every period ntdb-flush runs, as from cron.  All
have the clock of that time, and are traced.
"""

import concurrent.futures

from bench import *

BEGIN = 3481747200		# 2080-05-01, later than any build: the clock is set

ROWS = ["a day of 100 metrics every 10 s, bytes written",
        "a month of it, by the month, bytes written",
        "a month of it, for ever in one file, bytes written",
        "a year of one metric a minute, bytes written",
        "a year of one metric a minute, bytes stored"]

CALLS = "write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range," \
    "fsync,fdatasync,sync_file_range,msync,syncfs,sync"
SYNC = re.compile(r"\b(fsync|fdatasync|syncfs|sync|sync_file_range|msync)\(")
WRITTEN = re.compile(r"\w+\(\d+<([^>]*)>.* = (\d+)$")


class Life:
    """Some time in the life of a root of its own."""

    def __init__(self, b, name, partition, metrics, every_s, period_s):
        self.b, self.metrics = b, metrics
        self.every_s, self.period_s = every_s, period_s
        self.root, self.trace = b.path(name), b.path(name + "-trace")
        self.sums, self.syncs, self.processes, self.samples = {}, 0, 0, 0
        if partition:
            os.makedirs(os.path.join(self.root, "bench"))
            with open(os.path.join(self.root, "bench", "manifest.ini"),
                      "w") as f:
                f.write("[retention]\npartition = %s\n" % partition)

    def traced(self, command):
        self.processes += 1
        return ["strace", "-f", "--seccomp-bpf", "-y", "-qq", "-o",
                self.trace, "-e", "trace=" + CALLS, *command]

    def add_trace(self):
        """Add what the last process wrote, by kind of file, and synced."""
        with open(self.trace, errors="replace") as f:
            for line in f:
                if SYNC.search(line) and " = 0" in line:
                    self.syncs += 1
                    continue
                m = WRITTEN.search(line)
                if m and m.group(1).startswith(self.root):
                    kind = os.path.splitext(m.group(1))[1] or "other"
                    self.sums[kind] = self.sums.get(kind, 0) + int(m.group(2))

    def ingest(self, lines, now):
        """Store lines, those of a step in a batch of their own."""
        alone = now <= BEGIN + (600 if self.b.quick else 2 * 3600)
        step = self.metrics if alone else len(lines)
        for i in range(0, len(lines), step):
            self.process(lines[i:i + step], now)

    def process(self, lines, now):
        p = subprocess.Popen(
            self.traced(tool("ntdb-ingest", self.root, "--progress",
                             now=now)),
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        for i in range(0, len(lines), self.metrics):
            p.stdin.write(b"".join(lines[i:i + self.metrics]))
            want = b"committed %d\n" % (i + self.metrics)
            got = p.stderr.readline()
            if got != want:
                p.kill()
                raise Missing("ntdb-ingest: %r" % got)
        p.stdin.close()
        p.stderr.close()
        self.wait(p)

    def wait(self, p):
        if p.wait() != 0:
            raise Missing("a program ended with %d" % p.returncode)
        self.add_trace()

    def pass_time(self, seconds):
        """Live until so much later, from BEGIN."""
        per_period = self.period_s // self.every_s * self.metrics
        source = subprocess.Popen(
            self.b.gen("-m", self.metrics, "-i", self.every_s, "-t", BEGIN,
                       "-n", seconds // self.every_s), stdout=subprocess.PIPE)
        for now in range(BEGIN + self.period_s, BEGIN + seconds + 1,
                         self.period_s):
            lines = [source.stdout.readline() for _ in range(per_period)]
            self.samples += len(lines)
            self.ingest(lines, now)
            self.wait(subprocess.Popen(
                self.traced(tool("ntdb-flush", self.root, now=now))))
        source.stdout.close()
        source.wait()
        self.hours = seconds / 3600
        return self

    def total(self):
        return sum(self.sums.values()) / self.samples

    def notes(self):
        return ("per sample: " + ", ".join(
            "%s %.2f" % (kind.lstrip("."), n / self.samples)
            for kind, n in sorted(self.sums.items(), key=lambda x: -x[1])),
            "%d samples, %d processes, %.1f syncs an hour"
            % (self.samples, self.processes, self.syncs / self.hours))


def rows(b):
    """A day ends with a quarter of an hour, in which it is sealed."""
    need("strace")
    more = 900
    day, month, year = DAY + more, 31 * DAY + more, 365 * DAY
    if b.quick:
        day, month, year = 7200, 7200, 12 * 3600
    lives = [("day", None, 100, 10, 300, day),
             ("month", "month", 100, 10, 300, month),
             ("forever", "forever", 100, 10, 300, month),
             ("year", None, 1, 60, 3600, year)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        # Nothing is timed here: they may run at the same time.
        ended = [pool.submit(Life(b, "life-" + x[0], *x[1:5]).pass_time, x[5])
                 for x in lives]
    ended = [e.result() for e in ended]
    for name, one in zip(ROWS[:3], ended):
        total = one.total()
        show(name, "<= 12", "%.2f" % total, total <= 12, *one.notes())
    one = ended[3]
    show(ROWS[3], "-", "%.2f" % one.total(), None, *one.notes())
    size = all_bytes(one.root)
    show(ROWS[4], "-", "%.2f" % (size / one.samples), None,
         "%d bytes but locks and caches, %d of them data files"
         % (size, data_bytes(one.root)))
