"""Writing over HTTP: see t/6500-http-import.t."""

import fcntl
import os
import re
import shutil

from httpd import *

temp = tempdir()
roots = 0
NOW = ["--now", "2027-01-01T00:00:00Z"]
NOW_NS = 1798761600 * 10**9
LP, PROM = "/api/v1/import", "/api/v1/import/prometheus"


def fresh(engine=""):
    """A new root, with an engine.ini if that has any text."""
    global roots
    roots += 1
    root = "%s/root%d" % (temp, roots)
    if engine:
        os.makedirs(root)
        with open(root + "/engine.ini", "w") as f:
            f.write(engine)
    return root


def stored(root):
    """All samples as (metric, time, type, value), but the suite's own."""
    return [tuple(x) for x in samples(root) or []]


def post(root, target, body, headers=None, args=NOW):
    return ask(root, "POST", target, body, headers, args)


def answer(r):
    """Status and body, which must be empty for 204."""
    return (r.status, r.body)


# ---- line protocol

root = fresh()
same(answer(post(root, LP, "a/x 1 1700000000000000000\na/y 2.5\n")),
     (204, b""), "lines are stored")
same(stored(root), [("a/x", "1700000000000000000", "int32", "1"),
                    ("a/y", str(NOW_NS), "float32", "2.5")], "just those")
same(answer(post(root, LP, "a/x 1 1700000000000000000")), (204, b""),
     "once more, without its line end: a duplicate")
same(len(stored(root)), 2, "nothing new")
same(answer(post(root, url(LP, db="b", precision="s"),
                 "z 7 1700000001\nc/z 8 1700000001\n")), (204, b""),
     "db and precision")
same([x for x in stored(root) if x[0][0] in "bc"],
     [("b/z", "1700000001000000000", "int32", "7"),
      ("c/z", "1700000001000000000", "int32", "8")], "are what -d and -p are")
r = post(root, LP, "a/x 2 1700000000000000001\n\n# no\na/x 1 1600000000000000000\n"
         "nonsense\na/x 3 1700000000000000002\n")
same(r.error(), (400, "bad_data", "2 of 6 lines refused; first: line 4: late "
                 "sample: 2020-09-13T12:26:40.000000000Z is before "
                 "2023-11-14T22:13:20.000000001Z (was the clock ahead? see "
                 "late = accept)"), "what is refused is told")
same(len([x for x in stored(root) if x[0] == "a/x"]), 3,
     "and what is good is stored")
same(answer(post(root, LP, "")), (204, b""), "an empty body")
same(answer(post(root, LP, None)), (204, b""), "no body")
for name, value, text in (
        ("db", "../x", "invalid parameter \"db\": not a name of a database"),
        ("db", "a/b", "invalid parameter \"db\": not a name of a database"),
        ("db", ".x", "invalid parameter \"db\": not a name of a database"),
        ("precision", "m", "invalid parameter \"precision\": not s, ms, us "
         "or ns")):
    root = fresh()
    same(post(root, url(LP, **{name: value}), "x 1\n").error(),
         (400, "bad_data", text), "%s=%s" % (name, value))
    ok(not os.path.exists(root), "nothing was made")
root = fresh()
same(post(root, LP, "a/x\n").status, 400, "nothing but a bad line")
ok(not os.path.exists(root), "makes nothing either")
same(post(root, LP, "internal/ntdb/a/lines 1\n").status, 400,
     "the suite's own metrics are its own")

# Longer than any buffer, with a line that is too long on its way.
root = fresh()
lines = ["big/m%d %d %d\n" % (i % 50, i, 1700000000 * 10**9 + i)
         for i in range(40000)]
body = "".join(lines[:20000]) + "big/x " + "1" * 300000 + "\n" + \
    "".join(lines[20000:])
r = post(root, LP, body)
same(r.error(), (400, "bad_data", "1 of 40001 lines refused; first: line "
                 "20001: line is longer than 64 KiB"), "a large body")
same(sorted("%s %s %s\n" % (m, v, t) for m, t, _, v in stored(root)),
     sorted(lines), "all of it is there")

# ---- Prometheus text

PAGE = """\
# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf -3982045
rpc_duration_seconds{quantile="0.01"} 3102
rpc_duration_seconds_sum 1.7560473e+07
nothing NaN
"""
root = fresh()
same(answer(post(root, PROM, PAGE)), (204, b""), "a page of Prometheus text")
WANT = [
    ("http_requests_total{code=\"200\",method=\"post\"}",
     1395066363 * 10**9, "1027"),
    ("http_requests_total{code=\"400\",method=\"post\"}",
     1395066363 * 10**9, "3"),
    ("metric_without_timestamp_and_labels", NOW_NS, "12.47"),
    ("msdos_file_access_time_seconds{error=\"Cannot\\x20find\\x20file:\\n"
     "\\\"FILE.TXT\\\"\",path=\"C:\\\\DIR\\\\FILE.TXT\"}", NOW_NS,
     "1458255915"),
    ("nothing", NOW_NS, "NaN"),
    ("rpc_duration_seconds_sum", NOW_NS, "17560473"),
    ("rpc_duration_seconds{quantile=\"0.01\"}", NOW_NS, "3102"),
    ("something_weird{problem=\"division\\x20by\\x20zero\"}",
     -3982045 * 10**6, "+Inf"),
]
same([(m, int(t), v) for m, t, _, v in stored(root)],
     [("prometheus/" + m, t, v) for m, t, v in WANT], "is stored")
