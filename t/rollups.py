"""What rollup jobs ought to have written, computed the slow, obvious way.

A job is a dictionary: of its keys in the manifest, and `source', the
database.  Samples are series by name as in oracle.Store.
"""

import os

import oracle
from blackbox import clip, diag, ok, run, samples
from oracle import NS, bucket_start, scan_duration


def write_manifest(root, db, text):
    os.makedirs("%s/%s" % (root, db), exist_ok=True)
    with open("%s/%s/manifest.ini" % (root, db), "w") as f:
        f.write(text)


def section(ident, **keys):
    return "[rollup.%s]\n" % ident + "".join(
        "%s = %s\n" % item for item in keys.items())


def rollup(root, *args, **kw):
    return run(["ntdb-rollup", "-r", root, *args], **kw)


def stored(root, db):
    """The samples of a database, none if it is not there."""
    if not os.path.exists("%s/%s" % (root, db)):
        return []
    return samples(root, db) or []


def store_of(root, *targets):
    """What ntdb-query says is stored, as an oracle's store."""
    store = oracle.Store()
    for name, t, kind, text in samples(root, *targets) or []:
        is_int = kind.startswith("int")
        series = store.series.setdefault(name, oracle.Series(name, is_int))
        series.times.append(int(t))
        series.values.append(int(text) if is_int else float(text))
    return store


def result_name(job, metric, aggregate):
    prefix = job.get("destination_metric_prefix")
    if "source_metric" in job:
        base = metric if prefix is None else prefix
    else:
        base = metric if prefix is None else prefix + "." + metric
    if base.endswith("}") and "{" in base:
        at = base.index("{")
        return base[:at] + "." + aggregate + base[at:]
    return base + "." + aggregate


def reads(job, metric):
    if "source_metric" in job:
        found = metric == job["source_metric"]
    else:
        found = oracle.glob_match(job["source_pattern"], metric)
    out = job.get("exclude_patterns", "").replace(",", " ").split()
    return found and not any(oracle.glob_match(g, metric) for g in out)


def buckets(series, interval, grace, now):
    """(start, i, j) of those that hold samples and are due."""
    i, n = 0, len(series.times)
    while i < n:
        start = bucket_start(series.times[i], interval)
        end = start + interval
        j = i
        while j < n and series.times[j] < end:
            j += 1
        if series.times[-1] >= end or now is not None and end + grace <= now:
            yield start, i, j
        i = j


def expected(job, store, now):
    """{(DB/METRIC, start): (aggregate, is_int, value)} of one job."""
    out = {}
    names = job.get("aggregates", "min max sum avg count").split()
    interval = scan_duration(job.get("interval", "1h"))
    grace = scan_duration(job.get("grace", "5m"))
    for full, series in store.series.items():
        db, _, metric = full.partition("/")
        if db != job["source"] or not reads(job, metric):
            continue
        for start, i, j in buckets(series, interval, grace, now):
            for a in names:
                name = job["destination_db"] + "/" + result_name(
                    job, metric, a)
                out[name, start] = (a, *oracle.aggregate(a, series, i, j))
    return out


def right(root, db, want, name):
    """ok: database db holds these results, each once, and nothing else."""
    bad, seen = [], set()
    for metric, t, kind, text in stored(root, db):
        key = metric, int(t)
        if key in seen:
            bad.append("twice: %s %s" % key)
        seen.add(key)
        if key not in want:
            bad.append("not due or not asked for: %s %s %s" % (*key, text))
            continue
        a, is_int, value = want[key]
        got = int(text) if kind.startswith("int") else float(text)
        if kind.startswith("int") != is_int:
            # A metric of integers becomes one of floats for one float.
            if is_int and any(not v[1] for k, v in want.items()
                              if k[0] == metric):
                is_int, value = False, float(value)
        if kind.startswith("int") != is_int or (
                got != value if is_int else
                not oracle.close(a, value, got)):
            bad.append("%s %s: %s %s, not %r" % (*key, kind, text, value))
    bad += ["missing: %s %s" % k for k in want if k not in seen]
    if not ok(not bad, name):
        for line in bad[:15]:
            diag(clip(line))
        diag("%d in all, of %d" % (len(bad), len(want)))
    return not bad


def files(root, db):
    """Contents of all its files that are not derived."""
    out = {}
    for at, _, names in os.walk("%s/%s" % (root, db)):
        for x in names:
            if not x.endswith(".cache"):
                with open(os.path.join(at, x), "rb") as f:
                    out[x] = f.read()
    return out
