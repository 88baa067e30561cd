"""Damage of every kind in every file of a small database.

t/damage.c does the damage and tells what is left; this makes the database,
knows which samples are in which bytes - from format_reader, which shares
nothing with the programs -, and judges: nothing wrong, nothing twice, no more
lost than the part that was hit, all of it reported.
"""

import json
import os
import shutil
import subprocess
import threading

from blackbox import *
import format_reader as fr

DAY = 86400
START = 1777636800      # 2026-05-01 12:00
NOW = ["--now", "2026-11-30"]
SECTOR = 512
BAD = 65                # NTDB_ECORRUPT


# ------------------------------------------------------------- the database

def values(rnd, n):
    """{metric: n values as text}: one of each coding, and what is odd."""
    walk = [1000]
    for _ in range(n):
        walk.append(walk[-1] + rnd.randint(-3, 3))
    odd = ["NaN", "+Inf", "-Inf", "-0.0", "5e-324", "1e300", "0.1"]
    return {
        "decimal": ["%.2f" % (v / 100) for v in walk],
        "few": [repr((v % 7 + 1) / 7.1) for v in walk],
        "thirds": ["%.2f" % (v / 30) for v in walk],
        "wide": ["%di" % (v * 2**40) for v in walk],
        "noise": [repr(rnd.random()) for v in walk],
        "constant": ["42i"] * n,
        "count": ["%di" % (v * 150000) for v in walk],
        "mostly": [rnd.choice(odd) if rnd.random() < .05 else
                   "%.1f" % (v / 10) for v in walk],
        "odd": [rnd.choice(odd + [repr(rnd.uniform(-1e9, 1e9))])
                for v in walk],
    }


class Maker:
    """A root that is made step by step; each step is kept."""

    def __init__(self, path):
        self.root, self.moments = path, []
        self.manifest("")

    def manifest(self, text):
        os.makedirs(self.root + "/k", exist_ok=True)
        with open(self.root + "/k/manifest.ini", "w") as f:
            f.write("[retention]\npartition = day\n" + text +
                    "[page]\nmax_age = 1000w\n"
                    "[rollup.ten]\nsource_metric = decimal\n"
                    "interval = 10m\ndestination_db = r\n")
        if not os.path.exists(self.root + "/engine.ini"):
            without_own_metrics(self.root)

    def must(self, r):
        if r.status != 0 or r.err:
            raise SystemExit("Bail out! cannot make a database: %s" % r)

    def give(self, lines):
        self.must(ingest(self.root, "".join(lines), "-p", "s", *NOW))

    def flush(self, *args):
        self.must(flush(self.root, *args, *NOW, "k"))

    def lines(self, rnd, start, n, step=10):
        found = values(rnd, n)
        return ["k/%s %s %d\n" % (name, found[name][i], start + i * step)
                for i in range(n) for name in found]

    def keep(self):
        """Remember this moment."""
        path = "%s.%d" % (self.root, len(self.moments))
        shutil.copytree(self.root, path)
        self.moments.append(path)

    def read(self, name):
        with open(os.path.join(self.root, name), "rb") as f:
            return f.read()


