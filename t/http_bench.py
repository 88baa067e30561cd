"""See t/long/http-bench."""

import random
import re
import statistics
import subprocess
import time

from httpd import *
from http_ways import Inetd, Socat

METRICS, STEP, DAYS = 100, 10, 2
START = 1769990400
END = START + DAYS * 86400
seconds = sys.argv[1] if len(sys.argv) > 1 else "5"
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3


def name(i):
    return 'temperature{room="%d",site="%s"}' % (i, "north" if i % 2 else
                                                 "south")


def write_pages(directory):
    """The samples as Prometheus text, an hour in each file."""
    r = random.Random(1)
    values = [20 + r.randrange(100) / 10 for i in range(METRICS)]
    for hour in range(DAYS * 24):
        with open("%s/%02d" % (directory, hour), "w") as f:
            for t in range(START + hour * 3600, START + hour * 3600 + 3600,
                           STEP):
                for i in range(METRICS):
                    values[i] += r.choice((-0.1, 0, 0, 0, 0.1))
                    f.write("%s %.1f %d\n" % (name(i), values[i], t * 1000))


def post_all(port, path, directory):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for page in sorted(os.listdir(directory)):
        with open(directory + "/" + page, "rb") as f:
            c.request("POST", path, f.read())
        answer = c.getresponse()
        body = answer.read()
        if answer.status not in (200, 204):
            print("Bail out! %d %r" % (answer.status, body[:200]))
            sys.exit(1)
    c.close()


class Victoria:
    def __init__(self, directory):
        self.port = free_port()
        self.p = subprocess.Popen(
            [program("victoria-metrics"), "-storageDataPath", directory,
             "-retentionPeriod", "100y", "-httpListenAddr",
             "127.0.0.1:%d" % self.port, "-loggerLevel", "ERROR"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                self.ask("/health")
                return
            except OSError:
                time.sleep(0.1)
        print("Bail out! VictoriaMetrics does not start")
        sys.exit(1)

    def ask(self, target):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        c.request("GET", target)
        body = c.getresponse().read()
        c.close()
        return body

    def stop(self):
        self.p.terminate()
        self.p.wait()


def free_port():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    return port


def wrk(port, target, *args):
    """Requests per second; every answer must be a good one."""
    out = subprocess.run(
        ["wrk", "-t1", "-c4", "-d%ss" % seconds, *args,
         "http://127.0.0.1:%d%s" % (port, target)],
        stdout=subprocess.PIPE, check=True).stdout.decode()
    if "Non-2xx" in out or "Socket errors" in out:
        print("Bail out! " + out)
        sys.exit(1)
    return float(re.search(r"Requests/sec: *([0-9.]+)", out).group(1))


def workers(pid):
    """Peak RSS, in KiB, of all children."""
    found = []
    for p in subprocess.run(["pgrep", "-P", str(pid)],
                            stdout=subprocess.PIPE).stdout.split():
        with open("/proc/%d/status" % int(p)) as f:
            found.append(int(re.search(r"VmHWM:\s*(\d+)", f.read()).group(1)))
    return found


def values(body):
    """The values of the one series, as numbers, with their times."""
    result, = json.loads(body)["data"]["result"]
    return [(float(t), float(v)) for t, v in
            result.get("values") or [result["value"]]]


temp = tempdir()
root, pages = temp + "/root", temp + "/pages"
os.mkdir(pages)
write_pages(pages)
v = Victoria(temp + "/victoria")
post_all(v.port, "/api/v1/import/prometheus", pages)
v.ask("/internal/force_flush")
ours = Listening(root, "--max-samples", "0")
post_all(ours.port, "/api/v1/import/prometheus?db=p", pages)
run(["ntdb-flush", "-r", root, "--seal", "--now",
     str(END + 3600)])
at = END - 60	# VictoriaMetrics moves other times to whole steps
plain = 'temperature{room="7"}'
ROWS = [
    ("instant, DB/METRIC", url("/api/v1/query", query="p/" + name(7)),
     url("/api/v1/query", query=name(7), time=END - STEP)),
    ("instant, selector", url("/api/v1/query", query=plain, time=END - STEP),
     url("/api/v1/query", query=plain, time=END - STEP)),
    ("one day, DB/METRIC",
     url("/api/v1/query_range", query="p/" + name(7), start=at - 86400,
         end=at, step=60),
     url("/api/v1/query_range", query=name(7), start=at - 86400, end=at,
         step=60)),
    ("one day, selector",
     url("/api/v1/query_range", query=plain, start=at - 86400, end=at,
         step=60),
     url("/api/v1/query_range", query=plain, start=at - 86400, end=at,
         step=60)),
    # Not at the end of the data, where the newest samples are known.
    ("before, DB/METRIC",
     url("/api/v1/query", query="p/" + name(7), time=at),
     url("/api/v1/query", query=name(7), time=at)),
    ("before, selector", url("/api/v1/query", query=plain, time=at),
     url("/api/v1/query", query=plain, time=at)),
]
TARGETS = 4			# of these rows, from the first on
plan(len(ROWS) + TARGETS + 3)
print("# %-26s %10s %16s %6s" % ("requests per second", "ntdb",
                                 "VictoriaMetrics", "ratio"))
for row, (title, mine, theirs) in enumerate(ROWS):
    same(values(ours.ask("GET", mine).body), values(v.ask(theirs)),
         title + ": the same answer")
    got = [(wrk(ours.port, mine), wrk(v.port, theirs))
           for i in range(rounds)]
    ratio = statistics.median(a / b for a, b in got)
    print("# %-26s %10.0f %16.0f %6.2f" % (
        title, statistics.median(a for a, b in got),
        statistics.median(b for a, b in got), ratio))
    if row < TARGETS:
        ok(ratio >= 2, title + ": at least twice as many requests")
rss = workers(ours.p.pid)
diag("peak RSS of workers, KiB: %s" % rss)
ok(rss and max(rss) <= 16 * 1024, "a worker stays below 16 MiB")
ours.stop()
for cls in (Inetd, Socat):
    title = "a process for each request, by " + cls.needs[0]
    if cls.missing():
        skip(title, "no " + cls.needs[0])
        continue
    way = cls(root)
    got = wrk(way.port, ROWS[0][1], "-H", "Connection: close")
    way.stop()
    ok(got >= 300, title + ": at least 300 requests") or diag(got)
    print("# %-26s %10.0f" % (cls.needs[0], got))
v.stop()
done()
