"""Export over HTTP: see t/6330-export.t."""

import os

from httpd import *

rng = seed()
root = tempdir() + "/root"
without_own_metrics(root)
NOW = ["--now", "2026-02-10T00:00:00Z"]
T = 1770000000 * 10**9
lines = []
for m in ("a/x", "a/y", "a/y2", "b/x", 'b/u{l="v"}'):
    t = T
    for i in range(3000):
        t += rng.randrange(1, 400 * 10**9)
        lines.append((t, "%s %s %d\n" % (
            m, "%d" % rng.randrange(10**12) if m[0] == "a" else
            repr(rng.random()), t)))
lines.sort()
lines = [x for t, x in lines if t < T + 7 * 86400 * 10**9]
same(ingest(root, "".join(lines[:len(lines) // 2]), *NOW).status, 0,
     "samples")
flush(root, "--force", *NOW)
same(ingest(root, "".join(lines[len(lines) // 2:]), *NOW).status, 0, "more")


def export(**parameters):
    return ask(root, "GET", url("/api/v1/export", **parameters), args=NOW)


def cli(*args):
    return query(root, "--format", "lp", *args).out


for match in ("a", "a/x", "a/y*", "b/u{l=\"v\"}", "*", "*/x", "a/*"):
    r = export(match=match)
    same((r.status, r.headers.get("content-type")),
         (200, "text/plain; charset=utf-8"), match)
    ok(r.body and r.body == cli(match), "as ntdb-query writes it")
r = ask(root, "GET", "/api/v1/export?match=a/x&match=b/x&match=a/x", args=NOW)
ok(r.body and r.body == cli("a/x", "b/x"), "several, each metric once")
r = ask(root, "GET", "/api/v1/export?match=a/x&match=none&match=a/none",
        args=NOW)
ok(r.body and r.body == cli("a/x"), "beside what is not there")
r = export(match="a", start="1770100000.5", end="2026-02-05T00:00:00Z")
ok(r.body and r.body == cli("-s", "2026-02-03T06:26:40.5Z", "-e",
                            "2026-02-05T00:00:00Z", "a"), "in a range")
same((export(match="none").status, export(match="none").body), (200, b""),
     "an unknown database")
same(export(match="a/none").body, b"", "an unknown metric")
same(export(match="a", start=0, end=1).body, b"", "an empty range")
for match, why in (("../a", "neither DB nor DB/METRIC"),
                   ("/etc", "neither DB nor DB/METRIC"),
                   (".", "neither DB nor DB/METRIC"),
                   ("", "it is empty")):
    same(export(match=match).error(), (400, "bad_data",
         'invalid parameter "match": ' + why), "match=" + match)
same(export(match="a", start="x").status, 400, "no time")
same(ask(root, "POST", "/api/v1/export", "", args=NOW).status, 405,
     "only GET")

# There and back.
again = tempdir() + "/again"
without_own_metrics(again)
r = ask(again, "POST", "/api/v1/import", export(match="*").body, args=NOW)
same((r.status, r.body), (204, b""), "imported again")
same(query(again, "--format", "lp", "*").out, cli("*"), "it is the same")

# Damage: what can be read is there, and the answer does not end well.
flush(root, "--seal", *NOW)
whole = export(match="a").body
files = sorted(x for x in os.listdir(root + "/a") if x.startswith("data-"))
path = root + "/a/" + files[0]
with open(path, "r+b") as f:
    f.seek(os.path.getsize(path) // 3)
    byte = f.read(1)[0]
    f.seek(-1, os.SEEK_CUR)
    f.write(bytes([byte ^ 1]))
s = Listening(root, *NOW)
try:
    r = s.ask("GET", "/api/v1/export?match=a")
    ok(r.status == 500, "damage is a failure")
except (http.client.IncompleteRead, ConnectionError):
    ok(True, "damage is a failure")
s.stop()
done()
