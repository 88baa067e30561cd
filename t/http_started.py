"""All the ways of being started, with one script: see t/6100-started.t."""

import gzip
import hashlib

from http_ways import *

NOW = ["--now", "2026-11-01T12:00:00Z"]
T = 1793534400          # the same
LP, PROM = "/api/v1/import", "/api/v1/import/prometheus"
Q, R, FORM = "/api/v1/query", "/api/v1/query_range", {
    "Content-Type": "application/x-www-form-urlencoded"}

sensors = "".join("home/room%d.temp %d.%d %d\n" % (
    r, 18 + r, i % 10, (T - 3600 + 10 * i) * 10**9)
    for i in range(360) for r in range(3))
page = """\
# TYPE http_requests_total counter
http_requests_total{code="200",path="/a b"} 1027
http_requests_total{code="404",path="/"} 3
up 1
"""
long = "x" * 5000

# What is asked, and the status that is right.
SCRIPT = [
    ("GET", "/health", None, {}, 200),
    ("GET", "/-/healthy", None, {}, 200),
    ("GET", "/-/ready", None, {}, 200),
    ("HEAD", "/health", None, {}, 200),
    ("GET", "/prometheus/-/ready", None, {}, 200),
    ("GET", "/api/v1/databases", None, {}, 200),
    ("POST", LP, sensors, {}, 204),
    ("POST", LP, sensors, {}, 204),
    ("POST", LP, "home/count 1i %d\n" % (T * 10**9), {}, 204),
    ("POST", url(LP, db="other", precision="s"), "x 1.5 %d\n" % (T - 60), {},
     204),
    ("POST", LP, gzip.compress(b"home/zip 7 %d\n" % (T * 10**9), mtime=0),
     {"Content-Encoding": "gzip"}, 204),
    ("POST", LP, "home/count 2.5\nhome/count\nhome/good 1\n", {}, 400),
    ("POST", LP, "a/b 1\n", {"Content-Encoding": "br"}, 415),
    ("POST", LP, b"a/b 1\n", {"Content-Encoding": "gzip"}, 400),
    ("POST", url(LP, db="../x"), "y 1\n", {}, 400),
    ("POST", LP, "", {}, 204),
    ("POST", PROM, page, {}, 204),
    ("POST", url(PROM, db="p", extra_label="job=a"), page, {}, 204),
    ("POST", PROM, "no value\n", {}, 400),
    ("GET", LP, None, {}, 405),
    ("GET", url(Q, query="home/room1.temp"), None, {}, 200),
    ("HEAD", url(Q, query="home/room1.temp"), None, {}, 200),
    ("GET", url(Q, query="home/room1.temp", time=str(T - 600)), None, {}, 200),
    ("GET", url(Q, query="room2.temp", db="home"), None, {}, 200),
    ("GET", url(Q, query="home/none"), None, {}, 200),
    ("GET", url(Q, query="none/none"), None, {}, 200),
    ("GET", Q, None, {}, 400),
    ("GET", url(Q, query="home/room1.temp", time="x"), None, {}, 400),
    ("GET", url(Q, query="{"), None, {}, 400),
    ("GET", url(Q, query='{db="home"}'), None, {}, 200),
    ("GET", url(Q, query='{__name__=~"room.*",db="home"}'), None, {}, 200),
    ("GET", url(Q, query='http_requests_total{path="/a b"}'), None, {}, 200),
    ("POST", Q, "query=home%2Froom1.temp", FORM, 200),
    ("POST", url(Q, query="home/none"), "query=home%2Froom1.temp", FORM, 200),
    ("POST", url(Q, query="home/room1.temp"), "", FORM, 200),
    ("POST", Q, "query=%00", FORM, 400),
    ("GET", url(R, query="home/room1.temp", start=str(T - 600),
                end=str(T), step="60"), None, {}, 200),
    ("GET", url(R, query="home/room1.temp", start=str(T - 3600),
                end=str(T)), None, {}, 200),
    ("GET", url(R, query="home/room0.temp", start=str(T - 3600),
                end=str(T), aggregate="min,avg", window="10m"), None, {}, 200),
    ("POST", R, "query=home/room2.temp&start=%d&end=%d&step=1m" % (
        T - 3600, T), FORM, 200),
    ("GET", url(R, query="home/room1.temp", start=str(T), end=str(T - 1),
                step="60"), None, {}, 400),
    ("GET", url(R, query="home/room1.temp", start="0", end=str(T),
                step="1"), None, {}, 400),
    ("GET", url(R, query='{db="home"}', start=str(T - 3600), end=str(T),
                step="10s"), None, {}, 200),
    ("GET", url(R, query='{db="home"}', start=str(T - 3600), end=str(T),
                step="10s"), None, {"Accept-Encoding": "gzip"}, 200),
    ("GET", url("/api/v1/export", match="home"), None, {}, 200),
    ("GET", url("/api/v1/export", match="home/room1*"), None,
     {"Accept-Encoding": "gzip"}, 200),
    ("GET", url("/api/v1/export", match="none"), None, {}, 200),
    ("GET", "/api/v1/databases", None, {}, 200),
    ("GET", "/api/v1/metrics?db=home", None, {}, 200),
    ("GET", "/api/v1/metrics?db=home&details=true", None, {}, 200),
    ("GET", "/api/v1/metrics?db=..", None, {}, 400),
    ("GET", "/api/v1/aggregates", None, {}, 200),
    ("GET", "/api/v1/labels", None, {}, 200),
    ("GET", "/api/v1/label/__name__/values", None, {}, 200),
    ("GET", "/api/v1/label/path/values", None, {}, 200),
    ("GET", url("/api/v1/series", **{"match[]": "up"}), None, {}, 200),
    ("GET", "/api/v1/metadata", None, {}, 200),
    ("GET", "/api/v1/status/buildinfo", None, {}, 200),
    ("POST", "/api/v1/rollup/backfill", "{}", {}, 200),
    ("GET", "/api/v1/none?x=%s" % long, None, {}, 404),
    ("GET", "/api/v1/no%20ne", None, {}, 404),
    ("DELETE", Q, None, {}, 405),
]


