"""Measure the rows of the performance budget; begun by t/bench/run.

A row that cannot be measured here says why.  Ratios are those of medians of
runs by turns, or of instructions.
"""

import argparse
import lzma
import statistics
import time

from bench import *
import peers
import writes


# ------------------------------------------------ one input, from end to end

def load(b, root, path):
    """The cost to ingest a file into a new root and flush all."""
    one = b.once(tool("ntdb-ingest", root), stdin=path)
    two = b.once(move(root))
    wall = one.wall + two.wall
    return Cost(wall, one.cpu + two.cpu, wall, max(one.peak_kib, two.peak_kib))


INGEST = ["ingest to durable pages, samples per CPU second",
          "ingest, peak memory"]
VICTORIA = {"lines": "ingest, times VictoriaMetrics, the same lines",
            "grouped": "ingest, times VictoriaMetrics, brought by metric"}
NANOTDB = ["ingest, times NanoTDB"]
EXPORT = ["re-import of an export, times the first import",
          "export, peak memory", "export, rows per second"]
PAGES = ["flushed, bytes per sample"]
SEALED = ["sealing, CPU per sample", "sealing, peak memory",
          "sealed, bytes per sample", "sealed, all but locks and caches"]


def median_cpu(costs):
    return statistics.median(c.cpu for c in costs)


def median_wall(costs):
    return statistics.median(c.wall for c in costs)


def peak_kib(costs):
    return max(c.peak_kib for c in costs)


