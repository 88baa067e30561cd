"""Measure the rows of the performance budget; begun by t/bench/run.

Costs of processes come from the helper `paired', which runs commands by
turns; input comes from the helper `gen'.  Both are in --temp, the programs
in PATH.  A row that cannot be measured here says why.
"""

import argparse
import glob
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

START = 1777593600		# 2026-05-01, where made input begins
FUTURE = "2199-01-01"		# later than the samples of any file
DAY = 86400


class Missing(Exception):
    """This cannot be measured here."""


class Bench:
    def __init__(self, args):
        self.temp = args.temp
        self.seed = args.seed
        self.quick = args.quick
        self.file = args.file
        self.runs = args.runs or (21 if args.quick else 201)
        self.few = 5 if args.quick else 31
        self.big = 1 if args.quick else 3
        self.made = os.path.join(self.temp, "made.lp")

    def path(self, name):
        return os.path.join(self.temp, name)

    def gen(self, *argv):
        return [self.path("gen"), "-s", str(self.seed), *map(str, argv)]

    def paired(self, runs, *commands, stdin=None, stdout=None):
        """[(wall s, processor s, peak KiB)], medians of runs by turns."""
        argv = [self.path("paired"), "-n", str(runs)]
        if stdin:
            argv += ["-i", stdin]
        if stdout:
            argv += ["-o", stdout]
        for command in commands:
            argv += ["--", *command]
        text = subprocess.run(argv, check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        return [(int(w) / 1e6, int(c) / 1e6, int(k))
                for w, c, k in map(str.split, text.splitlines())]

    def once(self, command, stdin=None, stdout=None):
        return self.paired(1, command, stdin=stdin, stdout=stdout)[0]


def need(program):
    if not shutil.which(program):
        raise Missing("no " + program)


def tool(name, root, *argv, now=FUTURE):
    need(name)
    return [name, "-r", root, "--now", str(now), *argv]


def data_bytes(root):
    return sum(map(os.path.getsize, glob.glob(root + "/*/data-*.dat")))


def count_lines(path):
    n = 0
    with open(path, "rb") as f:
        while True:
            piece = f.read(1 << 20)
            if not piece:
                return n
            n += piece.count(b"\n")


def instructions(command, stdin=None):
    """Instructions of a process in user mode, or None."""
    with open(stdin or os.devnull, "rb") as f:
        if shutil.which("perf"):
            p = subprocess.run(
                ["perf", "stat", "-x,", "-e", "instructions:u", *command],
                stdin=f, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True)
            m = re.search(r"^(\d+),", p.stderr, re.M)
            if p.returncode == 0 and m:
                return int(m.group(1))
        if shutil.which("valgrind"):
            f.seek(0)
            p = subprocess.run(
                ["valgrind", "--tool=callgrind",
                 "--callgrind-out-file=/dev/null", *command],
                stdin=f, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True)
            m = re.search(r"Collected : (\d+)", p.stderr)
            if p.returncode == 0 and m:
                return int(m.group(1))
    return None


# ------------------------------------------------------------ the table

def show(name, target, measured, held, *notes):
    """held: True, False, or None where there is no target."""
    mark = {True: "yes", False: "NO", None: "-"}[held]
    print("%-50s %12s %12s  %s" % (name, target, measured, mark))
    for note in notes:
        print("    " + note)
    sys.stdout.flush()


def ms(seconds):
    return "%.2f ms" % (seconds * 1e3)


def million(n):
    return "%.2f M" % (n / 1e6)


def mib(kib):
    return "%.1f MiB" % (kib / 1024)


# ------------------------------------------------------------- the rows

def load(b, root, path):
    """Ingest a file into a new root and flush all: (wall, cpu, peak)."""
    one = b.once(tool("ntdb-ingest", root), stdin=path)
    two = b.once(tool("ntdb-flush", root, "--force"))
    return one[0] + two[0], one[1] + two[1], max(one[2], two[2])


INGEST = ["ingest to durable pages, samples per CPU second",
          "ingest, peak memory"]
EXPORT = ["re-import of an export, times the first import",
          "export, peak memory", "export, rows per second"]


def ingest_rows(b):
    """Import, export and import of the export, by turns.

    Each into a root of its own, and nothing is removed between: file systems
    are slow to make files where many were just deleted.
    """
    path, root, lines = b.file or b.made, b.path("big0"), b.lines
    exported = b.path("export.lp")
    command = None
    if shutil.which("ntdb-query"):
        command = tool("ntdb-query", root, "--format", "lp", "*")
    first, second, out = [], [], []
    for i in range(b.big):
        first.append(load(b, b.path("big%d" % i), path))
        if command:
            out.append(b.once(command, stdout=exported))
            second.append(load(b, b.path("again%d" % i), exported))
    wall, cpu = (statistics.median(x[k] for x in first) for k in (0, 1))
    show(INGEST[0], ">= 4 M", million(lines / cpu), lines / cpu >= 4e6,
         "%d lines from a pipe, last flush included: %.2f s of CPU, %.2f s"
         % (lines, cpu, wall))
    peak = max(x[2] for x in first)
    show(INGEST[1], "<= 8 MiB", mib(peak), peak <= 8 * 1024)
    if not command:
        raise Missing("no ntdb-query")
    n = count_lines(exported)
    ratio = statistics.median(x[1] for x in second) / cpu
    show(EXPORT[0], "<= 1.5", "%.2f" % ratio, ratio <= 1.5,
         "processor time; %d lines of %d came out" % (n, lines))
    peak = max(x[2] for x in out)
    wall, cpu = (statistics.median(x[k] for x in out) for k in (0, 1))
    show(EXPORT[1], "<= 16 MiB", mib(peak), peak <= 16 * 1024)
    show(EXPORT[2], "-", million(n / wall), None,
         "%.2f s of CPU, %.2f s" % (cpu, wall))
    os.remove(exported)


DATA = ["data files, bytes per sample"]


def data_row(b):
    n = data_bytes(b.path("big0"))
    if n == 0:
        raise Missing("nothing was stored")
    show(DATA[0], "-", "%.3f" % (n / b.lines), None,
         "flushed, not sealed; %d bytes" % n)


LOG = ["log, bytes per sample"]


def log_row(b):
    """A database that does not flush, and at most a million lines."""
    root, part = b.path("log"), b.path("part.lp")
    limit = min(b.lines, 1000000)
    databases = set()
    with open(b.file or b.made, "rb") as f, open(part, "wb") as out:
        for _, line in zip(range(limit), f):
            databases.add(line.split(b"/")[0].decode("utf-8", "replace"))
            out.write(line)
    for name in databases:
        os.makedirs(os.path.join(root, name))
        with open(os.path.join(root, name, "manifest.ini"), "w") as f:
            f.write("[page]\nmax_records = 16777216\nmax_bytes = 60MiB\n")
    b.once(tool("ntdb-ingest", root), stdin=part)
    n = sum(map(os.path.getsize, glob.glob(root + "/*/*.wal")))
    show(LOG[0], "<= 8", "%.2f" % (n / limit), n / limit <= 8,
         "%d lines in batches as they come from a fast pipe" % limit)
    os.remove(part)


def against_empty(b, name, command, stdin=None):
    empty, one = b.paired(b.runs, [b.path("empty")], command, stdin=stdin)
    notes = ["medians of %d runs by turns: %s, empty process %s; "
             "CPU %s, %s" % (b.runs, ms(one[0]), ms(empty[0]), ms(one[1]),
                             ms(empty[1]))]
    counts = [instructions(c, stdin) for c in ([b.path("empty")], command)]
    if all(counts):
        notes.append("instructions %d, empty process %d: %.2f"
                     % (counts[1], counts[0], counts[1] / counts[0]))
    ratio = one[0] / empty[0]
    show(name, "<= 2", "%.2f" % ratio, ratio <= 2, *notes)


ONE = ["one line in, times an empty process"]
LAST = ["last value out, times an empty process"]


def one_row(b):
    line = b.path("line.lp")
    with open(line, "w") as f:
        f.write("bench/node00.requests 1\n")
    against_empty(b, ONE[0], tool("ntdb-ingest", b.path("six")), line)


def last_row(b):
    against_empty(b, LAST[0],
                  tool("ntdb-query", b.path("six"), "bench/node00.requests"))


RANGE = ["range of one metric, JSON"]
AVERAGES = ["5-minute averages of one metric, JSON"]


def range_row(b, name=RANGE[0], limit=0.010, *argv):
    """All of one metric; a whole process each time."""
    command = tool("ntdb-query", b.path("six"), "-s", str(START), "-e",
                   str(START + 7 * DAY), "-f", "json", *argv,
                   "bench/node00.temperature")
    out = b.path("rows.json")
    wall, cpu, _ = b.paired(b.few, command, stdout=out)[0]
    show(name, "<= %d ms" % (limit * 1e3), ms(wall), wall <= limit,
         "median of %d processes, %s of CPU; %d points, %d rows"
         % (b.few, ms(cpu), b.steps, count_lines(out) - 2))


def averages_row(b):
    range_row(b, AVERAGES[0], 0.005, "-a", "avg", "-w", "5m")


BOOT = ["3 years by the day: first last value after a boot"]
HOUR = ["3 years by the day: last hour, times 3 days"]


def many_days(b, name, days):
    """20 metrics every ten minutes (--quick: six hours), up to one END."""
    root = b.path(name)
    every = 6 * 3600 if b.quick else 600
    source = subprocess.Popen(
        b.gen("-m", 20, "-i", every, "-t", START - days * DAY, "-n",
              days * DAY // every), stdout=subprocess.PIPE)
    subprocess.run(tool("ntdb-ingest", root), stdin=source.stdout,
                   check=True)
    source.stdout.close()
    if source.wait() != 0:
        raise Missing("gen failed")
    subprocess.run(tool("ntdb-flush", root, "--force"), check=True)
    return root


def boot_row(b):
    root = many_days(b, "years", 1095)
    command = tool("ntdb-query", root, "bench/node00.requests", now=START)
    os.sync()
    warm = b.paired(b.few, command)[0][0]
    caches = glob.glob(root + "/*.cache") + glob.glob(root + "/*/*.cache")
    kept = [(path, path + "-kept") for path in caches]
    for path, keep in kept:
        os.rename(path, keep)
    wall, cpu, peak = b.paired(b.few, command)[0]
    for path, keep in kept:
        os.rename(keep, path)
    show(BOOT[0], "<= 50 ms", ms(wall), wall <= 0.050,
         "median of %d, %s of CPU, %s; with the cache %s; %d files, %d bytes"
         % (b.few, ms(cpu), mib(peak), ms(warm),
            len(glob.glob(root + "/*/data-*.dat")), data_bytes(root)))


def hour_row(b):
    roots = [b.path("years"), many_days(b, "days", 3)]
    commands = [tool("ntdb-query", root, "-s", "1h", "-f", "json",
                     "bench/node00.requests", now=START) for root in roots]
    walls = [x[0] for x in b.paired(b.few, *commands)]
    counts = [instructions(command) for command in commands]
    what, pair = "wall time", walls
    note = "%s, %s" % (ms(walls[0]), ms(walls[1]))
    if all(counts):
        what, pair = "instructions", counts
        note += " = %.2f; instructions %d, %d" % (
            walls[0] / walls[1], *counts)
    ratio = pair[0] / pair[1]
    show(HOUR[0], "<= 1.2", "%.2f" % ratio, ratio <= 1.2,
         "of %s; medians of %d by turns: %s" % (what, b.few, note))


WRITES = ["a day of 100 metrics every 10 s, bytes written"]

CALLS = "write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range," \
    "fsync,fdatasync,sync_file_range,msync,syncfs,sync"


def add_trace(path, sums):
    """Add bytes by kind of file, and numbers of syncs, to sums."""
    written = re.compile(r"(\w+)\(\d+<([^>]*)>.* = (\d+)$")
    with open(path, errors="replace") as f:
        for line in f:
            if re.search(r"\b(fsync|fdatasync|syncfs|sync_file_range|msync)\(",
                         line) and " = 0" in line:
                sums["syncs"] = sums.get("syncs", 0) + 1
                continue
            m = written.search(line)
            if m:
                kind = os.path.splitext(m.group(2))[1] or "other"
                sums[kind] = sums.get(kind, 0) + int(m.group(3))


def writes_row(b):
    """One ntdb-ingest a minute, as from cron, and ntdb-flush every ten."""
    need("strace")
    root, trace = b.path("day"), b.path("trace")
    minutes = 30 if b.quick else 1440
    text = subprocess.run(b.gen("-n", minutes * 6), check=True,
                          stdout=subprocess.PIPE).stdout
    lines = text.splitlines(keepends=True)
    sums, processes, start = {}, 0, time.monotonic()

    def traced(argv, data=b""):
        nonlocal processes
        p = subprocess.run(["strace", "-f", "-y", "-qq", "-o", trace, "-e",
                            "trace=" + CALLS, *argv], input=data,
                           stderr=subprocess.PIPE)
        if p.returncode != 0:
            raise Missing(p.stderr.decode("utf-8", "replace").strip())
        processes += 1
        add_trace(trace, sums)

    for minute in range(minutes):
        now = START + (minute + 1) * 60
        batch = b"".join(lines[minute * 600:(minute + 1) * 600])
        traced(tool("ntdb-ingest", root, now=now), batch)
        if minute % 10 == 9:
            traced(tool("ntdb-flush", root, now=now))
    syncs = sums.pop("syncs", 0)
    total = sum(sums.values()) / len(lines)
    show(WRITES[0], "<= 12", "%.2f" % total, total <= 12,
         "per sample: " + ", ".join(
             "%s %.2f" % (kind.lstrip("."), n / len(lines))
             for kind, n in sorted(sums.items(), key=lambda x: -x[1])),
         "%d samples, %d processes, %d syncs (%.0f s)"
         % (len(lines), processes, syncs, time.monotonic() - start))


# Each names the rows that it shows, so that those it cannot are told too.
PARTS = [
    (ingest_rows, INGEST + EXPORT), (data_row, DATA), (log_row, LOG),
    (one_row, ONE), (last_row, LAST), (range_row, RANGE),
    (averages_row, AVERAGES), (boot_row, BOOT), (hour_row, HOUR),
    (writes_row, WRITES),
]


def prepare(b):
    """Six days of 100 metrics every 10 s: 5.2 million lines, 52 k each."""
    b.steps = 2000 if b.quick else 51840
    with open(b.made, "wb") as f:
        subprocess.run(b.gen("-n", b.steps), stdout=f, check=True)
    b.lines = count_lines(b.file or b.made)
    print("seed %d, %d steps of 100 metrics; %s, %d processors, load %s"
          % (b.seed, b.steps, os.uname().machine, os.cpu_count(),
             "%.2f" % os.getloadavg()[0]))
    print("%-50s %12s %12s  %s" % ("row", "target", "measured", "held"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--temp", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("file", nargs="?")
    b = Bench(parser.parse_args())
    prepare(b)
    failed = False
    for part, rows in PARTS:
        if part is one_row:
            load(b, b.path("six"), b.made)
        try:
            part(b)
        except (Missing, subprocess.CalledProcessError) as e:
            left = rows if part is not ingest_rows else EXPORT
            why = str(e)
            if isinstance(e, subprocess.CalledProcessError):
                failed, left, why = True, rows, "a program failed"
            for name in left:
                show(name, "-", "-", None, "not measured: " + why)
    return 1 if failed else 0


sys.exit(main())