ok(all(x[2].startswith("float") for x in stored(root)),
   "every value is a float")
same(answer(post(root, PROM, PAGE.replace(" 3102", " 3102.5"))), (204, b""),
     "where an integer was a fraction may come")
r = ask(root, "PUT", url(PROM, db="other"), "up 1\nup{a=1} 2\nup 3 x\n",
        args=NOW)
same(r.error(), (400, "bad_data", "2 of 3 lines refused; first: line 2: a "
                 "label's value is not in quotes"), "PUT, and bad lines")
same([x for x in stored(root) if x[0].startswith("other/")],
     [("other/up", str(NOW_NS), "float32", "1")], "the good one is stored")
r = post(root, PROM, "up 1 1600000000000\n")
same(r.status, 204, "a time of long ago")
r = post(root, PROM, "# x\nup 1 1500000000000\n")
same(r.error()[2], "1 of 2 lines refused; first: line 2: late sample: "
     "2017-07-14T02:40:00.000000000Z is before "
     "2020-09-13T12:26:40.000000000Z (was the clock ahead? see late = "
     "accept)", "what is refused when it is stored has its line, too")
r = post(root, PROM, "up 1 9223372036854775807\n")
same(r.error()[2], "1 of 1 lines refused; first: line 1: the time is out of "
     "range", "a time that is no time")

# One arrival for the whole request, behind what is there.
root = fresh()
post(root, PROM, "a 1\nb 1\na 2\na 3\n")
same([(m, int(t) - NOW_NS, v) for m, t, _, v in stored(root)],
     [("prometheus/a", 0, "1"), ("prometheus/a", 1, "2"),
      ("prometheus/a", 2, "3"), ("prometheus/b", 0, "1")],
     "samples without a time came in together")
root = fresh()
post(root, PROM, "a 1\nb 1\n", args=[])
times = {int(x[1]) for x in stored(root)}
same(len(times), 1, "also by the clock of the system")

root = fresh()
same(answer(post(root, PROM + "?extra_label=job%3Dnode&extra_label=x%3D",
                 "up{x=\"1\",job=\"old\"} 1\n")), (204, b""), "extra_label")
same(stored(root)[0][0], "prometheus/up{job=\"node\"}",
     "takes the place of a label; an empty one takes it away")
for bad in ("job", "=x", ""):
    same(post(root, url(PROM, extra_label=bad), "up 1\n").status, 400,
         "extra_label=" + bad)
same(post(root, PROM, "up 1\n",
          {"Content-Type": "application/openmetrics-text; version=1.0.0"})
     .status, 415, "OpenMetrics has other times, and is refused")

# ---- what is out of order

root = fresh("[wal]\nfsync_policy = segment\n")
post(root, LP, "a/x 1\n")
with open(root + "/a/lock") as f:
    fcntl.flock(f, fcntl.LOCK_EX)
    r = post(root, LP, "a/x 2\n", args=["--wait", "0"])
same((r.status, r.error()[1], "retry-after" in r.headers),
     (503, "unavailable", True), "a lock that is held")
ok(root not in r.body.decode() and "/a/" not in r.body.decode(),
   "the answer has no path")
same(len(stored(root)), 1, "nothing was stored")
if os.getuid() == 0:
    skip("a root that cannot be written", "root can write anything")
else:
    os.chmod(root + "/a", 0o555)
    r = post(root, LP, "a/x 2\n")
    os.chmod(root + "/a", 0o755)
    same((r.status, "retry-after" in r.headers), (503, True),
         "a root that cannot be written")
with open(root + "/a/manifest.ini", "w") as f:
    f.write("[page]\nmax_age = never\n")
r = post(root, LP, "a/x 2\n")
same((r.status, r.error()[1]), (500, "internal"), "a broken manifest.ini")

# ---- who may

root = fresh("[httpd]\nread_only = yes\n")
same(post(root, LP, "a/x 1\n").error(),
     (403, "forbidden", "this server is read-only"), "read_only")
same(post(root, "/api/v1/rollup/backfill", "{}").status, 403,
     "that is for rollups, too")
same(ask(root, "GET", "/metrics").status, 200, "reading is allowed")

root = fresh("[httpd]\nauth_file = tokens\n")
with open(root + "/tokens", "w") as f:
    f.write("# who may\nread r-token\nwrite w-token\n")
os.chmod(root + "/tokens", 0o600)


def status(method, target, token):
    headers = {"Authorization": "Bearer " + token} if token else None
    return ask(root, method, target, "a/x 1\n" if method == "POST" else None,
               headers, NOW).status


