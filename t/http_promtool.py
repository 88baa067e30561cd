"""ntdb-httpd beside a Prometheus: see t/6400-promtool.t.

Samples are never at whole seconds, and questions always, so that no sample is
just at the edge of the lookback: there Prometheus 2 counts it, and ntdb does
not.
"""

import os
import re
import subprocess
import time

from httpd import *

rng = seed()
temp = tempdir()
T = 1770000000
HOURS = 6
NAMES = ["up", "http_requests_total", "go:temp", "x"]
VALUES = {"job": ["api", "db", "node"], "code": ["200", "404", "500"],
          "path": ["/", "/a b", 'q"q', "ü", "back\\slash"],
          "instance": ["h1:9100", "h2:9100"]}


def some_value():
    return rng.choice([
        lambda: "%d" % rng.randrange(-1000, 10**6),
        lambda: "%.2f" % rng.uniform(-50, 50),
        lambda: repr(rng.uniform(-1, 1)),
        lambda: repr(rng.random() * 10**rng.randrange(-30, 30)),
        lambda: rng.choice(["NaN", "+Inf", "-Inf", "0", "-0.0", "1e-7"])])()


def make_samples():
    """{series: [(ms, text)]}; intervals and gaps of all sizes."""
    made = {}
    while len(made) < 30:
        labels = {k: rng.choice(v) for k, v in VALUES.items()
                  if rng.randrange(3)}
        key = (rng.choice(NAMES), tuple(sorted(labels.items())))
        if key in made:
            continue
        t, end = T * 1000 + rng.randrange(3600000), (T + HOURS * 3600) * 1000
        step, found = rng.choice([5000, 15000, 60000, 290000, 400000]), []
        while t < end:
            if t % 1000:
                found.append((t, some_value()))
            t += rng.randrange(1, 2 * step)
            if rng.randrange(40) == 0:
                t += rng.randrange(1200000)
        made[key] = found
    return made


def quoted(v):
    return '"%s"' % v.replace("\\", "\\\\").replace('"', '\\"')


def exposition(key):
    name, labels = key
    return name + "{%s}" % ",".join(k + "=" + quoted(v) for k, v in labels)


made = make_samples()
series = sorted(made)

# ---- the same into both

with open(temp + "/openmetrics", "w") as f:
    for key in series:
        for t, v in made[key]:
            f.write("%s %s %.3f\n" % (exposition(key), v, t / 1000))
    f.write("# EOF\n")
r = run(["promtool", "tsdb", "create-blocks-from", "openmetrics",
         temp + "/openmetrics", temp + "/tsdb"])
same(r.status, 0, "promtool makes blocks") or diag(r)

root = temp + "/root"
without_own_metrics(root)
NOW = ["--now", "2026-02-03T00:00:00Z"]
ours = Listening(root, *NOW)


def store(first, last):
    page = "".join("%s %s %d\n" % (exposition(key), v, t) for key in series
                   for t, v in made[key] if first <= t < last)
    r = ours.ask("POST", "/api/v1/import/prometheus?db=p", page.encode())
    same((r.status, r.body), (204, b""), "ntdb stores the same")


# Some of it sealed, some in other pages, some in the log.
store(0, (T + 2 * 3600) * 1000)
run(["ntdb-flush", "-r", root, "--seal", *NOW])
store((T + 2 * 3600) * 1000, (T + 4 * 3600) * 1000)
run(["ntdb-flush", "-r", root, "--force", "--no-seal", *NOW])
store((T + 4 * 3600) * 1000, 2**63)


