"""Requests that read, and tricks: see t/6160-http-reads.t."""

import hashlib

from httpd import *

temp = tempdir()
T = 1793534400
NOW = ["--now", "2026-11-01T12:00:00Z"]


def snapshot(top):
    """All that is below a directory, and itself."""
    found = {}
    for path, dirs, files in os.walk(top):
        for name in ["."] + files:
            full = os.path.join(path, name)
            st = os.lstat(full)
            digest = ""
            if name != ".":
                with open(full, "rb") as f:
                    digest = hashlib.sha256(f.read()).hexdigest()
            found[full] = (st.st_mode, st.st_ino, st.st_size, st.st_mtime_ns,
                           st.st_ctime_ns, st.st_nlink, digest)
    return found


def is_unchanged(before, top, name):
    after = snapshot(top)
    if not ok(before == after, name):
        for path in sorted(set(before) | set(after)):
            if before.get(path) != after.get(path):
                diag("%s: %s, %s" % (path, before.get(path), after.get(path)))


# Logs, pages, sealed pages, rollups, with caches and without; beside the root
# something to be reached from it.
root = temp + "/top/root"
os.makedirs(root)
os.makedirs(temp + "/top/beside")
with open(temp + "/top/beside/manifest.ini", "w") as f:
    f.write("[rollup.h]\nsource_pattern = *\ninterval = 1h\n")
with open(temp + "/top/secret", "w") as f:
    f.write("secret\n")


def lines(db, hours):
    return "".join("%s/m%d %d.5 %d\n" % (db, i % 3, i, (
        T - hours * 3600 + 60 * i) * 10**9) for i in range(300))


ingest(root, lines("sealed", 60), *NOW)
flush(root, *seal_args(), *NOW)
ingest(root, lines("pages", 8) + lines("sealed", 8), *NOW)
flush(root, *move_args(), *NOW)
ingest(root, lines("log", 5) + lines("pages", 5), *NOW)
r = ingest(root, "log/up{job=\"a b\"} 1\nbare/m 1\n".replace(" b", "\\x20b"),
           *NOW)
r.status == 0 or diag(r)
for name in os.listdir(root + "/bare"):
    if name.endswith(".cache"):
        os.unlink(root + "/bare/" + name)

Q, R, X = "/api/v1/query", "/api/v1/query_range", "/api/v1/export"
READS = ["/health", "/-/ready", "/metrics", "/api/v1/databases",
         "/api/v1/databases?include_internal=true",
         "/api/v1/metrics?db=none", "/api/v1/aggregates", "/api/v1/labels",
         "/api/v1/label/job/values", "/api/v1/series?match%5B%5D=up",
         "/api/v1/metadata", "/api/v1/status/buildinfo", "/api/v1/none",
         "/api/v1/import", "/api/v1/rollup/backfill", "/",
         url(Q, query='{__name__=~".+"}'), url(X, match="*"),
         url(R, query='{db=~".*s"}', start=str(T - 3600), step="60")]
for db in ("sealed", "pages", "log", "bare", "none", "internal"):
    READS += [url(Q, query=db + "/m1"), url(Q, query=db + "/m1", time=str(T)),
              url(Q, query='{db="%s"}' % db),
              url(R, query=db + "/m0", start=str(T - 300000)),
              url(R, query=db + "/m0", start=str(T - 300000), end=str(T),
                  step="1h"),
              url(R, query=db + "/m2", start="0", aggregate="min,avg,median",
                  window="1h"),
              url(X, match=db), url(X, match=db + "/m*"),
              "/api/v1/metrics?details=true&db=" + db,
              url("/api/v1/series", **{"match[]": '{db="%s"}' % db})]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

before = snapshot(temp + "/top")
got = []
for target in READS:
    for method in ("GET", "HEAD"):
        r = ask(root, method, target, args=NOW)
        got.append(r.status)
    if target.startswith((Q, R)):
        path, _, query_string = target.partition("?")
        got.append(ask(root, "POST", path, query_string, FORM, NOW).status)
