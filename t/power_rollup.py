"""Power cuts while rollups run."""

from oracle import Store, scan_civil
from power_cases import *
from rollups import expected, samples, section, stored as results

NOW = ["--now", "2027-02-01"]
JOBS = [dict(source_pattern="*", interval="10m", destination_db="m",
             aggregates="count max", source="k"),
        dict(source_pattern="*.max", interval="1d", destination_db="h",
             aggregates="min count", source="m")]


def manifest(job):
    return "[metrics]\nlate = accept\n" + QUIET + section("j", **{
        k: v for k, v in job.items() if k != "source"})


def wanted(lines):
    """{database: {(metric, start): text}} of all results."""
    out, store = {}, Store()
    store.load([x.encode() for x in sorted(lines, key=when)], late=True)
    for job in JOBS:
        want = expected(job, store, scan_civil(NOW[1]))
        out[job["destination_db"]] = {k: str(v[2]) for k, v in want.items()}
        store = Store()
        store.load([("%s %si %d" % (k[0], v, k[1])).encode() for k, v in sorted(
            out[job["destination_db"]].items(), key=lambda x: x[0][1])],
            late=True)
    return out


def rollup_case(make, policy, profile, lossy=False):
    """One run, samples that are new, or late, a second that replaces.

    lossy: these are not synced, and in their place come others.
    """
    sync = [] if lossy else ["--sync"]
    t = make.data.take
    base = [t("i", d, 40) + t("i2", d, 40) for d in (0, 1, 2)]
    # To replace results is to flush first, which is not safe without syncs.
    late = t("i2", 3, 20) + (t("i", 0, 10) if profile != "throughput" else [])
    other = t("i", 0, 3)
    before, after = wanted(sum(base, [])), wanted(sum(base, late))
    policies = dict(policy=policy, profile=profile)

    def prepare(top):
        lines = prepared(top, manifest(JOBS[0]), *base, MOVE, **policies)
        os.mkdir(top + "/root/m")
        write(top + "/root/m/manifest.ini", manifest(JOBS[1]))
        return Plan(lines)

    def steps(root):
        run_jobs = ["ntdb-rollup", "-r", root, *NOW]
        move = ["ntdb-flush", "-r", root, *MOVE]
        flushed = [Step(move, "exit")] if profile == "strict" else []
        return [Step(run_jobs), *flushed,
                Step(make.ingest_args(root, *sync), "commit" if sync else "",
                     [late]), Step(run_jobs), *([] if lossy else flushed)]

    def complete(state, root):
        """What is there is right; the next runs make it complete."""
        bad = []
        for db in ("m", "h"):
            for name, at, _, text in results(root, db):
                key = name, int(at)
                if text not in (before[db].get(key), after[db].get(key)):
                    bad.append("%s %d is %s, not %s or %s" % (
                        *key, text, before[db].get(key),
                        after[db].get(key)))
        lines = sum(base, late)
        for argv, text in [
                (["ntdb-ingest", "-r", root],
                 "".join(x + "\n" for x in lines)),
                (["ntdb-rollup", "-r", root, *NOW], ""),
                (["ntdb-flush", "-r", root, *SEAL], "")]:
            r = run(argv, text)
            if r.status != 0 or r.err:
                bad.append("%s: %r" % (" ".join(argv), r))
        for db in ("m", "h"):
            got = [((n, int(at)), v) for n, at, _, v in results(root, db)]
            if sorted(got) != sorted(after[db].items()):
                bad.append("%s: missing %s, wrong %s, %d of %d" % (
                    db, some(set(after[db].items()) - set(got)),
                    some(set(got) - set(after[db].items())), len(got),
                    len(after[db])))
        v = run(["ntdb-inspect", "-r", root, "verify"])
        if v.status != 0:
            bad.append("verify in the end: %r" % v)
        return bad

    def with_another(state, root):
        """What was lost does not come again, but something else does."""
        bad = []
        for argv, text in [
                (["ntdb-ingest", "-r", root], "".join(
                    x + "\n" for x in other)),
                (["ntdb-rollup", "-r", root, *NOW], "")]:
            r = run(argv, text)
            if r.status != 0 or r.err:
                bad.append("%s: %r" % (" ".join(argv), r))
        want = wanted(stored(root, "k")[1])
        for db in ("m", "h"):
            got = {(n, int(at)): v for n, at, _, v in results(root, db)}
            # Results stay whose source is gone.
            wrong = {k for k, v in want[db].items() if got.get(k) != v}
            if wrong:
                bad.append("%s: missing or wrong: %s" % (db, some(wrong)))
        return bad

    case = Case("rollups, %s, %s" % (profile, policy), prepare, steps,
                with_another if lossy else complete, ("k",))
    case.share = 1
    case.name += ", an unsynced source" if lossy else ""
    return case