class Prometheus:
    def __init__(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        open(temp + "/prometheus.yml", "w").close()
        self.log = open(temp + "/prometheus.log", "w")
        self.p = subprocess.Popen(
            [program("prometheus"), "--config.file",
             temp + "/prometheus.yml", "--storage.tsdb.path", temp + "/tsdb",
             "--storage.tsdb.retention.time", "100y", "--web.listen-address",
             "127.0.0.1:%d" % self.port], stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.p.poll() is None:
            try:
                if self.ask("GET", "/-/ready").status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        self.stop()
        with open(temp + "/prometheus.log") as f:
            diag(f.read()[-2000:])
        print("Bail out! Prometheus does not start")
        sys.exit(1)

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    ask = Listening.ask

    def stop(self):
        self.p.terminate()
        self.p.wait()
        self.log.close()


theirs = Prometheus()

# ---- 200 random queries

REGEXES = ["a.*", ".+", ".*", "api|db", "[24].*", "h[12]:9100", "", "/.*",
           "n?ode", "http.*|x", "[^u]+", "..."]


def selector():
    name = rng.choice(NAMES + [""])
    parts = []
    for i in range(rng.randrange(3) + (not name)):
        label = rng.choice(list(VALUES) + ["none"] +
                           ["__name__"] * (not name))
        op = rng.choice(["=", "!=", "=~", "!~"])
        pool = NAMES if label == "__name__" else VALUES.get(label, [""])
        parts.append(label + op + quoted(rng.choice(
            REGEXES if "~" in op else pool + [""])))
    return name + "{%s}" % ",".join(parts)


def answer(server, target):
    """What an answer says, in any order of series, without `db'."""
    r = server.ask("GET", target)
    j = r.json()
    if r.status != 200:
        return (r.status, j["status"], j["errorType"])
    found = []
    for x in j["data"]["result"]:
        x["metric"].pop("db", None)
        found.append((sorted(x["metric"].items()),
                      x.get("values", x.get("value"))))
    return (j["status"], j["data"]["resultType"], sorted(found, key=str))


bad, empty, points, refused = [], 0, 0, 0
for i in range(200):
    text = selector()
    if rng.randrange(2):
        target = url("/api/v1/query", query=text,
                     time=T + rng.randrange(HOURS * 3600))
    else:
        start = T + rng.randrange(-1000, HOURS * 3600)
        target = url("/api/v1/query_range", query=text, start=start,
                     end=start + rng.randrange(HOURS * 1800),
                     step=rng.choice([1, 7, 15, 60, 300, 1000, 3600]))
    got, want = answer(ours, target), answer(theirs, target)
    if got != want:
        bad.append((target, got, want))
    if want[0] != "success":
        refused += 1
    elif not want[2]:
        empty += 1
    else:
        points += sum(len(v) if isinstance(v[0], list) else 1
                      for m, v in want[2])
same(bad[:1], [], "200 queries get the same answers, %d do not" % len(bad))
diag("%d values compared, %d answers empty, %d queries refused"
     % (points, empty, refused))
ok(points > 2000 and empty + refused < 150, "and that says something")

# ---- promtool


def promtool(server, *args):
    r = run(["promtool", "query", args[0], "http://127.0.0.1:%d"
             % server.port, *args[1:]])
    text = re.sub(r', db="p"(?=[,}])|db="p",? ?', "", r.out.decode())
    # A name without any other label.
    return r.status, r.err, text.replace("{}", "")


def compare(name, *args):
    got, want = promtool(ours, *args), promtool(theirs, *args)
    # Series come in any order, each a line, or several behind its head.
    same((got[:2], sorted(got[2].splitlines())),
         (want[:2], sorted(want[2].splitlines())), "promtool query " + name)
    ok(want[0] == 0 and len(want[2]) > 20, "which says something")


at = str(T + 3 * 3600)
for text in ("up", "{job='api'}", "{__name__=~'.+',code!~'2..'}"):
    compare("instant " + text, "instant", text, "--time", at)
    compare("range " + text, "range", text, "--start", at, "--end",
            str(T + 4 * 3600), "--step", "60s")
compare("series", "series", "--match", "up", "--match", "{job=~'a.*'}",
        "--start", str(T), "--end", str(T + HOURS * 3600))
compare("labels", "labels", "path", "--start", str(T), "--end",
        str(T + HOURS * 3600))
for args in (("series", "--match", "up"), ("labels", "__name__"),
             ("labels", "job")):
    got, want = promtool(ours, *args), promtool(theirs, *args)
    same((got[0], sorted(got[2].splitlines())),
         (want[0], sorted(want[2].splitlines())),
         "promtool query %s without times" % " ".join(args))
theirs.stop()
same(ours.stop(), 0, "ntdb-httpd ends well")
done()