def body_of(r):
    if r.headers.get("content-encoding") == "gzip":
        return gzip.decompress(r.body)
    return r.body


def answers(way):
    """(status, type, body) of all that the way can be asked."""
    found = []
    for method, target, body, headers, _ in SCRIPT:
        if method not in way.methods:
            found.append(None)
            continue
        try:
            r = way.ask(method, target, body, headers)
            found.append((r.status, r.headers.get("content-type"),
                          body_of(r)))
        except (OSError, http.client.HTTPException) as e:
            way.close()
            found.append((repr(e), None, b""))
    return found


temp = tempdir()
want = None
for cls in ALL:
    name = cls.__name__
    missing = cls.missing()
    if missing:
        skip(name, "no " + ", ".join(missing))
        skip(name + ": what it has stored", "no " + ", ".join(missing))
        continue
    root = "%s/root-%s" % (temp, name)
    without_own_metrics(root)
    way = cls(root, NOW)
    got = answers(way)
    way.stop()
    if want is None:
        want = got
        wrong = [(SCRIPT[i][:2], g[0], g[2][:200]) for i, g in enumerate(got)
                 if g[0] != SCRIPT[i][4]]
        same(wrong, [], "%s: all %d answers have the right status" % (
            name, len(got)))
        stored = samples(root)
        ok(stored and len(stored) > 1080, "%s: what it has stored" % name)
        continue
    n = sum(g is not None for g in got)
    wrong = [(SCRIPT[i][:2], g, w) for i, (g, w) in enumerate(zip(got, want))
             if g is not None and g != w]
    ok(not wrong, "%s: the same answers to %d requests" % (name, n)) or [
        diag(clip(x, 700)) for x in wrong[:5]]
    ok(samples(root) == stored, "%s: the same is stored" % name)
done()