def make_small(rnd, path):
    """Every kind of file and of page, in some 20 KiB."""
    m = Maker(path)
    m.give(m.lines(rnd, START - 30 * DAY, 20))
    m.flush("--force", "--seal")
    m.give("k/wide %s %d\n" % (v, START - 5 * DAY + i)
           for i, v in enumerate(values(rnd, 180)["wide"][:180]))
    m.give(m.lines(rnd, START, 180))
    m.manifest("retention_days = 40\nretention_action = archive\n")
    m.flush("--force", "--no-seal")
    m.manifest("")
    m.keep()
    m.flush("--seal")
    m.keep()
    # A sealed file with a page behind its sealed ones, and a hot file.
    m.give(["k/behind %d %d\n" % (i, START + i) for i in range(9)] +
           m.lines(rnd, START + DAY, 40))
    m.flush("--force", "--no-seal")
    m.keep()
    m.give(m.lines(rnd, START + DAY + 1000, 60))
    m.must(run(["ntdb-rollup", "-r", m.root, *NOW]))
    m.flush("--force", "--no-seal")
    m.keep()
    # The log: known metrics, a new one, and one that grows wider.
    m.give(m.lines(rnd, START + DAY + 3000, 5))
    m.give(["k/newcomer %di %d\n" % (i, START + DAY + i) for i in range(6)])
    m.keep()
    m.give(m.lines(rnd, START + DAY + 4000, 4) +
           ["k/behind 5000000000i %d\n" % (START + DAY)])
    m.give(["k/newcomer %di %d\n" % (i, START + DAY + 20 + i)
            for i in range(3)])
    with open(m.root + "/k/k.wal.damaged-1", "wb") as f:
        f.write(m.read("k/k.wal").replace(b"NTB\n", b"NTC\n", 1))
    # A cache that is valid now.
    os.unlink(m.root + "/k/k.cache")
    m.give(["k/newcomer 77i %d\n" % (START + DAY + 40)])
    return m


def make_listed(rnd, path):
    """A sealed file that is long enough to have a list of last samples."""
    m = Maker(path)
    m.give("k/noise%d %r %d\n" % (i, rnd.random(), START + 10 * j)
           for j in range(1000) for i in range(10))
    m.flush("--seal")
    m.keep()
    m.give(m.lines(rnd, START + 20000, 3))
    return m


# ------------------------------------------------------ what is in which byte

def key(name, t, value):
    if isinstance(value, int):
        return name, t, "i", value
    if value != value:
        value = float("nan")
    return name, t, "f", fr.struct.unpack("<Q", fr.struct.pack(
        "<d", value))[0] if value == value else 0x7ff8 << 48


class Region:
    """Bytes [start, end) of a file, and the rows that are lost with them.

    where is where a report about them may stand; headers of files are read
    in spite of one wrong bit.
    """

    def __init__(self, start, end, rows, where, kind):
        self.start, self.end, self.rows = start, end, frozenset(rows)
        self.where, self.kind = where, kind