same([[status(m, t, token) for m, t in (("GET", "/metrics"), ("POST", LP),
                                        ("GET", "/health"))]
      for token in (None, "x", "r-token", "w-token")],
     [[401, 401, 200], [401, 401, 200], [200, 403, 200], [200, 204, 200]],
     "tokens")
same(status("GET", "/api/v1/none", None), 401,
     "who may not ask does not learn what there is")
r = ask(root, "GET", "/metrics")
same(r.headers.get("www-authenticate"), "Basic realm=\"ntdb\"",
     "401 tells how")
os.chmod(root + "/tokens", 0o644)
r = pipe(root, request("GET", "/metrics"))
ok(r.status == 78 and b"tokens" in r.err or
   b" 500 " in r.out.split(b"\r\n")[0],
   "a file of tokens that others can read is no good") or diag(r)

# ---- endpoints

root = fresh()
for method, target, want in (
        ("GET", "/health", 200), ("HEAD", "/health", 200),
        ("GET", "/-/ready", 200), ("GET", "/-/healthy", 200),
        ("GET", "/prometheus/-/healthy", 200),
        ("GET", "/prometheus/metrics", 200),
        ("GET", LP, 405), ("PUT", LP, 405), ("DELETE", PROM, 405),
        ("POST", "/health", 405), ("GET", "/api/v1/none", 404),
        ("GET", "/none", 404), ("GET", "/api/v1/label//values", 404),
        ("GET", "/api/v1/label/", 404), ("GET", "/prometheusx/health", 404)):
    r = ask(root, method, target)
    same(r.status, want, "%s %s" % (method, target))
    if want == 405:
        same(r.headers.get("allow"), {
            LP: "POST", PROM: "POST, PUT", "/health": "GET, HEAD"}[target],
            "and what is allowed")
same(ask(root, "GET", "/health").body, b"OK\n", "in good health")
same(ask(root, "GET", "/api/v1/none").error(),
     (404, "not_found", "no such endpoint"), "what is not there")
ok(not os.path.exists(root), "none of that made anything")

# ---- /metrics

root = fresh()
post(root, LP, "a/x 1\na/x 2\nb/y 1\nb/y 1 1000000000000000000\nb/y\n")
r = ask(root, "GET", "/metrics", args=NOW)
same(r.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8",
     "/metrics")
text = r.body.decode()
ok(re.search(r'^ntdb_samples_total\{db="a"\} 2$', text, re.M) and
   re.search(r'^ntdb_samples_total\{db="b"\} 1$', text, re.M) and
   re.search(r'^ntdb_refused_total\{db="b",reason="late"\} 1$', text, re.M) and
   re.search(r'^ntdb_metrics\{db="a"\} 1$', text, re.M),
   "counts what was done") or diag(text)
seen, now, wrong = set(), None, []
for line in text.splitlines():
    m = re.fullmatch(r"# (HELP|TYPE) (\w+) .*", line)
    name = m.group(2) if m else re.match(r"\w+", line).group(0)
    if name != now and name in seen:
        wrong.append(name)
    seen.add(name)
    now = name
same(wrong, [], "each metric stands in one place")
same((text.count("# HELP"), text.count("# TYPE")), (len(seen), len(seen)),
     "with one heading each")
if shutil.which("promtool"):
    r = run(["promtool", "check", "metrics", "--extended"], text)
    ok(b"error" not in r.out + r.err, "promtool finds no errors") or diag(r)
else:
    skip("promtool finds no errors", "no promtool")
# It can be stored, too.
same(answer(post(root, PROM, text)), (204, b""), "it is Prometheus text")

# ---- backfill

root = fresh()
os.makedirs(root + "/s")
with open(root + "/s/manifest.ini", "w") as f:
    f.write("[rollup.h]\nsource_pattern = *\ninterval = 1h\n"
            "aggregates = sum\ndestination_db = d\n")
post(root, LP, "".join("s/x %d 2026-12-01 %02d:30\n" % (i, i)
                       for i in range(5)))
FILL = "/api/v1/rollup/backfill"
r = post(root, FILL, '{"source_db":"s"}')
same((r.status, r.json()), (200, {"status": "success", "data": {
    "jobs": 1, "metrics": 1, "written": 5, "replaced": 0}}), "a backfill")
same([(m, v) for m, _, _, v in stored(root) if m.startswith("d/")],
     [("d/x.sum", str(i)) for i in range(5)], "has made the rollups")
for body in ("{}", "", '{"source_dbs":["s"]}'):
    same(post(root, FILL, body).json()["data"]["written"], 0,
         "once more: %s" % body)
for body in ("[]", "{", '{"source_db":1}', '{"source_db":"../x"}',
             '{"source_dbs":[]}', '{"source_dbs":"s"}', '{"x":1}',
             '{"source_db":"none"}', '{"source_db":"s\\u0000"}',
             '{"source_db":"s","source_db":"s"}'):
    same(post(root, FILL, body).error()[:2], (400, "bad_data"),
         "no backfill of " + body)
same(post(root, FILL, " " * (2 << 20)).status, 413, "a large request")
same(ask(root, "GET", FILL).status, 405, "is to be POSTed")
done()
