"""Queries over HTTP: see t/6300-query-api.t."""

import os

from httpd import *

root = tempdir() + "/root"
without_own_metrics(root)
NOW = ["--now", "2026-02-02T03:00:00Z"]		# 1770001200
T = 1770000000
Q, R = "/api/v1/query", "/api/v1/query_range"
LINES = """\
s/temp 21.5 1770000000000000000
s/temp 21.75 1770000010250000000
s/temp 22 1770000020999999999
s/temp -0.5 1770000600000000000
s/count 9007199254740993 1770000000000000000
s/count 9007199254740994 1770000030000000000
s/odd NaN 1770000000000000000
s/odd +Inf 1770000001000000000
s/odd -Inf 1770000002000000000
s/odd 0.000001 1770000003000000000
s/odd 0.0000001 1770000004000000000
s/odd 123456789012345678901.0 1770000005000000000
s/odd 1e21 1770000006000000000
s/odd 0.1 1770000007000000000
s/odd -0.0 1770000008000000000
s/up{host="a\\"b",job="j"} 1 1770000000000000000
t/temp 5 1770000000000000000
s/early 7 2000-01-01T00:00:00Z
s/q"u\\o 3 1770000000000000000
"""
same(ingest(root, LINES, *NOW).status, 0, "samples")


def get(path, **parameters):
    return ask(root, "GET", url(path, **parameters), args=NOW)


def answers(path, want, name, **parameters):
    """200, and just these bytes."""
    r = get(path, **parameters)
    same((r.status, r.headers.get("content-type"), r.body.decode()),
         (200, "application/json", want + "\n"), name)


def vector(want, name, **parameters):
    answers(Q, '{"status":"success","data":{"resultType":"vector",'
            '"result":[' + want + ']}}', name, **parameters)


def matrix(want, name, **parameters):
    answers(R, '{"status":"success","data":{"resultType":"matrix",'
            '"result":[' + want + ']}}', name, **parameters)


def refused(path, want, name, status=400, kind="bad_data", **parameters):
    same(get(path, **parameters).error(), (status, kind, want), name)


TEMP = '{"metric":{"__name__":"temp","db":"s"},'
COUNT = '{"metric":{"__name__":"count","db":"s"},'

# ---- instant queries

vector(TEMP + '"value":[1770000600,"-0.5"]}',
       "the newest sample at its own time", query="s/temp")
vector(TEMP + '"value":[1770000600,"-0.5"]}', "with db", db="s", query="temp")
vector('{"metric":{"__name__":"early","db":"s"},"value":[946684800,"7"]}',
       "however old it is", query="s/early")
vector("", "with a time the lookback counts", query="s/early",
       time="1770000600")
vector(TEMP + '"value":[1770000012,"21.75"]}', "the newest one before a time",
       query="s/temp", time="1770000012")
vector(TEMP + '"value":[1770000010.250,"21.75"]}', "at its very time",
       query="s/temp", time="1770000010.25")
vector(TEMP + '"value":[1770000010.249,"21.5"]}',
       "a nanosecond earlier; three decimals, rounded down", query="s/temp",
       time="1770000010.249999999")
vector(TEMP + '"value":[1770000020.999,"22"]}',
       "a sample's own time is rounded down, too", query="s/temp",
       time="1770000020.999999999")
vector(TEMP + '"value":[1770000320,"22"]}',
       "299 s and a bit later it is still there", query="s/temp",
       time="1770000320")
vector("", "and 5 minutes later it is not", query="s/temp",
       time="1770000320.999999999")
vector(TEMP + '"value":[1770000320.999,"22"]}', "unless one looks further",
       query="s/temp", time="1770000320.999999999", lookback_delta="301")
vector("", "or less far", query="s/temp", time="1770000022",
       lookback_delta="1s")
vector(TEMP + '"value":[1770000022,"22"]}', "a lookback of 1.5 s",
       query="s/temp", time="1770000022", lookback_delta="1.5")
vector("", "nothing before the first", query="s/temp", time="1769999999")
vector(TEMP + '"value":[1770000012,"21.75"]}', "a time as RFC 3339",
       query="s/temp", time="2026-02-02T02:40:12Z")
vector(TEMP + '"value":[1770000012.500,"21.75"]}', "in another zone",
       query="s/temp", time="2026-02-02T03:40:12.5+01:00")
vector(TEMP + '"value":[1770000012,"21.75"]}', "with an exponent",
       query="s/temp", time="1.770000012e9")
vector("", "far in the past", query="s/temp", time="-1e30")
vector(COUNT + '"value":[1770000030,"9007199254740994"]}',
       "an integer beyond 2^53 is exact", query="s/count")
vector("", "an unknown metric", query="s/none")
vector("", "an unknown database", query="none/none")
vector("", "names are no patterns", query="s/*")
vector('{"metric":{"__name__":"q\\"u\\\\o","db":"s"},'
       '"value":[1770000000,"3"]}', "quotes in a name", query='s/q"u\\o')
vector('{"metric":{"__name__":"up","db":"s","host":"a\\"b","job":"j"},'
       '"value":[1770000000,"1"]}', "labels in a name",
       query='s/up{host="a\\"b",job="j"}')