class Knowledge:
    def __init__(self, root):
        self.root = root
        self.bytes = {}
        for base, _, names in os.walk(root):
            for name in names:
                path = os.path.join(base, name)
                with open(path, "rb") as f:
                    self.bytes[os.path.relpath(path, root)] = f.read()
        self.db = fr.Database(root + "/k")
        self.rows, self.index = [], {}
        for name in sorted(self.db.samples):
            for t, value in self.db.samples[name]:
                k = key(name, t, value)
                assert k not in self.index, k
                self.index[k] = len(self.rows)
                self.rows.append(k)
        self.by_metric = {}
        for i, k in enumerate(self.rows):
            self.by_metric.setdefault(k[0], set()).add(i)
        self.defined_in_log = {}
        self.regions = {}
        for name, data in self.bytes.items():
            base = os.path.basename(name)
            if name == "k/k.wal":
                self.regions[name] = self.log(data)
            elif name == "k/catalog.json":
                self.regions[name] = self.catalog(data)
            elif name.startswith("k/") and fr.partition(base):
                self.regions[name] = self.datafile(data, base)

    def write_table(self, path):
        with open(path, "w") as f:
            for name, t, form, bits in self.rows:
                f.write("%s %d %s %s\n" % (
                    name.decode(), t, form,
                    bits if form == "i" else "%x" % bits))

    def row(self, ident, t, value):
        if self.db.types[ident] > 2:
            value = float(value)
        return self.index[key(self.db.names[ident], t, value)]

    def log(self, data):
        log = fr.Log(data)
        found = [Region(0, log.length, (), range(0, 1), "header")]
        at, catalog = log.length, fr.read_catalog(self.bytes["k/catalog.json"])
        while at < len(data):
            records, length = log.batch_at(at)
            rows = {self.row(*r[1:]) for r in records if r[0] == "sample"}
            metrics = {r[3] for r in records if r[0] == "metric" and
                       r[1] not in catalog}
            found.append(Region(at, at + length, rows, range(at, at + 1),
                                "batch"))
            for m in metrics:
                self.defined_in_log.setdefault(m, []).append(at)
            at += length
        return found

    def catalog(self, data):
        found, at = [], 0
        for line in data.splitlines(keepends=True):
            rows = ()
            if line.startswith(b'{"name"'):
                name = json.loads(line.rstrip(b",\n"))["name"].encode()
                rows = self.by_metric.get(name, ())
            found.append(Region(at, at + len(line), rows, None, "line"))
            at += len(line)
        return found

    def datafile(self, data, base):
        f = fr.DataFile(data, fr.partition(base))
        found = [Region(0, 64, (), range(0, 1), "header")]
        if f.list_len:
            found.append(Region(f.list_at, f.list_at + f.list_len, (),
                                range(f.list_at, f.list_at + 1), "list"))
        for kind, page in f.pages(self.db.limit(f)):
            assert kind == "page"
            found += self.page(page)
        return sorted(found, key=lambda r: r.start)

    def page(self, page):
        runs = page.runs()
        packed = page.data[page.at + page.head_len:][:page.dir_len]
        d = fr.Directory(fr.Bytes(fr.unpack(
            page.codec, packed, page.dir_raw_len)), page.n_runs,
            page.n_groups, page.t_min)
        rows = [{self.row(i, t, v) for t, v in samples}
                for i, _, samples in runs]
        whole = set().union(*rows)
        at = page.at + page.head_len
        found = [Region(page.at, at, whole, range(page.at, page.at + 1),
                        "page header"),
                 Region(at, at + page.dir_len, whole,
                        range(page.at, page.at + 1), "directory")]
        at += page.dir_len
        order = sorted(range(len(d.columns)),
                       key=lambda i: (d.columns[i].width, i))
        for n_columns, length, _, _ in d.groups:
            mine = [d.columns[i] for i in order[:n_columns]]
            order = order[n_columns:]
            lost = [rows[i] for i, r in enumerate(d.runs) if
                    (r.width and r.column in mine) or
                    (d.timelines[r.timeline].width and
                     d.timelines[r.timeline].column in mine)]
            found.append(Region(at, at + length, set().union(*lost),
                                range(at, at + 1), "columns"))
            at += length
        return found

    def of_epoch(self, epoch):
        rows = set()
        for name in self.regions:
            part = fr.partition(os.path.basename(name))
            if part is None:
                continue
            f = fr.DataFile(self.bytes[name], part)
            for _, page in f.pages(self.db.limit(f)):
                if page.epoch == epoch and not page.sealed:
                    rows |= {self.row(i, t, v) for i, _, found in page.runs()
                             for t, v in found}
        return rows

    def listed(self, name):
        part = fr.partition(os.path.basename(name))
        return any(entry[0] == part for entry in self.db.log.committed)

    def content(self, name):
        """All that can be lost with a file."""
        rows = set().union(*(r.rows for r in self.regions.get(name, ())))
        if name == "k/k.wal":
            for m in self.defined_in_log:
                rows |= self.by_metric.get(m, set())
        return rows


# ---------------------------------------------------------------- the cases

class Case:
    def __init__(self, verb, name, *args):
        self.verb, self.name, self.args = verb, name, args

    def text(self):
        return " ".join(map(str, (self.verb, self.name) + self.args))

    def after(self, data):
        """The file's bytes then; None where it is gone."""
        if self.verb == "flip":
            at, bit = self.args
            return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1:]
        if self.verb == "cut":
            return data[:self.args[0]]
        if self.verb == "zero":
            at, n = self.args
            return data[:at] + bytes(n) + data[at + n:]
        if self.verb == "swap":
            a, b, n = self.args
            new = bytearray(data)
            new[a:a + n], new[b:b + n] = data[b:b + n], data[a:a + n]
            return bytes(new)
        if self.verb == "put":
            with open(self.args[0], "rb") as f:
                return f.read()
        return None


