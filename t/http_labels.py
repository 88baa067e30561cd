"""Discovery over HTTP: see t/6320-labels.t."""

import os

from httpd import *

root = tempdir() + "/root"
without_own_metrics(root)
NOW = ["--now", "2026-02-02T03:00:00Z"]
T = 1770000000
same(ingest(root, """\
a/up{host="x",job="j"} 1 1770000000000000000
a/up{host="y",job="j"} 1.5 1770000100000000000
a/temp 1 1770000200000000000
b/up{db="own"} 5 1770000300000000000
b/big 5000000000 1770000300000000000
internal/mine 1 1770000000000000000
""", *NOW).status, 0, "samples")
os.mkdir(root + "/empty")
open(root + "/empty/manifest.ini", "w").close()


def get(target, method="GET", body=None):
    r = ask(root, method, "/api/v1/" + target, body,
            {"Content-Type": "application/x-www-form-urlencoded"}
            if body is not None else None, args=NOW)
    return r


def answers(target, want, name):
    r = get(target)
    same((r.status, r.headers.get("content-type"), r.body.decode()),
         (200, "application/json",
          '{"status":"success","data":' + want + "}\n"), name)


def refused(target, want, name):
    same(get(target).error(), (400, "bad_data", want), name)


# ---- the suite's own

answers("databases", '{"resultType":"databases","result":["a","b","empty"]}',
        "databases")
answers("databases?include_internal=true", '{"resultType":"databases",'
        '"result":["a","b","empty","internal"]}', "with the suite's own")
answers("metrics?db=a", '{"resultType":"metrics","result":["temp",'
        '"up{host=\\"x\\",job=\\"j\\"}","up{host=\\"y\\",job=\\"j\\"}"]}',
        "metrics")
answers("metrics?db=b&details=true", '{"resultType":"metrics","result":['
        '{"name":"big","id":2,"type":"int64"},'
        '{"name":"up{db=\\"own\\"}","id":1,"type":"int32"}]}',
        "with id and type")
answers("metrics?db=internal", '{"resultType":"metrics","result":["mine"]}',
        "internal, if it is named")
answers("metrics?db=none", '{"resultType":"metrics","result":[]}',
        "of an unknown database")
answers("metrics?db=empty", '{"resultType":"metrics","result":[]}',
        "of one without metrics")
answers("aggregates", '{"resultType":"aggregates","result":["min","max",'
        '"sum","avg","count","first","last","median","p50","p95","p99",'
        '"stddev","trimmed_avg"]}', "aggregates")
refused("metrics", 'invalid parameter "db": it is empty', "metrics of what?")
refused("metrics?db=../a", 'invalid parameter "db": not a valid name of a '
        'database', "a path")

# ---- those of Prometheus

answers("labels", '["__name__","db","exported_db","host","job"]', "labels")
answers("labels?match[]=up", '["__name__","db","exported_db","host","job"]',
        "of a selector")
answers("labels?match[]=temp&match[]=up{host='x'}",
        '["__name__","db","host","job"]', "of two")
answers("labels?match[]=a/temp", '["__name__","db"]', "of a name")
answers("labels?start=1770000250", '["__name__","db","exported_db"]',
        "since a time")
answers("labels?end=1770000050", '["__name__","db","host","job"]',
        "until a time")
answers("labels?start=1770000001&end=1770000099", "[]", "in between")
answers("labels?limit=2", '["__name__","db"]', "not more than two")
answers("label/__name__/values", '["big","temp","up"]', "values: names")
answers("label/db/values", '["a","b"]', "databases")
answers("label/host/values", '["x","y"]', "a label's")
answers("label/host/values?match[]={job='j',host!='x'}", '["y"]', "chosen")
answers("label/exported_db/values", '["own"]', "what was db")
answers("label/none/values", "[]", "no such label")
answers("label/db/values?match[]={db='internal'}", '["internal"]',
        "internal, if it is named")
answers("label/db/values?match[]={db=~'.%2B'}", '["a","b"]',
        "and not if a pattern fits")
answers("series?match[]=up", '[{"__name__":"up","db":"a","host":"x",'
        '"job":"j"},{"__name__":"up","db":"a","host":"y","job":"j"},'
        '{"__name__":"up","db":"b","exported_db":"own"}]', "series")
answers("series?match[]=up&match[]=up{host='x'}&limit=1", '[{"__name__":"up",'
        '"db":"a","host":"x","job":"j"}]', "each once, and one only")
answers("series?match[]=up&start=1770000050&end=1770000100",
        '[{"__name__":"up","db":"a","host":"y","job":"j"}]', "in a time")
answers("series?match[]=none", "[]", "none")
answers("metadata", '{"big":[{"type":"unknown","help":"","unit":""}],'
        '"temp":[{"type":"unknown","help":"","unit":""}],'
        '"up":[{"type":"unknown","help":"","unit":""}]}', "metadata")
answers("metadata?metric=up", '{"up":[{"type":"unknown","help":"",'
        '"unit":""}]}', "of one metric")
answers("metadata?metric=none", "{}", "of none")
answers("status/buildinfo", '{"version":"%s","revision":"","branch":"",'
        '"buildUser":"","buildDate":"","goVersion":""}'
        % run(["ntdb-query", "--version"]).out.decode().split()[-1],
        "buildinfo")
r = get("series?match[]=none", "POST", "match%5B%5D=temp")
same(r.body.decode(), '{"status":"success","data":[{"__name__":"temp",'
     '"db":"a"}]}\n', "a form wins over the URL")
same(get("labels", "POST", "").status, 200, "an empty form")
refused("series", 'invalid parameter "match[]": it is empty',
        "series of what?")
refused("labels?match[]={", 'invalid parameter "match[]": 1:2: parse error: '
        "a label's name is expected", "no selector")
refused("labels?match[]={}", 'invalid parameter "match[]": 1:3: parse error: '
        "a selector must contain at least one matcher that does not match "
        "the empty string", "an empty one")
refused("labels?start=x", 'invalid parameter "start": cannot parse "x" to a '
        'valid timestamp', "no time")
refused("labels?limit=-1", 'invalid parameter "limit": cannot parse "-1" to '
        'a valid number', "no number")

# ---- many names

many = tempdir() + "/many"
without_own_metrics(many)
ingest(many, "".join('m/n%d{l="%d"} 1 1770000000000000000\n' % (i % 50, i)
                     for i in range(20000)), *NOW)
r = ask(many, "GET", "/api/v1/label/l/values", args=NOW)
same(r.json()["data"], sorted(str(i) for i in range(20000)),
     "20,000 values, sorted")
r = ask(many, "GET", "/api/v1/series?match[]={db='m'}", args=NOW)
same(sorted(int(x["l"]) for x in r.json()["data"]), list(range(20000)),
     "20,000 series")
nowhere = tempdir() + "/nowhere"
for target, want in (("databases", {"resultType": "databases", "result": []}),
                     ("labels", []), ("label/db/values", []),
                     ("series?match[]=x", []), ("metadata", {})):
    r = ask(nowhere, "GET", "/api/v1/" + target)
    same((r.status, r.json()["data"]), (200, want),
         target + " without a root")
ok(not os.path.exists(nowhere), "which is not made")
done()
