"""The cases of t/2200-late-accept.t."""

import glob
import os
import re
import threading

import oracle
from blackbox import *
from differential import campaign
from roundtrip import manifest, measured

NS = 10**9
DAY = 86400 * NS
T0 = 1893456000 * NS
NOW_NS = T0 + 40 * DAY
NOW = ["--now", str(NOW_NS // NS)]
ACCEPT = "[metrics]\nlate = accept\n"
REJECT = "[metrics]\nlate = reject\n"

rng = seed()
plan(161)


def fresh(text=ACCEPT):
    root = tempdir() + "/root"
    manifest(root, "d", text)
    return root


def set_manifest(root, text):
    """Replace it as an editor does: another file, another inode."""
    path = root + "/d/manifest.ini"
    with open(path + ".new", "w") as f:
        f.write(text)
    os.rename(path + ".new", path)


def put(root, lines, *args):
    """Ingest; (status, samples, duplicates, refused, other messages)."""
    data = lines if isinstance(lines, str) else "".join(
        line + "\n" for line in lines)
    r = ingest(root, data, "-v", *NOW, *args)
    said = r.err.decode()
    m = re.search(r"ntdb-ingest: \d+ lines, (\d+) samples?, (\d+) "
                  r"duplicates?, \d+ rounded, (\d+) refused.*\n", said)
    if not m:
        diag(r)
        return r.status, said
    counts = [int(g) for g in m.groups()]
    return (r.status, *counts, said[:m.start()] + said[m.end():])


def values(root, metric="d/m"):
    """[(time, value text)] of a metric, time from T0 in seconds."""
    rows = samples(root, metric)
    return rows and [((int(t) - T0) / NS, v) for _, t, _, v in rows]


def line(value, seconds, metric="m"):
    return "d/%s %s %d" % (metric, value, T0 + round(seconds * NS))


def export(root, *args):
    r = query(root, "-f", "lp", *args, *NOW, "d")
    return r.out if r.status == 0 and not r.err else repr(r)


def verified(root, name):
    r = run(["ntdb-inspect", "verify", "-r", root])
    same((r.status, r.out, r.err), (0, b"", b""), name + ": verify is clean")


def to_pages(root):
    flush(root, *move_args(), *NOW)


def to_sealed(root):
    flush(root, *seal_args(), *NOW)


def nothing(root):
    pass


PLACES = [("the log", nothing), ("pages", to_pages), (sealed() + " pages",
                                                      to_sealed)]


def order_and_ties():
    """Worked by hand: one batch, then one more for each place."""
    root = fresh()
    same(put(root, [line(1, 100), line(2, 50), line(3, 70), line(4, 50),
                    line(5, 100), line(6, -5)]),
         (0, 6, 0, 0, ""), "six samples out of order are stored")
    want = [(-5, "6"), (50, "2"), (50, "4"), (70, "3"), (100, "1"),
            (100, "5")]
    same(values(root), want, "they come by time, equal times by arrival")
    for i, (where, move) in enumerate(PLACES):
        move(root)
        same(values(root), want, "the same from " + where)
        same(put(root, [line(10 + i, 50), line(20 + i, 60), line(2, 50)]),
             (0, 2, 1, 0, ""), "behind %s: two more, one known" % where)
        at = [k for k, (t, _) in enumerate(want) if t == 50][-1] + 1
        want.insert(at, (50, str(10 + i)))
        at = [k for k, (t, _) in enumerate(want) if t <= 60][-1] + 1
        want.insert(at, (60, str(20 + i)))
        same(values(root), want, "they come behind what was there")
    to_sealed(root)
    same(values(root), want, "all " + sealed())
    verified(root, "ties")


def known_again():
    """A batch is sent again, shuffled, when it is somewhere else."""
    for kind in ("day", "month", "forever"):
        root = fresh(ACCEPT + "[retention]\npartition = %s\n" % kind)
        lines = [line(rng.randrange(5), rng.randrange(-5, 6) * 21600 +
                      rng.randrange(30), rng.choice("abc"))
                 for _ in range(400)]
        store = oracle.Store()
        store.load([x.encode() for x in lines], late=True)
        n = sum(len(s.times) for s in store.series.values())
        same(put(root, lines), (0, n, 400 - n, 0, ""),
             "%s: %d samples, %d of them twice" % (kind, n, 400 - n))
        for where, move in PLACES:
            move(root)
            rng.shuffle(lines)
            same(put(root, lines), (0, 0, 400, 0, ""),
                 "%s: sent again, known in %s" % (kind, where))
            ok(export(root) == store.export(), kind + ": and nothing changed")
        verified(root, kind)


def gone():
    """A partition that was removed holds nothing that is known."""
    root = fresh(ACCEPT + "[retention]\npartition = day\n")
    lines = [line(i, i * 43200) for i in range(8)]
    put(root, lines)
    to_pages(root)
    os.unlink(glob.glob(root + "/d/data-*.dat")[0])
    left = values(root)
    same(len(left), 6, "a partition with two samples is removed")
    same(put(root, lines), (0, 2, 6, 0, ""), "they are stored again")
    same(values(root), [(i * 43200, str(i)) for i in range(8)],
         "and the rest is known")


def several_kinds():
    """Equal times in files of days, months, and all time."""
    root = fresh("[retention]\npartition = day\n")
    want = []
    for i, kind in enumerate(["day", "month", "year", "forever"]):
        set_manifest(root, "[retention]\npartition = %s\n" % kind)
        same(put(root, [line(i, DAY // NS)])[:2], (0, 1), "one in " + kind)
        to_pages(root)
        want.append((DAY // NS, str(i)))
        same(values(root), want, "behind those of lesser kinds")
        for cache in glob.glob(root + "/d/*.cache"):
            os.unlink(cache)
        r = query(root, "-f", "csv", "--time-format", "ns", "d/m")
        same([row[3] for row in csv_rows(r.out)], [str(i)],
             "and the last value, without a cache")
    to_sealed(root)
    same(values(root), want, "the same, " + sealed())


def same_values():
    """What is the same sample, and what is not."""
    for where, move in PLACES:
        root = fresh()
        put(root, [line("1.5", 1000), line("NaN", 1), line("-0.0", 2),
                   line("inf", 3), line("0.1", 4), line("21.0", 5),
                   line("5e-324", 6), line("9007199254740993.0", 7)])
        move(root)
        same(put(root, [line("nan", 1), line("-0.0", 2), line("+Inf", 3),
                        line("0.10", 4), line("21", 5), line("5e-324", 6),
                        line("9007199254740992", 7)]),
             (0, 0, 7, 0, ""), "the same values, known in " + where)
        same(put(root, [line("0.0", 2), line("-inf", 3), line("0.2", 4),
                        line("1e-323", 6), line("NaN", 5)]),
             (0, 5, 0, 0, ""), "others are stored beside them")
        same([v for t, v in values(root) if t in (2, 3)],
             ["-0", "0", "+Inf", "-Inf"], "minus zero is not zero")
        root = fresh()
        put(root, [line(7, 1000), line(-7, 1)])
        move(root)
        same(put(root, [line(2**63 - 1, 500), line(-2**63, 1), line(7, 1000),
                        line(-7, 1), line(2**31, 1)]),
             (0, 3, 2, 0, ""), "integers that widen their metric late")
        same(values(root), [(1, "-7"), (1, str(-2**63)), (1, str(2**31)),
                            (500, str(2**63 - 1)), (1000, "7")],
             "come back exactly")
        same(put(root, [line(7, 1000), line(2**63 - 1, 500), line(2**31, 1)]),
             (0, 0, 3, 0, ""), "and are known again")


def becoming_floats():
    """integers = float: integers stored as such are known as floats."""
    for where, move in PLACES:
        root = fresh(ACCEPT + "integers = float\n")
        set_manifest(root, ACCEPT)
        put(root, [line(21, 100), line(22, 50), line(22, 10)])
        move(root)
        set_manifest(root, ACCEPT + "integers = float\n")
        same(put(root, [line("21.0", 100), line("22.0", 10)]),
             (0, 0, 2, 0, ""), "integers in %s: 22.0 is 22" % where)
        same(samples(root, "d/m")[0][2], "int32", "no float was stored")
        same(put(root, [line(22, 10), line("22.5", 10), line("22.0", 50),
                        line(23, 60), line(23, 60), line("22.5", 10)]),
             (0, 2, 4, 0, ""), "a late decimal makes floats of them")
        same(values(root), [(10, "22"), (10, "22.5"), (50, "22"), (60, "23"),
                            (100, "21")], "in their order")
        same(put(root, [line("22.50", 10), line(22, 10), line(21, 100)]),
             (0, 0, 3, 0, ""), "known again")
        verified(root, "from integers to floats")


def switching():
    """From reject to accept and back."""
    for where, move in PLACES:
        root = fresh(REJECT)
        late = "ntdb-ingest: stdin:1: late sample: 2030-01-01T00:00:0"
        put(root, [line(1, 9)])
        got = put(root, [line(2, 5)])
        ok(got[:4] == (65, 0, 0, 1) and late in got[4],
           "late is refused") or diag(got)
        set_manifest(root, ACCEPT)
        same(put(root, [line(2, 5), line(3, 7), line(4, 7)]),
             (0, 3, 0, 0, ""), "then accepted")
        move(root)
        set_manifest(root, REJECT)
        got = put(root, [line(5, 7)])
        ok(got[:4] == (65, 0, 0, 1) and "2030-01-01T00:00:07" in got[4]
           and "is before 2030-01-01T00:00:09" in got[4],
           "then refused again, against the true last one") or diag(got)
        same(put(root, [line(4, 7), line(2, 5), line(3, 7)]),
             (0, 0, 3, 0, ""), "what came late is known, in " + where)
        for cache in glob.glob(root + "/d/*.cache"):
            os.unlink(cache)
        got = put(root, [line(5, 8)])
        ok(got[:2] == (65, 0) and "is before 2030-01-01T00:00:09" in got[4],
           "the same without a cache") or diag(got)
        same(put(root, [line(6, 9), line(7, 10)]), (0, 2, 0, 0, ""),
             "equal and newer ones go in")
        same(values(root), [(5, "2"), (7, "3"), (7, "4"), (9, "1"),
                            (9, "6"), (10, "7")], "all in order")
        verified(root, "switched")


def stamped():
    """Samples without a time are never late, never duplicates."""
    root = fresh(ACCEPT + "max_future = 0\n")
    end = NOW_NS
    same(put(root, ["d/m 1", "d/m 1", "d/m 1 %d" % (end - 5), "d/m 1",
                    "d/m 1 %d" % end, "d/m 1 %d" % (end + 2),
                    "d/m 2 %d" % end, "d/m 2 %d" % end, "d/m 9"]),
         (0, 6, 3, 0, ""), "among late ones of the same batch")
    rows = [(int(t) - end, v) for _, t, _, v in samples(root, "d/m")]
    same(rows, [(-5, "1"), (0, "1"), (0, "2"), (1, "1"), (2, "1"),
                (3, "9")], "each behind the newest")
    put(root, ["d/m 5 %d" % (end + 100)])
    same(put(root, ["d/m 6", "d/m 7 %d" % (end + 50), "d/m 8"]),
         (0, 3, 0, 0, ""), "behind one from the future")
    rows = [(int(t) - end, v) for _, t, _, v in samples(root, "d/m")]
    same(rows[-4:], [(50, "7"), (100, "5"), (101, "6"), (102, "8")],
         "one nanosecond each")
    same(put(root, ["d/m 7 %d" % (end - 7), "d/s 1", "d/s 2", "d/s 3", "d/s 4",
                    "d/s 2 %d" % (end + 1), "d/s 9 %d" % (end + 1),
                    "d/s 3 %d" % (end + 2)]),
         (0, 6, 2, 0, ""), "they are known to those after them")


def long_ago():
    root = fresh(ACCEPT + "[retention]\npartition = year\n")
    ends = [-2**63, -1, 0, 1, 2**63 - 1]
    set_manifest(root, ACCEPT + "max_future = 0\n")
    lines = ["d/m %d %d" % (i, t) for i, t in enumerate(ends)]
    got = put(root, lines[::-1] + lines, "-p", "ns")
    same(got, (0, 5, 5, 0, ""), "the ends of time, the last one first")
    for where, move in PLACES:
        move(root)
        same([int(t) for _, t, _, _ in samples(root, "d/m")], ends,
             "in order in " + where)
        same(put(root, lines, "-p", "ns"), (0, 0, 5, 0, ""), "known again")


def without_log():
    """Straight to pages."""
    root = fresh(ACCEPT + "[wal]\nenabled = no\n[page]\nmax_records = 50\n")
    lines = [line(rng.randrange(9), rng.randrange(100), rng.choice("abc"))
             for _ in range(500)]
    store = oracle.Store()
    store.load([x.encode() for x in lines], late=True)
    n = sum(len(s.times) for s in store.series.values())
    same(put(root, lines), (0, n, 500 - n, 0, ""), "past the log")
    ok(export(root) == store.export(), "merged")
    same(put(root, lines), (0, 0, 500, 0, ""), "and known again")
    verified(root, "past the log")


def many_new():
    """A first batch in which every metric begins out of order."""
    root = fresh()
    lines = []
    for i in range(6000):
        m = "m%d" % i
        lines += [line(1, 9, m), line(2, 4, m), line(2, 4, m)]
    store = oracle.Store()
    store.load([x.encode() for x in lines], late=True)
    same(put(root, lines), (0, 12000, 6000, 0, ""),
         "6000 metrics that begin out of order")
    ok(export(root) == store.export(), "all there")
    rng.shuffle(lines)
    same(put(root, lines), (0, 0, 18000, 0, ""), "and known again")
    root = fresh()
    again = rng.sample(lines, len(lines))
    same(put(root, lines + again)[:3], (0, 12000, 24000),
         "twice in one input")
    ok(export(root) == store.export(), "all there")


def random_lines(n):
    """n lines, about in order, with some a little and some very late."""
    names = {"a": ["1", "2", "-5", "2147483648"],
             "b": ["0.5", "NaN", "-0.0", "0.0", "inf", "1e300"],
             "c": ["21.%d" % i for i in range(10)],
             "d.const": ["7"], "e": [str(i) for i in range(1000)]}
    out = []
    clock = rng.randrange(3600)
    for _ in range(n):
        clock += rng.choice([0, 1, 1, 20])
        at = clock
        how = rng.random()
        if how < 0.2:
            at -= rng.randrange(100)
        elif how < 0.25:
            at -= rng.randrange(DAY // NS)
        elif how < 0.3 and out:
            out.append(rng.choice(out))
            continue
        m = rng.choice(list(names))
        out.append(line(rng.choice(names[m]), at, m))
    return out


def against_the_oracle():
    """Queries of merged data: last, ranges, limits, strides, aggregates."""
    root = fresh(ACCEPT + "[retention]\npartition = day\n")
    store = oracle.Store()
    steps = [("the log", nothing), ("pages", to_pages),
             ("pages and log", nothing), (sealed() + " pages", to_sealed),
             ("all three", nothing)]
    for where, move in steps:
        lines = random_lines(700)
        store.load([x.encode() for x in lines], late=True)
        half = rng.randrange(len(lines))
        got = put(root, lines[:half])
        move(root)
        got = [got, put(root, lines[half:])]
        ok([g[0] for g in got] == [0, 0], "random samples: " + where) or \
            diag(got)
        ok(export(root) == store.export(), where + ": export")
        ok(campaign(store, root, rng, NOW_NS, 60) == 0,
           "60 queries: " + where)
        for cache in glob.glob(root + "/d/*.cache"):
            os.unlink(cache)
        ok(campaign(store, root, rng, NOW_NS, 10) == 0,
           "and 10 without a cache")
    verified(root, "random samples")


def beside_readers():
    """Each answer is some state of the whole, and never an earlier one."""
    root = fresh(ACCEPT + "[page]\nmax_records = 3000\n")
    lines = random_lines(12000)
    rng.shuffle(lines)
    store = oracle.Store()
    store.load([x.encode() for x in lines], late=True)
    want = store.export().splitlines()
    places = {x: i for i, x in enumerate(want)}
    stop = threading.Event()
    bad, seen = [], [0, 0]

    def read():
        least = 0
        while not stop.is_set():
            text = export(root)
            if isinstance(text, str):
                bad.append(text)
                continue
            at = [places.get(x, -1) for x in text.splitlines()]
            keys = [(x.split(b" ", 1)[0], x.split(b" ")[-2:])
                    for x in text.splitlines()]
            keys = [(k[1][0], k[0], k[1][1]) for k in keys]
            if -1 in at or keys != sorted(keys) or len(set(at)) != len(at):
                bad.append("an answer that never was")
            if len(at) < least:
                bad.append("%d rows after %d" % (len(at), least))
            least = len(at)
            seen[0] += 1
            seen[1] += 0 < least < len(want)

    def move():
        while not stop.is_set():
            for args in (move_args(), seal_args()):
                r = flush(root, *args, *NOW)
                if r.status or r.err:
                    bad.append(repr(r))

    others = [threading.Thread(target=f) for f in (read, read, move)]
    for thread in others:
        thread.start()
    for i in range(0, len(lines), 500):
        got = put(root, lines[i:i + 500])
        if got[0] != 0:
            bad.append(repr(got))
    stop.set()
    for thread in others:
        thread.join()
    ok(not bad, "readers and flushes beside a writer of late samples")
    for text in sorted(set(bad))[:5]:
        diag(text)
    ok(seen[1] > 0, "some of %d answers came in between" % seen[0])
    # Which of equal times came first depends on nobody but the writer.
    ok(export(root).splitlines() == want, "in the end all is there")
    verified(root, "beside readers")


def memory():
    """A shuffled file, in the memory that a sorted one may take."""
    with open(program("ntdb-ingest"), "rb") as f:
        if b"__asan_init" in f.read():
            for name in ("a shuffled file", "peak memory of that"):
                skip(name, "a sanitizer's memory is not ours")
            return
    root = fresh()
    lines = [line("%.1f" % rng.uniform(0, 99), i / 10, "m%d" % (i % 1000))
             for i in range(150000)]
    rng.shuffle(lines)
    r, high, _ = measured(root, "".join(
        x + "\n" for x in lines).encode(), *NOW)
    same((r.status, r.err), (0, b""), "a shuffled file")
    ok(0 < high <= 8192,
       "peak memory of that: %d KiB, 8192 allowed" % high)


for case in (order_and_ties, known_again, gone, several_kinds, same_values,
             becoming_floats, switching, stamped, long_ago, without_log,
             many_new, against_the_oracle, beside_readers, memory):
    case()
done()
