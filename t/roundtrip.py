"""What goes in comes out: sets of line protocol, ingested in many ways.

The expected export of a set is made from its text alone: values in the
shortest form of the nearest double, rows by UTC day, metric and time.
"""

import os
import random
import subprocess
import threading

import oracle
from blackbox import *

DAY = 86400 * 10**9

# Limits that no test reaches.
ONLY_LOG = "[page]\nmax_records = 16000000\nmax_bytes = 1GiB\nmax_age = 52w\n"


def expected(lines, all_floats=False):
    """The export of a database whose input these lines are."""
    texts, human = {}, {}
    rows = []
    for line in lines:
        name, word, stamp = line.split(b" ")
        text = texts.get(word)
        if text is None:
            is_int, _, value = oracle.scan_value(word.decode())
            if all_floats:
                is_int, value = False, float(value)
            text = texts[word] = oracle.format_lp(is_int, value).encode()
        t = int(stamp)
        when = human.get(t)
        if when is None:
            when = human[t] = oracle.format_human(t).encode()
        rows.append((t // DAY, name, t, b"%s %s %s\n" % (name, text, when)))
    rows.sort(key=lambda r: r[:3])
    return b"".join(r[3] for r in rows)


def feed(root, lines, *args):
    """Start an ingest from a pipe; the thread that feeds it, and it."""
    p = subprocess.Popen(
        [program("ntdb-ingest"), "-r", root, *args], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    data = b"".join(line + b"\n" for line in lines)
    box = {}

    def talk():
        box["out"], box["err"] = p.communicate(data)

    thread = threading.Thread(target=talk)
    thread.start()
    return thread, p, box


def finish(started):
    thread, p, box = started
    thread.join()
    return Result(p.returncode, box["out"], box["err"])


def measured(root, data, *args):
    """Ingest all lines of data from a pipe: (Result, peak KiB, CPU s)."""
    n = data.count(b"\n")
    p = subprocess.Popen(
        [program("ntdb-ingest"), "-r", root, "--progress", *args],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE)

    def talk():
        try:
            p.stdin.write(data)
            p.stdin.flush()
        except OSError:
            pass

    thread = threading.Thread(target=talk)
    thread.start()
    said, high = b"", 0
    for line in p.stderr:
        if not line.startswith(b"committed "):
            said += line
        elif int(line.split()[1]) >= n:
            break
    # It waits for more now, and can be looked at.
    try:
        with open("/proc/%d/status" % p.pid) as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    high = int(line.split()[1])
    except OSError:
        pass
    thread.join()
    try:
        p.stdin.close()
    except OSError:
        pass
    said += b"".join(x for x in p.stderr if not x.startswith(b"committed "))
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    return (Result(p.returncode, b"", said), high,
            usage.ru_utime + usage.ru_stime)


def silent(r, name):
    """ok if a program ended with 0 and said nothing."""
    return ok(r.status == 0 and not r.out and not r.err, name) or diag(r)


def export_is(root, db, want, name, *args):
    r = query(root, "-f", "lp", *args, db)
    if ok(r.status == 0 and r.out == want and not r.err, name):
        return
    if r.status != 0 or r.err:
        diag(Result(r.status, r.out[:200], r.err))
    got, want = r.out.splitlines(), want.splitlines()
    diag("%d lines, not %d" % (len(got), len(want)))
    for i, (g, w) in enumerate(zip(got, want)):
        if g != w:
            diag("line %d: got %r want %r" % (i + 1, g, w))
            break


def manifest(root, db, text):
    os.makedirs("%s/%s" % (root, db))
    with open("%s/%s/manifest.ini" % (root, db), "w") as f:
        f.write(text)


def one_after_another(temp, db, lines, now):
    """8 results: log, pages and sealed pages, alone and mixed; twice."""
    want = expected(lines)
    root = temp + "/plain"
    silent(finish(feed(root, lines, *now)), db + ": ingest from a pipe")
    export_is(root, db, want, db + ": export, as ingest left it")
    silent(finish(feed(root, lines, *now)), db + ": the same again")
    export_is(root, db, want, db + ": export is unchanged")

    root = temp + "/log"
    manifest(root, db, ONLY_LOG)
    half = len(lines) // 2
    finish(feed(root, lines[:half], *now))
    flush(root, *move_args(), *now)
    finish(feed(root, lines[half:], *now))
    export_is(root, db, want, db + ": export, half in pages, half in the log")
    flush(root, *move_args(), *now)
    export_is(root, db, want, db + ": export after flush")
    silent(flush(root, *seal_args(), *now), db + ": " + sealed())
    export_is(root, db, want, db + ": export, all " + sealed())


def only_log(temp, db, lines, now):
    """1 result: nothing has been flushed."""
    root = temp + "/onlylog"
    manifest(root, db, ONLY_LOG)
    finish(feed(root, lines, *now))
    export_is(root, db, expected(lines), db + ": export of the log alone")


def at_once(temp, db, lines, now):
    """3 results: four writers, two flushes and two readers at once."""
    root = temp + "/atonce"
    names = sorted({line.split(b" ", 1)[0] for line in lines})
    quarter = {n: i % 4 for i, n in enumerate(names)}
    parts = [[], [], [], []]
    for line in lines:
        parts[quarter[line.split(b" ", 1)[0]]].append(line)
    stop = threading.Event()
    bad = []

    def repeat(allowed, *argv):
        while not stop.is_set():
            r = run([argv[0], "-r", root, *argv[1:], *now])
            if r.status not in allowed or r.err and r.status == 0:
                bad.append("%s: %r" % (" ".join(argv), Result(
                    r.status, r.out[:100], r.err)))

    others = [threading.Thread(target=repeat, args=a) for a in (
        ((0, 66), "ntdb-flush", "--force"),
        ((0, 66), "ntdb-flush", *seal_args()),
        ((0, 66), "ntdb-query", "-f", "lp", db),
        ((0, 66), "ntdb-query", "-a", "avg,p95", "-w", "1h", db))]
    writers = [feed(root, part, *now) for part in parts if part]
    for thread in others:
        thread.start()
    results = [finish(w) for w in writers]
    stop.set()
    for thread in others:
        thread.join()
    wrong = [r for r in results if r.status != 0 or r.err]
    ok(not wrong, "%s: four writers at once, none refused" % db)
    for r in wrong:
        diag(r)
    ok(not bad, "%s: readers and flushes beside them" % db)
    for text in bad[:5]:
        diag(text)
    export_is(root, db, expected(lines), db + ": export is what went in")


def bare(temp, db, lines, now):
    """2 results: decimals whose `.0' is gone, under integers = float."""
    root = temp + "/bare"
    manifest(root, db, "[metrics]\nintegers = float\n")
    text = [line.replace(b".0 ", b" ") for line in lines]
    silent(finish(feed(root, text, *now)),
           db + ": bare integers under integers = float")
    export_is(root, db, expected(text, True), db + ": export is all floats")


def many_partitions(temp, days, now_ns):
    """5 results: more partitions than descriptors."""
    now = ["--now", "%d" % now_ns]
    root = temp + "/days"
    rng = random.Random(days)
    manifest(root, "d", "[retention]\npartition = day\n")
    first = now_ns // DAY - days - 1
    lines = []
    for day in range(first, first + days):
        for k in range(4):
            t = day * DAY + k * 6 * 3600 * 10**9
            for m in (b"a", b"b", b"c"):
                lines.append(b"d/%s %d %d" % (m, rng.randrange(1000), t))
    silent(finish(feed(root, lines, *now)), "%d day partitions" % days)
    silent(flush(root, *move_args(), *now), "flushed")
    want = expected(lines)
    bound = ["-e", str(now_ns - DAY)]
    export_is(root, "d", want, "export made alone", *bound)
    stop = threading.Event()
    bad = []

    def beside(*argv, data=None):
        n = 0
        while not stop.is_set():
            n += 1
            text = b"".join(b"d/%c %d %d\n" % (m, n, now_ns + n)
                            for m in b"abcxyz") if data else b""
            r = run([argv[0], "-r", root, *argv[1:], *now], text)
            if r.status != 0 or r.err:
                bad.append("%s: %r" % (" ".join(argv), r))

    threads = [threading.Thread(target=beside, args=a, kwargs=k)
               for a, k in ((("ntdb-ingest",), {"data": True}),
                            (("ntdb-flush", *seal_args()), {}))]
    for thread in threads:
        thread.start()
    p = subprocess.run(
        ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh", program("ntdb-query"),
         "-r", root, "-f", "lp", *bound, *now, "d"], capture_output=True)
    stop.set()
    for thread in threads:
        thread.join()
    same((p.returncode, p.stderr, p.stdout == want), (0, b"", True),
         "the same with 64 descriptors, beside ingest and flush")
    ok(not bad, "ingest and flush went on")
    for text in bad[:5]:
        diag(text)