class Loads:
    """One file of lines, loaded again and again, by turns with the peers.

    Each time into a root of its own, and nothing is removed between: file
    systems are slow to make files where many were just deleted.
    """

    def __init__(self, b, path, name):
        self.b, self.path, self.name = b, path, name
        self.lines = count_lines(path)
        self.roots = [b.path("%s%d" % (name, i)) for i in range(b.big)]
        self.first, self.out, self.second = [], [], []
        self.data, self.victoria, self.why = None, None, None
        self.imports = {"lines": [], "grouped": []}
        try:
            self.data = peers.Input(b, path)
            self.victoria = peers.VictoriaMetrics(b, self.data)
        except Missing as e:
            self.why = e

    def run(self):
        exported = self.b.path("export.lp")
        for i, root in enumerate(self.roots):
            self.first.append(load(self.b, root, self.path))
            export = tool("ntdb-query", root, "--format", "lp", "*")
            self.out.append(self.b.once(export, stdout=exported))
            self.second.append(load(self.b, self.b.path(
                "%s-again%d" % (self.name, i)), exported))
            if self.victoria:
                self.run_victoria(i)
        self.exported = count_lines(exported)
        os.remove(exported)
        self.cpu = median_cpu(self.first)

    def run_victoria(self, i):
        """Both forms; the server of the very last one goes on running."""
        for form in self.imports:
            if self.victoria.server:
                self.victoria.stop()
            path = self.b.path("%s-vm-%s%d" % (self.name, form, i))
            self.imports[form].append(self.victoria.load(path, form))

    def ingest_rows(self):
        rate = self.lines / self.cpu
        show(INGEST[0], "-", million(rate), None,
             "%d lines from a pipe, last flush included: %.2f s of CPU, "
             "%.2f s" % (self.lines, self.cpu, median_wall(self.first)))
        for form, name in VICTORIA.items():
            if not self.victoria:
                not_measured([name], self.why)
                continue
            cpu = median_cpu(self.imports[form])
            ratio = cpu / self.cpu
            show(name, ">= 4", "%.2f" % ratio, ratio >= 4,
                 "medians of %d by turns; it takes %s a CPU second"
                 % (self.b.big, million(self.lines / cpu)))
        not_measured(NANOTDB, "not installed")
        peak = peak_kib(self.first)
        show(INGEST[1], "<= 8 MiB", mib(peak), peak <= 8 * 1024)

    def export_rows(self):
        ratio = median_cpu(self.second) / self.cpu
        show(EXPORT[0], "<= 1.5", "%.2f" % ratio, ratio <= 1.5,
             "processor time; %d lines of %d came out"
             % (self.exported, self.lines))
        peak = peak_kib(self.out)
        wall, cpu = median_wall(self.out), median_cpu(self.out)
        show(EXPORT[1], "<= 16 MiB", mib(peak), peak <= 16 * 1024)
        show(EXPORT[2], "-", million(self.exported / wall), None,
             "%.2f s of CPU, %.2f s" % (cpu, wall))

    def size_rows(self):
        n = data_bytes(self.roots[0])
        show(PAGES[0], "-", "%.3f" % (n / self.lines), None,
             "%d bytes of data files" % n)
        try:
            cost = [self.b.once(seal(root)) for root in self.roots]
        except Missing as e:
            return not_measured(SEALED, e)
        ns = median_cpu(cost) / self.lines * 1e9
        show(SEALED[0], "<= 200 ns", "%.0f ns" % ns, ns <= 200)
        peak = peak_kib(cost)
        show(SEALED[1], "<= 48 MiB", mib(peak), peak <= 48 * 1024)
        n = data_bytes(self.roots[0])
        show(SEALED[2], "-", "%.3f" % (n / self.lines), None,
             "%d bytes of data files; t/long/sizes judges this" % n)
        n = all_bytes(self.roots[0])
        show(SEALED[3], "-", "%.3f" % (n / self.lines), None)

    # ------------------------------------------- beside the other databases

    def peer_rows(self):
        """What the peers cost, and ntdb beside them."""
        print("%-28s %9s %9s %7s %18s %18s %18s" % (
            "the same input through", "samples/s", "MiB", "bytes",
            "last value", "all of a metric", "5-minute means"))
        sealed = knows("ntdb-flush", "--seal")
        root = self.roots[0]
        self.peer("ntdb, sealed" if sealed else "ntdb, flushed",
                  lambda: peers.Ntdb(self.b, self.data, root),
                  peers.Load(self.cpu, peak_kib(self.first),
                             all_bytes(root)))
        if self.victoria:
            self.peer_victoria()
        else:
            print("VictoriaMetrics: not measured: %s" % self.why)
        self.peer("RRDtool", lambda: peers.RRDtool(self.b, self.data))
        self.peer("SQLite", lambda: peers.SQLite(self.b, self.data))
        print("NanoTDB: not measured: not installed")
        print("    samples per CPU second; peak memory; bytes per sample on "
              "disk, caches left out;\n    wall and CPU of a question, a "
              "process each, but to VictoriaMetrics, a warm server")
        sys.stdout.flush()

    def peer(self, name, make, cost=None):
        try:
            peer = make()
            if cost is None:
                cost = peer.load(self.b.path("%s-%s" % (self.name, name)))
            self.show_peer(name, cost, peer.ask())
            if hasattr(peer, "stored") and peer.stored() != self.data.n:
                print("    it kept %d of %d samples"
                      % (peer.stored(), self.data.n))
        except (Missing, subprocess.CalledProcessError) as e:
            print("%s: not measured: %s" % (name, e))

    def peer_victoria(self):
        v = self.victoria
        try:
            v.settle()
            n, asked = v.stored(), v.ask()
            size = v.stop()
        except (Missing, OSError) as e:
            print("VictoriaMetrics: not measured: %s" % e)
            return
        for form, title in (("lines", "lines"), ("grouped", "by metric")):
            cost = peers.Load(
                median_cpu(self.imports[form]),
                peak_kib(self.imports[form]), size)
            self.show_peer("VictoriaMetrics, " + title, cost, asked)
        if n != self.data.n:
            print("    it kept %d of %d samples" % (n, self.data.n))

    def show_peer(self, name, cost, asked):
        print("%-28s %9s %9.1f %7.3f %18s %18s %18s" % (
            name, million(self.lines / cost.cpu), cost.peak_kib / 1024,
            cost.size / self.lines,
            *("%.1f, %.1f ms" % (w * 1e3, c * 1e3) for w, c in asked)))

    def close(self):
        if self.victoria:
            self.victoria.close()
        if self.data:
            self.data.remove()


def load_rows(b, path, name):
    """All rows of one input."""
    one = Loads(b, path, name)
    try:
        one.run()
        one.ingest_rows()
        one.export_rows()
        one.size_rows()
        if one.data:
            one.peer_rows()
        else:
            print("peers: not measured: %s" % one.why)
    finally:
        one.close()