vector(TEMP + '"value":[1770000010,"21.5"]},'
       '{"metric":{"__name__":"temp","db":"t"},"value":[1770000010,"5"]}',
       "a selector finds it in all databases", query="temp",
       time=T + 10)
vector("", "a selector without a time means now", query="{__name__='count'}")
vector('{"metric":{"__name__":"temp","db":"s"},"value":[1770000700,"-0.5"]}',
       "now can be set", query="temp", time="1770000700")

ODD = ["NaN", "+Inf", "-Inf", "0.000001", "1e-07", "123456789012345680000",
       "1e+21", "0.1", "-0"]
for i, text in enumerate(ODD):
    vector('{"metric":{"__name__":"odd","db":"s"},"value":[%d,"%s"]}'
           % (T + i, text), "the value " + text, query="s/odd", time=T + i)

# ---- ranges

matrix(TEMP + '"values":[[1770000000,"21.5"],[1770000010.250,"21.75"],'
       '[1770000020.999,"22"],[1770000600,"-0.5"]]}', "all samples",
       query="s/temp", start=T)
matrix(TEMP + '"values":[[1770000010.250,"21.75"]]}',
       "both ends are included", query="s/temp", start="1770000010.25",
       end="1770000010.25")
matrix("", "no samples, no series", query="s/temp", start=T + 11, end=T + 12)
matrix("", "no metric, no series", query="s/none", start=T)
matrix(TEMP + '"values":[[1770000000,"21.5"],[1770000010,"21.5"],'
       '[1770000020,"21.75"],[1770000030,"22"]]}', "steps", query="s/temp",
       start=T, end=T + 39, step=10)
matrix(TEMP + '"values":[[1770000000.500,"21.5"],[1770000015.500,"21.75"]]}',
       "steps begin at the start and end before the end", query="s/temp",
       start=T + .5, end=T + 30, step="15s")
matrix(TEMP + '"values":[[1770000220,"22"],[1770000320,"22"],'
       '[1770000620,"-0.5"]]}',
       "where the lookback finds nothing there is no value", query="s/temp",
       start=T + 220, end=T + 620, step="1m40s")
matrix(TEMP + '"values":[[1770000000,"21.5"],[1770000600,"-0.5"]]}',
       "a lookback of one second", query="s/temp", start=T, end=T + 1200,
       step="5m", lookback_delta="1s")
matrix(TEMP + '"values":[[1770000000,"21.5"]]},'
       '{"metric":{"__name__":"temp","db":"t"},"values":[[1770000000,"5"]]}',
       "a selector; one step", query="temp", start=T, end=T, step=1)
matrix('{"metric":{"__name__":"temp","aggregate":"min","db":"s",'
       '"window":"1m"},"values":[[1770000060,"21.5"],[1770000620,"-0.5"]]},'
       '{"metric":{"__name__":"temp","aggregate":"count","db":"s",'
       '"window":"1m"},"values":[[1770000060,"3"],[1770000620,"1"]]}',
       "aggregates: one result each, at the end of each window, clipped",
       query="s/temp", start=T, end=T + 620, window="1m",
       aggregate="min,count")
matrix('{"metric":{"__name__":"temp","aggregate":"sum","db":"s",'
       '"window":"60"},"values":[[1770000060,"65.25"]]},'
       '{"metric":{"__name__":"temp","aggregate":"sum","db":"t",'
       '"window":"60"},"values":[[1770000060,"5"]]}',
       "of a selector, with a window in seconds", query="temp", start=T,
       end=T + 60, window=60, aggregate="sum")
matrix('{"metric":{"__name__":"count","aggregate":"sum","db":"s",'
       '"window":"1h"},"values":[[1770001200,"18014398509481987"]]}',
       "a sum of integers is exact, and end is now", query="s/count",
       start=T - 3600, window="1h", aggregate="sum")

# ---- POST and prefix

r = ask(root, "POST", Q + "?query=s/none&time=1", "query=s%2Ftemp&time="
        "1770000012", {"Content-Type": "application/x-www-form-urlencoded"},
        NOW)
same(r.body.decode(), '{"status":"success","data":{"resultType":"vector",'
     '"result":[' + TEMP + '"value":[1770000012,"21.75"]}]}}\n',
     "a form wins over the URL")
r = ask(root, "POST", Q + "?query=s/temp&time=1770000012", "",
        {"Content-Type": "application/x-www-form-urlencoded"}, NOW)
same(len(r.json()["data"]["result"]), 1, "all in the URL of an empty POST")
r = ask(root, "POST", "/prometheus" + R, "query=s%%2Ftemp&start=%d" % T,
        {"Content-Type": "application/x-www-form-urlencoded"}, NOW)
same(len(r.json()["data"]["result"][0]["values"]), 4, "a range by POST")
same(len(get(Q, query="s/temp", nonsense="1").json()["data"]["result"]), 1,
     "unknown parameters are ignored")

# ---- what is refused

