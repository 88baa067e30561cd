"""Runs of many processes (many_processes.py), and what they leave."""

import os
import tarfile

import rollups
from blackbox import *
from many_processes import *
from tracing import temporary


def archived(root, temp):
    """All samples in the archives of kept, under its name."""
    rows = []
    os.makedirs(temp)
    for name in sorted(os.listdir(root + "/kept")):
        if name.startswith("archive-"):
            with tarfile.open("%s/kept/%s" % (root, name)) as tar:
                tar.extractall(temp)
    for db in sorted(os.listdir(temp)):
        r = query(temp, "-f", "csv", "--time-format", "ns", *EVER, db)
        if r.status != 0 or r.err:
            diag(r)
        rows += [("kept/" + m.partition("/")[2], t, v)
                 for m, t, v in rows_of_csv(r.out)]
    return rows


def fate(streams):
    """{stream: (numbers that stay, numbers that expire)}."""
    newest = max(s.when(n) for s in streams for n in range(s.sent))
    limit = min(NOW_NS, newest + 31 * DAY) - KEEP_DAYS * DAY

    def expires(t):
        return (t // DAY + 1) * DAY <= limit and t // DAY != newest // DAY

    return {s: ([n for n in range(s.sent) if not expires(s.when(n))],
                [n for n in range(s.sent) if expires(s.when(n))])
            for s in streams}


def settle(crowd):
    """Everything that is due is done."""
    for argv in (("ntdb-flush", "--force"), ("ntdb-rollup",),
                 ("ntdb-flush", "--seal")):
        crowd.run(*argv)


def tell(crowd):
    for text in crowd.bad[:8]:
        diag(clip(text, 600))
    if len(crowd.bad) > 8:
        diag("%d complaints in all" % len(crowd.bad))


def check_end(crowd, temp):
    """7 results: what is stored is what was sent, once."""
    root, ledger = crowd.root, crowd.ledger
    settle(crowd)
    ok(not crowd.bad, "flushed, rolled up and sealed in the end")
    tell(crowd)
    r = run(["ntdb-inspect", "-r", root, "verify"])
    same((r.status, r.err), (0, b""), "verify finds nothing")
    same(temporary(root), [], "no temporary file is left")

    bad = []
    for db in ("own", "late", "direct", "shared"):
        rows = [(m, int(t), v) for m, t, _, v in samples(root, db) or []]
        found, wrong = ledger.sort(rows)
        bad += wrong
        for s in ledger.of(db + "/"):
            want = set(range(s.sent)) - s.maybe
            got = found.get(s, [])
            if len(set(got)) != len(got) or not want <= set(got) or \
                    not set(got) <= want | s.maybe:
                bad.append("%s of %d: %d of %d" % (s.metric, s.who, len(got),
                                                   s.sent))
    ok(not bad, "every acknowledged sample is there once, and nothing else")
    for text in bad[:8]:
        diag(text)

    want = rollups.expected(JOB, rollups.store_of(root, "own"), NOW_NS)
    rollups.right(root, "roll", want, "%d results of rollups" % len(want))
    for db, gone in (("gone", []), ("kept", archived(root, temp))):
        there, bad = ledger.sort(
            [(m, int(t), v) for m, t, _, v in samples(root, db) or []])
        apart, more = ledger.sort(sorted(gone))
        for s, (stays, expires) in fate(ledger.of(db + "/")).items():
            if sorted(there.get(s, [])) != stays or (
                    db == "kept" and sorted(apart.get(s, [])) != expires):
                bad.append("%s: %d of %d stay, %d of %d archived" % (
                    s.metric, len(there.get(s, [])), len(stays),
                    len(apart.get(s, [])), len(expires)))
        ok(not bad + more, db + ": what expired, and nothing else")
        for text in (bad + more)[:8]:
            diag(text)


def crowded(name, rng, seconds, **kw):
    """9 results, or 10 if a lock is held."""
    temp = tempdir()
    crowd = Crowd(temp + "/root", rng, seconds, **kw)
    crowd.go()
    diag("%s: %d samples; %s" % (name, sum(
        s.sent for s in crowd.ledger.of("")), ", ".join(
            "%d %s" % (n, x) for x, n in sorted(crowd.count.items()))))
    diag("%d hit, %d refused, %d reads beside a lock that was held, "
         "slowest %.1f s" % (crowd.n_hit, crowd.n_refused,
                             crowd.read_while_held, crowd.slowest))
    ok(not crowd.bad, "%s: none is refused, waits longer than it may, or "
       "reads what is wrong" % name)
    tell(crowd)
    ok(min(s.acked for s in crowd.ledger.of("")) > 0,
       "all writers came to write")
    if crowd.hold:
        ok(crowd.n_refused and crowd.read_while_held,
           "others ended with 75 meanwhile, and readers read")
    crowd.holds, crowd.wait, crowd.bad = [], WAIT, []
    check_end(crowd, temp + "/archives")