LOG = ["log, bytes per sample"]


def log_row(b):
    """A database that does not flush, and at most a million lines."""
    root, part = b.path("log"), b.path("part.lp")
    limit = min(b.steps * 100, 1000000)
    with open(b.made, "rb") as f, open(part, "wb") as out:
        for _, line in zip(range(limit), f):
            out.write(line)
    os.makedirs(os.path.join(root, "bench"))
    with open(os.path.join(root, "bench", "manifest.ini"), "w") as f:
        f.write("[page]\nmax_records = 16777216\nmax_bytes = 60MiB\n")
    b.once(tool("ntdb-ingest", root), stdin=part)
    n = sum(map(os.path.getsize, glob.glob(root + "/*/*.wal")))
    show(LOG[0], "<= 8", "%.2f" % (n / limit), n / limit <= 8,
         "%d lines in batches as they come from a fast pipe" % limit)
    os.remove(part)


# ------------------------------------------------------ one process, cold
#
# Judged is processor time: what it takes on a quiet machine, as these
# processes wait for nothing.

def against_empty(b, name, command, stdin=None):
    empty, one = b.paired(b.runs, [b.path("empty")], command, stdin=stdin)
    notes = ["CPU, medians of %d runs by turns: %s, empty process %s; "
             "wall %s, %s: %.2f" % (
                 b.runs, ms(one.cpu), ms(empty.cpu), ms(one.wall),
                 ms(empty.wall), one.wall / empty.wall)]
    counts = [instructions(c, stdin) for c in ([b.path("empty")], command)]
    if all(counts):
        notes.append("instructions %d, empty process %d: %.2f"
                     % (counts[1], counts[0], counts[1] / counts[0]))
    ratio = one.cpu / empty.cpu
    show(name, "<= 2", "%.2f" % ratio, ratio <= 2, *notes)


ONE = ["one line in, times an empty process"]
LAST = ["last value out, times an empty process"]
RANGE = ["range of one metric, JSON", "range of one metric, JSON, sealed"]
AVERAGES = ["5-minute averages of one metric, JSON",
            "5-minute averages of one metric, JSON, sealed"]


def one_row(b):
    line = b.path("line.lp")
    with open(line, "w") as f:
        f.write("bench/node00.requests 1\n")
    against_empty(b, ONE[0], tool("ntdb-ingest", b.path("six")), line)


def last_row(b):
    against_empty(b, LAST[0],
                  tool("ntdb-query", b.path("six"), "bench/node00.requests"))


def range_row(b, name, limit, *argv):
    """All of one metric; a whole process each time."""
    command = tool("ntdb-query", b.path("six"), "-s", str(START), "-e",
                   str(START + 7 * DAY), "-f", "json", *argv,
                   "bench/node00.temperature")
    out = b.path("rows.json")
    cost = b.paired(b.few, command, stdout=out)[0]
    show(name, "<= %d ms" % (limit * 1e3), ms(cost.cpu), cost.cpu <= limit,
         "CPU, median of %d processes; wall %s, the shortest %s; %d points, "
         "%d rows" % (b.few, ms(cost.wall), ms(cost.least), b.steps,
                      count_lines(out) - 2))


def cold_rows(b):
    """Questions to six days, flushed and then sealed."""
    root = b.path("six")
    load(b, root, b.made)
    one_row(b)
    last_row(b)
    range_row(b, RANGE[0], 0.010)
    range_row(b, AVERAGES[0], 0.005, "-a", "avg", "-w", "5m")
    try:
        b.once(seal(root))
    except Missing as e:
        return not_measured([RANGE[1], AVERAGES[1]], e)
    range_row(b, RANGE[1], 0.010)
    range_row(b, AVERAGES[1], 0.005, "-a", "avg", "-w", "5m")


# ------------------------------------------------------------- three years

BOOT = ["3 years by the day: first last value after a boot",
        "3 years, sealed: first last value after a boot"]
HOUR = ["3 years by the day: last hour, times 3 days",
        "3 years, sealed: last hour, times 3 days"]