def all_cases(know, moments):
    for name in sorted(know.bytes):
        data = know.bytes[name]
        for at in range(len(data)):
            for bit in range(8):
                yield Case("flip", name, at, bit)
        for at in range(len(data)):
            yield Case("cut", name, at)
        for at in range(0, len(data), SECTOR):
            yield Case("zero", name, at, min(SECTOR, len(data) - at))
        whole = range(0, len(data) - SECTOR + 1, SECTOR)
        for a in whole:
            for b in whole:
                if a < b:
                    yield Case("swap", name, a, b, SECTOR)
        yield Case("remove", name)
        yield Case("directory", name)
        for other in moments:
            path = os.path.join(other, name)
            if os.path.exists(path):
                yield Case("put", name, path)
        # What was there before and is not now.
    for other in moments:
        for base, _, names in os.walk(other):
            for name in names:
                path = os.path.join(base, name)
                name = os.path.relpath(path, other)
                if name not in know.bytes:
                    yield Case("put", name, path)


# ------------------------------------------------------------ the judgement

class Expected:
    """What a case may cost: exactly these rows, or at most these."""

    def __init__(self, rows, exact, told, where=None):
        self.rows, self.exact, self.told = rows, exact, told
        self.where = where


def n_bits(a, b):
    return sum(bin(x ^ y).count("1") for x, y in zip(a, b))


def expected(know, case, cached):
    name, data = case.name, know.bytes.get(case.name, b"")
    regions = know.regions.get(name)
    if regions is None:
        # Settings, caches, archives, what was put aside: no samples.
        return Expected(set(), True, None)
    new = case.after(data)
    if name == "k/catalog.json":
        return expected_catalog(know, case, data, new, cached)
    if case.verb in ("put", "remove", "directory"):
        rows = know.content(name)
        if name == "k/k.wal" and case.verb == "put":
            # Pages of the flush that ended this log look like those of a
            # flush that was killed.
            epoch = int.from_bytes(new[16:24], "little")
            rows = rows | know.of_epoch(epoch)
        # A data file may be removed at any time.
        told = case.verb == "directory" or None
        if case.verb == "remove" and name == "k/k.wal":
            told = True
        return Expected(rows, False, told)
    changed = [i for i, (x, y) in enumerate(zip(data, new)) if x != y]
    if not changed and len(new) == len(data):
        return Expected(set(), True, False)
    hit = [r for r in regions if r.end > len(new) or
           any(r.start <= i < r.end for i in changed)]
    head = regions[0]
    if name != "k/k.wal" and (len(new) < head.end or not any(new)) and \
            not know.listed(name):
        # What a killed flush leaves looks the same.
        return Expected(know.content(name), True, None)
    if head in hit and (len(new) < head.end or n_bits(
            data[:head.end], new[:head.end]) > 1):
        return Expected(know.content(name), False, True, range(0, 1))
    rows = set().union(*(r.rows for r in hit))
    told = True
    where = set().union(*(r.where for r in hit))
    if name == "k/k.wal":
        lost = {r.start for r in hit}
        for m, places in know.defined_in_log.items():
            if not cached and lost.issuperset(places):
                rows |= know.by_metric.get(m, set())
        # The end of a log: a killed writer leaves such a thing.
        if len(new) < len(data) or (
                hit and hit[-1] is regions[-1] and case.verb != "flip"):
            told = None
    return Expected(rows, case.verb != "swap", told, where)


def expected_catalog(know, case, data, new, cached):
    rows = set()
    if new is None or case.verb == "put":
        return Expected(know.content(case.name), False, None)
    for i, r in enumerate(know.regions[case.name]):
        if r.end > len(new) or data[r.start:r.end] != new[r.start:r.end]:
            rows |= r.rows
            if data[r.end - 1:r.end] != new[r.end - 1:r.end]:
                rows |= set().union(*(n.rows for n in
                                      know.regions[case.name][i + 1:i + 2]))
    if case.verb == "swap":
        rows = know.content(case.name)
    return Expected(rows, False, None)


def lost_rows(ranges):
    return {i for a, b in ranges for i in range(a, b)}


FINE = (0, 65)