is_unchanged(before, temp + "/top", "%d requests change nothing" % len(got))
same(set(got), {200, 404, 405}, "all are answered")
server = Listening(root, *NOW)
got = {server.ask("GET", target).status for target in READS * 2}
server.stop()
is_unchanged(before, temp + "/top", "nor do they through --listen")
same(got, {200, 404, 405}, "all are answered")
none = temp + "/none"
got = {ask(none, "GET", target, args=NOW).status for target in READS}
ok(not os.path.exists(none), "no root is made")
same(got, {200, 404, 405}, "without one the answers are empty")

# ---- tricks

NAMES = ["..", ".", "../beside", "../root", "./log", "log/..", "log/../log",
         "/etc", "//", "log/", ".hidden", "-log", "log%00", "log\x00",
         "log\n", "log\\..", "a" * 65, "l g", "\u00e9", "*/..", "..%2fbeside"]
wrong = []
for name in NAMES:
    quoted = urllib.parse.quote(name, safe="")
    for method, target, body in (
            ("POST", "/api/v1/import?db=" + quoted, "m 1\n"),
            ("POST", "/api/v1/import/prometheus?db=" + quoted, "m 1\n"),
            ("GET", "/api/v1/metrics?db=" + quoted, None),
            ("GET", Q + "?query=m0&db=" + quoted, None),
            ("GET", R + "?query=m0&start=0&db=" + quoted, None),
            ("POST", "/api/v1/rollup/backfill",
             json.dumps({"source_db": name}))):
        r = ask(root, method, target, body, args=NOW)
        if r.status != 400:
            wrong.append((method, target, body, r))
ok(not wrong, "%d names of databases that are none get 400" % len(NAMES)) or [
    diag(clip(x, 500)) for x in wrong[:10]]
is_unchanged(before, temp + "/top", "and touch nothing")

wrong = []
TARGETS = ["/../secret", "/..", "/api/../../secret", "/api/v1/..",
           "/%2e%2e/secret", "/%2e%2e%2fsecret", "/..%2fsecret",
           "/api/v1/label/../values", "/api/v1/label/%2e%2e/values",
           "/./health", "/api/v1/.", "/..%5csecret", "/\\secret",
           "/health%00", "/%00/etc/passwd", "/api/v1/export?match=%00"]
for target in TARGETS:
    r = ask(root, "GET", target, args=NOW)
    if r.status != 400:
        wrong.append((target, r))
ok(not wrong, "%d paths with tricks get 400" % len(TARGETS)) or [
    diag(clip(x, 500)) for x in wrong]
wrong = []
for target in [url(X, match=m) for m in (
        "../*", "../secret", "*/../*", "..", "/etc/*", "../beside/*",
        "../../../../../../etc/passwd", "[.][.]/*")]:
    r = ask(root, "GET", target, args=NOW)
    if r.status not in (200, 400) or r.status == 200 and r.body:
        wrong.append((target, r))
ok(not wrong, "nothing else is exported") or [
    diag(clip(x, 500)) for x in wrong]
is_unchanged(before, temp + "/top", "nothing was touched")
wrong = []
for line in ("../x/m 1", "./m 1", "../../x 1", "/etc/passwd 1", "log/../m 1",
             "..\\x/m 1", "%2e%2e/m 1"):
    r = ask(root, "POST", "/api/v1/import", line + "\n", args=NOW)
    # A name of a metric may have `/' and `.' in it; that is no path.
    if (r.status == 204) != line.startswith("log/"):
        wrong.append((line, r))
ok(not wrong, "lines with tricks are refused") or [
    diag(clip(x, 500)) for x in wrong]
same(sorted(os.listdir(temp + "/top")), ["beside", "root", "secret"],
     "nothing appears beside the root")
same(sorted(os.listdir(root)),
     sorted({os.path.relpath(p, root).split("/")[0] for p in before
             if p.startswith(root)} - {"."}), "nor in it")
done()