def many_days(b, name, days):
    """20 metrics every ten minutes (--quick: six hours), up to START."""
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
    subprocess.run(move(root), check=True)
    return root


def boot_row(b, name, root):
    command = tool("ntdb-query", root, "bench/node00.requests", now=START)
    os.sync()
    warm = b.paired(b.few, command)[0]
    caches = glob.glob(root + "/*.cache") + glob.glob(root + "/*/*.cache")
    kept = [(path, path + "-kept") for path in caches]
    for path, keep in kept:
        os.rename(path, keep)
    cold = b.paired(b.few, command)[0]
    for path, keep in kept:
        os.rename(keep, path)
    show(name, "<= 50 ms", ms(cold.cpu), cold.cpu <= 0.050,
         "CPU, median of %d; wall %s; CPU with the cache %s; %s; %d files, "
         "%d bytes" % (
             b.few, ms(cold.wall), ms(warm.cpu), mib(cold.peak_kib),
             len(glob.glob(root + "/*/data-*.dat")), data_bytes(root)))


def hour_row(b, name, roots):
    commands = [tool("ntdb-query", root, "-s", "1h", "-f", "json",
                     "bench/node00.requests", now=START) for root in roots]
    walls = [c.wall for c in b.paired(b.few, *commands)]
    counts = [instructions(command) for command in commands]
    what, pair = "wall time", walls
    note = "%s, %s" % (ms(walls[0]), ms(walls[1]))
    if all(counts):
        what, pair = "instructions", counts
        note += " = %.2f; instructions %d, %d" % (
            walls[0] / walls[1], *counts)
    ratio = pair[0] / pair[1]
    show(name, "<= 1.2", "%.2f" % ratio, ratio <= 1.2,
         "of %s; medians of %d by turns: %s" % (what, b.few, note))


def years_rows(b):
    roots = [many_days(b, "years", 1095), many_days(b, "days", 3)]
    boot_row(b, BOOT[0], roots[0])
    hour_row(b, HOUR[0], roots)
    try:
        for root in roots:
            b.once(seal(root))
    except Missing as e:
        return not_measured([BOOT[1], HOUR[1]], e)
    boot_row(b, BOOT[1], roots[0])
    hour_row(b, HOUR[1], roots)


# Each names the rows that it shows, so that those it cannot are told too.
PARTS = [
    (log_row, LOG), (cold_rows, ONE + LAST + RANGE + AVERAGES),
    (years_rows, BOOT + HOUR), (writes.rows, writes.ROWS),
]
LOADED = INGEST + list(VICTORIA.values()) + EXPORT + PAGES + SEALED


def attempt(part, rows, *args):
    """Whether no program failed."""
    try:
        part(*args)
    except Missing as e:
        not_measured(rows, e)
    except subprocess.CalledProcessError as e:
        not_measured(rows, "a program failed: %s" % e)
        return False
    return True


def unpacked(b, path):
    """A file that may be compressed, as one that is not."""
    if not path.endswith(".xz"):
        return path
    plain = b.path(os.path.basename(path)[:-3])
    with lzma.open(path) as f, open(plain, "wb") as out:
        shutil.copyfileobj(f, out, 1 << 20)
    return plain


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--temp", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only-input", action="store_true")
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    b = Bench(args)
    print("%s; seed %d; %s, %d processors, load %s" % (
        time.strftime("%Y-%m-%d"), b.seed, os.uname().machine,
        os.cpu_count(), " ".join("%.2f" % x for x in os.getloadavg())))
    with open(b.made, "wb") as f:
        subprocess.run(b.gen("-n", b.steps), stdout=f, check=True)
    fine = True
    for i, path in enumerate(args.files or [b.made]):
        heading("%s:" % os.path.basename(path) if args.files else
                "made input, 100 metrics every 10 s:")
        fine &= attempt(lambda: load_rows(b, unpacked(b, path),
                                          "input%d-" % i), LOADED)
    if not args.only_input:
        heading("made input:")
    for part, rows in PARTS * (not args.only_input):
        fine &= attempt(part, rows, b)
    return 0 if fine else 1


sys.exit(main())