def judge(know, case, cached, res):
    """What is wrong with the result of a case, as text, or None."""
    e = expected(know, case, cached)
    status, ranges, wrong, twice, disorder = res["q"]
    lost = lost_rows(ranges)
    allowed = FINE
    if case.verb in ("directory", "put", "remove"):
        allowed = (0, 65, 66, 71, 73, 74, 76, 77, 78)
    if case.name.endswith(".ini"):
        allowed += (78,)
    if status not in allowed:
        return "export ends with %d" % status
    if wrong or twice or disorder:
        return "export: %d wrong (%s), %d twice, %d not in order" % (
            wrong, res.get("first"), twice, disorder)
    unread = status not in FINE
    if not unread and e.exact and lost != e.rows:
        return "export lacks %s rather than %s" % (
            clip(sorted(lost), 200), clip(sorted(e.rows), 200))
    if not unread and not lost <= e.rows:
        return "export lacks %s" % clip(sorted(lost - e.rows), 200)
    return judge_lasts(know, case, res, lost, allowed) or \
        judge_salvage(know, case, res, lost, unread, allowed) or \
        judge_verify(know, case, res, e, lost, allowed) or \
        judge_writing(know, case, res, e, lost, allowed)


def judge_lasts(know, case, res, lost, allowed):
    status, wrong, rows = res["l"]
    if status not in allowed:
        return "last values end with %d" % status
    if wrong:
        return "%d last values are wrong" % wrong
    if status not in FINE:
        return None
    last = {know.rows[i][0]: i for i in rows}
    for name, all_ in know.by_metric.items():
        left = all_ - lost
        if not left:
            continue
        if name not in last:
            return "no last value of %s" % name
        times = max(know.rows[i][1] for i in left)
        if know.rows[last[name]][1] < times:
            return "last value of %s is an old one" % name
    return None


def judge_salvage(know, case, res, lost, unread, allowed):
    status, ranges, wrong, twice, disorder = res["s"]
    if status not in (0, 66) and status not in allowed:
        return "salvage ends with %d" % status
    if wrong or twice or disorder:
        return "salvage: %d wrong (%s), %d twice, %d not in order" % (
            wrong, res.get("first"), twice, disorder)
    more = lost_rows(ranges) - lost
    if more and not unread:
        return "salvage lacks %s, which can be read" % clip(sorted(more), 200)
    return None


def judge_verify(know, case, res, e, lost, allowed):
    found, status = res["v"]
    if status not in allowed:
        return "verify ends with %d" % status
    if bool(found) != (status != 0) and status in FINE:
        return "verify ends with %d, and finds %s" % (status, found)
    if e.told is True and status == 0:
        return "verify finds nothing"
    if e.told is False and status != 0:
        return "verify finds %s" % found
    if lost and status == 0 and e.told is not None:
        return "verify finds nothing, and %d samples are lost" % len(lost)
    if e.where and case.verb == "flip":
        here = [f for f in found if f[0] == case.name and f[1] in e.where]
        if not here:
            return "verify does not say where: %s" % found
        if here[0][2] >= 0 and here[0][2] > len(e.rows):
            return "verify counts more than %d: %s" % (len(e.rows), found)
        if here[0][2] < 0 or sum(
                max(f[2], 0) for f in found) != len(e.rows):
            return "verify does not count %d: %s" % (len(e.rows), found)
    return None


def judge_writing(know, case, res, e, lost, allowed):
    if "w" not in res:
        return None
    for what, status in zip(("ingest", "flush", "seal"), res["w"]):
        if status not in allowed:
            return "%s ends with %d" % (what, status)
    status, ranges, wrong, twice, disorder = res["a"]
    if status not in allowed:
        return "export afterwards ends with %d" % status
    if wrong or twice or disorder:
        return "afterwards: %d wrong (%s), %d twice, %d not in order" % (
            wrong, res.get("first"), twice, disorder)
    more = lost_rows(ranges) - lost
    if more and status in FINE:
        return "writing has lost %s" % clip(sorted(more), 200)
    if res["w"][0] == 0 and status in FINE and res["new"] != 2:
        return "of the new samples there are %d" % res["new"]
    return None