INVALID = 'invalid parameter "%s": '
for p, v, path in (("time", "x", Q), ("time", "2026-02-02", Q),
                   ("time", "2026-02-02T03:00:00", Q), ("time", "1,5", Q),
                   ("time", "1h", Q), ("time", "now", Q), ("time", "0x10", Q),
                   ("time", "2026-02-30T00:00:00Z", Q), ("time", "NaN", Q),
                   ("start", "x", R), ("end", "1 2", R), ("time", "1e", Q),
                   ("time", ".", Q), ("time", "1770000012 ", Q)):
    more = {} if p == "start" else {"start": T}
    refused(path, INVALID % p + 'cannot parse "%s" to a valid timestamp' % v,
            "%s=%s" % (p, v), query="s/temp", **{**more, p: v})
for p, v in (("step", "x"), ("step", "1x"), ("window", "1h x"),
             ("lookback_delta", "five"), ("step", "1e400")):
    refused(R, INVALID % p + 'cannot parse "%s" to a valid duration' % v,
            "%s=%s" % (p, v), query="s/temp", start=T, **{p: v})
for p, v in (("step", "0"), ("step", "-1"), ("step", "0s"),
             ("window", "0"), ("lookback_delta", "0")):
    refused(R, INVALID % p + "it must be above zero", "%s=%s" % (p, v),
            query="s/temp", start=T, aggregate="min" * (p == "window"),
            **{p: v})
refused(Q, INVALID % "query" + "it is empty", "no query")
refused(R, INVALID % "start" + "it is empty", "no start", query="s/temp")
refused(R, INVALID % "end" + "it must not be before start",
        "end before start", query="s/temp", start=T, end=T - 1, step=1)
same(get(R, query="s/temp", start=T - 11000, end=T, step=1).status, 200,
     "11,000 steps")
same(get(R, query="s/temp", start=T - 11001, end=T + .9, step=1).status, 400,
     "11,001 steps")
refused(R, INVALID % "step" + "more than 11000 steps for each series",
        "and why not", query="s/temp", start=0, end=T, step=1)
refused(R, INVALID % "step" + "it does not go with aggregate",
        "step with aggregate", query="s/temp", start=T, step=1,
        aggregate="min", window="1m")
refused(R, INVALID % "window" + "it is empty", "aggregate without window",
        query="s/temp", start=T, aggregate="min")
refused(R, INVALID % "aggregate" + "it is empty", "window without aggregate",
        query="s/temp", start=T, window="1m")
refused(R, INVALID % "aggregate" + 'cannot parse "min,mean" to a valid '
        'aggregate', "an unknown aggregate", query="s/temp", start=T,
        aggregate="min,mean", window="1m")
for db in ("../s", "a/b", ".", "", "s" * 65, "-s"):
    refused(Q, INVALID % "db" + "not a valid name of a database",
            "db=%s" % db[:10], db=db, query="temp")
refused(Q, INVALID % "query" + "1:5: parse error: only a selector is "
        "supported here", "an expression", query="temp[5m]")
r = ask(root, "GET", url(R, query="s/temp", start=T),
        args=NOW + ["--max-samples", "3"])
same(r.error(), (422, "execution", "the query reads more than 3 samples"),
     "too many samples")
r = ask(root, "GET", url(R, query="s/temp", start=T),
        args=NOW + ["--max-samples", "4"])
same(r.status, 200, "just as many as allowed")
empty = tempdir() + "/nowhere"
r = ask(empty, "GET", url(Q, query="s/temp"))
same((r.status, r.json()["data"]["result"], os.path.exists(empty)),
     (200, [], False), "without a root there is nothing, and none is made")

# ---- a large answer is streamed; damage is told and costs no more

big = tempdir() + "/big"
without_own_metrics(big)
ingest(big, "".join("b/m%d %d %d\n" % (m, i, (T + i) * 10**9)
                    for i in range(60000) for m in range(3)),
       "--now", "2026-02-03T03:00:00Z")
flush(big, "--seal", "--now", "2026-02-03T03:00:00Z")
ALL = url(R, query='{db="b"}', start=T, end=T + 100000)
r = ask(big, "GET", ALL)
same([(x["metric"]["__name__"], x["values"]) for x in
      r.json()["data"]["result"]],
     [("m%d" % m, [[T + i, "%d" % i] for i in range(60000)])
      for m in range(3)], "180,000 samples")
same(r.headers.get("transfer-encoding"), "chunked", "come in chunks")
data = [x for x in os.listdir(big + "/b") if x.startswith("data-")]
with open(big + "/b/" + data[0], "r+b") as f:
    f.seek(os.path.getsize(big + "/b/" + data[0]) // 2)
    byte = f.read(1)[0]
    f.seek(-1, os.SEEK_CUR)
    f.write(bytes([byte ^ 1]))
r = responses(pipe(big, request("GET", ALL)).out)[0]
j = r.json()
same((r.status, j["status"], j.get("warnings")),
     (200, "success", ["some samples cannot be read: they are damaged"]),
     "damage is a warning beside what can be read")
ok(sum(len(x["values"]) for x in j["data"]["result"]) < 180000,
   "and is never shown as data")
done()