# ------------------------------------------------------------------ running

def memory_dir():
    """A place for many small files, in memory if there is one."""
    for path in "/dev/shm", "/tmp":
        if os.access(path, os.W_OK):
            return path
    return tempdir()


class Worker(threading.Thread):
    def __init__(self, tool, know, cases, work, table):
        super().__init__()
        self.know, self.cases = know, cases
        self.argv = [tool, know.root, work, table]
        self.work, self.failed, self.error = work, [], None

    def run(self):
        with open(self.work + ".cases", "w") as f:
            for i, (case, cached, write) in enumerate(self.cases):
                f.write("%d %s %s %s\n" % (
                    i, "cached" if cached else "cold",
                    "write" if write else "read", case.text()))
        with open(self.work + ".cases") as f:
            p = subprocess.Popen(self.argv, stdin=f, text=True,
                                 stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
            n = 0
            for line in p.stdout:
                if not line.endswith("}\n"):
                    break
                self.judge(json.loads(line))
                n += 1
            err = p.stderr.read()
            if p.wait() != 0 or err or n != len(self.cases):
                self.error = "%s: status %d, %s" % (
                    self.cases[min(n, len(self.cases) - 1)][0].text(),
                    p.returncode, clip(err))
        shutil.rmtree(self.work, ignore_errors=True)
        os.unlink(self.work + ".cases")

    def judge(self, res):
        case, cached, write = self.cases[res["n"]]
        why = judge(self.know, case, cached, res)
        if why:
            self.failed.append((case, cached, why))


def run_cases(tool, know, cases, n_workers=2):
    """[(case, cached, what is wrong)]: those that failed."""
    place = tempfile.mkdtemp(prefix="ntdb-damage-", dir=memory_dir())
    atexit.register(shutil.rmtree, place, True)
    know.write_table(place + "/table")
    workers = [Worker(tool, know, cases[i::n_workers],
                      "%s/%d" % (place, i), place + "/table")
               for i in range(n_workers)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    shutil.rmtree(place, ignore_errors=True)
    failed = []
    for w in workers:
        failed += w.failed
        if w.error:
            failed.append((w.cases[0][0], False, "the end of all: " + w.error))
    return failed


def tell(cases, failed):
    """A line for each kind of damage and file."""
    table = {}
    for case, _, _ in cases:
        table.setdefault((case.name, case.verb), [0, 0])[0] += 1
    for case, _, _ in failed:
        table[case.name, case.verb][1] += 1
    for (name, verb), (n, bad) in sorted(table.items()):
        diag("%-28s %-9s %7d cases %6d failed" % (name, verb, n, bad))


# ----------------------------------------------------------- what tests call

CODINGS = {"dictionary", "lattice", "exceptions", "plain", "bit planes",
           "byte planes", "symbols"}


def tool():
    """The program that does the damage; it is built for tests only."""
    return os.environ.get("NTDB_DAMAGE") or os.path.join(
        os.environ["NTDB_BUILD"], "t", "damage")


def roots():
    """[(name, what is known of a root, its earlier moments)]

    They are always the same: which codings there are depends on the values.
    """
    place, rnd = tempdir(), random.Random(1)
    found = []
    for name, make in ("small", make_small), ("listed", make_listed):
        m = make(rnd, os.path.join(place, name))
        know = Knowledge(m.root)
        diag("%s: %d bytes in %d files, %d samples; %s" % (
            name, sum(map(len, know.bytes.values())), len(know.bytes),
            len(know.rows), ", ".join(sorted(know.db.codings))))
        found.append((name, know, m.moments))
    return found


def few(case):
    return case.verb not in ("flip", "cut")


def choose(rnd, cases, n):
    """All cases of which there are few, n of the others, each in one way."""
    cases = list(cases)
    many = [c for c in cases if not few(c)]
    return [(c, rnd.random() < .5, rnd.random() < .5) for c in
            [c for c in cases if few(c)] +
            rnd.sample(many, min(n, len(many)))]


def everything(cases):
    """Each with and without a cache, and with all that writes."""
    return [(c, cached, True) for c in cases for cached in (False, True)]


def worth_most(rnd, know, cases, n):
    """Of a large root: headers and lists, the few, and n of the rest."""
    short = [(name, r) for name, found in know.regions.items() for r in found
             if r.kind not in ("columns", "directory", "batch", "line")]
    chosen, rest = [], []
    for c in cases:
        hit = few(c) or any(c.name == name and r.start <= c.args[0] < r.end
                            for name, r in short)
        (chosen if hit else rest).append(c)
    return everything(chosen + rnd.sample(rest, min(n, len(rest))))


def check(name, know, chosen):
    failed = run_cases(tool(), know, chosen)
    tell(chosen, failed)
    ok(not failed, "%s: %d cases of damage" % (name, len(chosen)))
    for case, cached, why in failed[:20]:
        diag("%s, %s: %s" % (case.text(), "cached" if cached else "cold",
                             clip(why, 500)))


def damaged_copy(know, case, place):
    """The root with a case done to it by hand."""
    path = os.path.join(place, "damaged")
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(know.root, path)
    name = os.path.join(path, case.name)
    new = case.after(know.bytes.get(case.name, b""))
    if os.path.exists(name):
        os.unlink(name)
    if new is not None:
        with open(name, "wb") as f:
            f.write(new)
    elif case.verb == "directory":
        os.mkdir(name)
    return path


def by_programs(know, case, place):
    """The same through the programs; None or what is wrong."""
    path = damaged_copy(know, case, place)
    os.unlink(path + "/k/k.cache") if os.path.isfile(
        path + "/k/k.cache") else None
    e = expected(know, case, False)
    left = sorted(set(range(len(know.rows))) - e.rows)
    want = sorted((know.rows[i][0].decode(), know.rows[i][1]) for i in left)
    r = query(path, "-f", "csv", "--time-format", "ns", *EVER, "k", *NOW)
    got = sorted((row[0][2:], int(row[1])) for row in csv_rows(r.out))
    if r.status not in FINE or got != want:
        return "query: %d samples rather than %d: %s" % (
            len(got), len(want), r)
    r = run(["ntdb-inspect", "verify", "--json", "-r", path, "k"])
    if r.status not in FINE or (r.status == 0 and e.told):
        return "verify: %s" % r
    found = json.loads(r.out)[0]["findings"]
    if (r.status == 65) != bool(found):
        return "verify: %s" % r
    out = os.path.join(place, "salvaged")
    if os.path.exists(out):
        os.unlink(out)
    s = run(["ntdb-inspect", "salvage", "--out", out, "-q", "-r", path, "k"])
    if s.status != r.status:
        return "salvage: %s" % s
    again = os.path.join(place, "again")
    shutil.rmtree(again, ignore_errors=True)
    r = run(["ntdb-ingest", "-r", again, *NOW, out])
    had = samples(again, "k") if r.status == 0 else None
    if had is None or not set(want) <= {(x[0][2:], int(x[1])) for x in had}:
        return "imported again: %s" % r
    for argv in (["ntdb-ingest", "-r", path, *NOW],
                 ["ntdb-flush", "-r", path, "--seal", *NOW, "k"]):
        r = run(argv, "k/zz.new 1i 2026-11-29\n")
        if r.status not in FINE:
            return "%s: %s" % (argv[0], r)
    r = query(path, "-f", "lp", "k/zz.new", *NOW)
    if r.status not in FINE or not r.out.startswith(b"k/zz.new 1i "):
        return "the new sample is not there: %s" % r
    return None


def check_programs(know, rnd, cases, n):
    """Flips through the real programs."""
    place = tempdir()
    for case in rnd.sample([c for c in cases if c.verb in ("flip", "zero") and
                            c.name in know.regions and
                            c.name != "k/catalog.json"], n):
        why = by_programs(know, case, place)
        ok(why is None, "programs: " + case.text())
        if why:
            diag(why)
