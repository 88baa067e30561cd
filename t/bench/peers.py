"""The same input through VictoriaMetrics, RRDtool and SQLite.

Each gets what it takes at the least cost, made from the lines beforehand and
not charged to it.  A peer is a class: load() stores everything in a new
place and returns what that cost; ask() tells what questions cost.
"""

import http.client
import itertools
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import time
import urllib.parse

from bench import *


class Input:
    """A file of `DB/METRIC VALUE NANOSECONDS', in the forms of the peers.

    Metrics are told by numbers: m0, m1, ... in the order they come.
    """

    GROUP = 100000		# lines that are brought together by metric
    UPDATES = 400		# values in one command to RRDtool

    def __init__(self, b, path):
        self.b = b
        self.lp = path
        self.text = b.path("peer.text")
        self.json = b.path("peer.json")
        self.csv = b.path("peer.csv")
        self.rrd = b.path("peer.rrd")
        self.ids = {}
        self.first, self.last, self.count, self.times = {}, {}, {}, {}
        self.n = 0
        with open(path, "rb") as lines, open(self.text, "wb") as text, \
                open(self.json, "wb") as grouped, \
                open(self.csv, "wb") as table:
            while self._group(lines, text, grouped, table):
                pass
        self._updates()

    def _group(self, lines, text, grouped, table):
        """Take some lines into all forms but RRDtool's; False: the end."""
        values, rows, begin = {}, [], self.n
        for line in itertools.islice(lines, self.GROUP):
            try:
                name, value, time_ns = line.split()
                t = int(time_ns)
            except ValueError:
                raise Missing("peers take only lines with nanoseconds")
            i = self.ids.setdefault(name, len(self.ids))
            self._see(i, t)
            # Milliseconds are what VictoriaMetrics keeps.
            t_ms = time_ns[:-6]
            value = value.rstrip(b"i")
            text.write(b"m%d %s %s\n" % (i, value, t_ms))
            table.write(b"%d,%s,%s\n" % (i, time_ns, value))
            series = values.setdefault(i, ([], []))
            series[0].append(value)
            series[1].append(t_ms)
            self.n += 1
        for i, (v, t) in values.items():
            grouped.write(b'{"metric":{"__name__":"m%d"},"values":[%s],'
                          b'"timestamps":[%s]}\n'
                          % (i, b",".join(v), b",".join(t)))
        return self.n > begin

    def _see(self, i, t):
        """Learn the span of a metric, and the steps of its first samples."""
        if i not in self.first:
            self.first[i], self.count[i], self.times[i] = t, 0, []
        self.last[i] = t
        self.count[i] += 1
        if len(self.times[i]) < 1000:
            self.times[i].append(t)

    def _step(self, i):
        """The median step of a metric, in whole seconds."""
        t = self.times[i]
        steps = [y - x for x, y in zip(t, t[1:])] or [10**9]
        return max(1, round(statistics.median(steps) / 1e9))

    def _updates(self):
        """Commands that make and fill a file for each metric."""
        room = 0
        waiting = {i: [] for i in self.first}
        with open(self.rrd, "wb") as out, open(self.csv, "rb") as table:
            for i in self.first:
                step = self._step(i)
                begin = self.first[i] // 10**9 - step
                n = (self.last[i] - self.first[i]) // 10**9 // step + 2
                room += n * 8
                out.write(b"create m%d.rrd --start %d --step %d "
                          b"DS:v:GAUGE:%d:U:U RRA:LAST:0.5:1:%d\n"
                          % (i, begin, step, 2 * step, n))
            if room > 2**30:
                self.rrd = None
                return
            for row in table:
                i, t, value = row.split(b",")
                i = int(i)
                waiting[i].append(b"%s.%s:%s" % (t[:-9], t[-9:-3],
                                                 value.strip()))
                if len(waiting[i]) == self.UPDATES:
                    self._update(out, i, waiting)
            for i in waiting:
                self._update(out, i, waiting)

    @staticmethod
    def _update(out, i, waiting):
        if waiting[i]:
            out.write(b"update m%d.rrd %s\n" % (i, b" ".join(waiting[i])))
            waiting[i].clear()

    def span(self):
        """Of the first metric: its times in seconds, whole ones outside."""
        return self.first[0] // 10**9, self.last[0] // 10**9 + 1

    def remove(self):
        for path in (self.text, self.json, self.csv, self.rrd):
            if path:
                os.remove(path)


class Load:
    """What storing cost; size is None if it is not known yet."""

    def __init__(self, cpu, peak_kib, size):
        self.cpu, self.peak_kib, self.size = cpu, peak_kib, size


class Ntdb:
    """This suite itself, over a root that is there already."""

    def __init__(self, b, data, root):
        self.b, self.root = b, root
        with open(data.lp, "rb") as f:
            self.metric = f.readline().split()[0].decode()
        self.span = data.span()

    def ask(self):
        """[(wall s, CPU s)] of last value, range and averages."""
        begin, end = map(str, self.span)
        long = ["-s", begin, "-e", end, "-f", "json", self.metric]
        commands = [tool("ntdb-query", self.root, *argv) for argv in (
            [self.metric], long, ["-a", "avg", "-w", "5m", *long])]
        return [self.b.paired(self.b.few, c)[0][:2] for c in commands]


class VictoriaMetrics:
    """A server of its own, on a free port, for each load."""

    # How samples come in: file, where to, and whether that is the order in
    # which they were measured.
    FORMS = {"lines": ("text", "/api/v1/import/prometheus"),
             "grouped": ("json", "/api/v1/import")}
    PIECE = 1 << 25

    def __init__(self, b, data):
        need("victoria-metrics")
        self.b, self.data = b, data
        self.server = None

    def start(self, path):
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.port = s.getsockname()[1]
        self.path = path
        self.server = subprocess.Popen(
            ["victoria-metrics", "-storageDataPath", path,
             "-httpListenAddr", "127.0.0.1:%d" % self.port,
             "-retentionPeriod", "100y",
             "-search.maxPointsPerTimeseries", "1000000000"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.http = http.client.HTTPConnection("127.0.0.1", self.port,
                                               timeout=600)
        deadline = time.monotonic() + 30
        while True:
            try:
                return self.http.connect()
            except OSError:
                if time.monotonic() > deadline:
                    raise Missing("victoria-metrics does not start")
                time.sleep(0.05)

    def talk(self, path, body=None, **arguments):
        if arguments:
            path += "?" + urllib.parse.urlencode(arguments)
        self.http.request("GET" if body is None else "POST", path, body)
        reply = self.http.getresponse()
        text = reply.read()
        if reply.status // 100 != 2:
            raise Missing("victoria-metrics: %s: status %d"
                          % (path, reply.status))
        return text

    def cpu(self):
        with open("/proc/%d/stat" % self.server.pid) as f:
            words = f.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def settle(self):
        """Merge, and wait until the server does nothing any more."""
        self.talk("/internal/force_merge")
        deadline, before = time.monotonic() + 60, -1
        while self.cpu() > before + 0.02 and time.monotonic() < deadline:
            before = self.cpu()
            time.sleep(0.3)

    def load(self, path, form):
        """Import all, and leave the server running."""
        name, where = self.FORMS[form]
        self.start(path)
        before = self.cpu()
        with open(getattr(self.data, name), "rb") as f:
            while True:
                piece = f.read(self.PIECE)
                if not piece:
                    break
                self.talk(where, piece + f.readline())
        self.talk("/internal/force_flush")
        # What takes no tick of the clock is taken to have cost one.
        tick = 1 / os.sysconf("SC_CLK_TCK")
        cost = Load(max(self.cpu() - before, tick), 0, None)
        with open("/proc/%d/status" % self.server.pid) as f:
            cost.peak_kib = int(re.search(r"VmHWM:\s+(\d+)", f.read())[1])
        return cost

    def stored(self):
        """How many samples it has."""
        times = self.data.first.values(), self.data.last.values()
        begin, end = min(times[0]) / 1e9 - 60, max(times[1]) / 1e9 + 60
        reply = json.loads(self.talk(
            "/api/v1/query", time="%.3f" % end,
            query='sum(count_over_time({__name__!=""}[%ds]))'
            % (end - begin)))
        result = reply["data"]["result"]
        return int(result[0]["value"][1]) if result else 0

    def timed(self, path, **arguments):
        walls, before = [], self.cpu()
        for _ in range(self.b.few):
            start = time.monotonic()
            self.talk(path, **arguments)
            walls.append(time.monotonic() - start)
        return (statistics.median(walls),
                (self.cpu() - before) / self.b.few)

    def ask(self):
        begin, end = self.data.span()
        return [
            self.timed("/api/v1/query", query="m0", time=end, nocache=1,
                       step="1h"),
            self.timed("/api/v1/export", start=begin, end=end,
                       **{"match[]": "m0"}),
            self.timed("/api/v1/query_range", start=begin, end=end,
                       query="avg_over_time(m0[5m])", step=300, nocache=1)]

    def stop(self):
        """End the server; the bytes that it leaves, without its caches."""
        self.http.close()
        self.server.send_signal(signal.SIGINT)
        self.server.wait()
        self.server = None
        shutil.rmtree(os.path.join(self.path, "cache"), ignore_errors=True)
        return disk_usage(self.path)

    def close(self):
        if self.server:
            self.server.kill()
            self.server.wait()


def disk_usage(path):
    """Bytes in the files below a directory."""
    return sum(os.path.getsize(os.path.join(where, name))
               for where, _, names in os.walk(path) for name in names)


class RRDtool:
    """A file for each metric, of one archive that takes all its samples."""

    def __init__(self, b, data):
        need("rrdtool")
        if not data.rrd:
            raise Missing("its files would take more than 1 GiB")
        self.b, self.data = b, data

    def load(self, path):
        os.mkdir(path)
        self.path = path
        out = self.b.path("rrdtool.out")
        command = ["sh", "-c", 'cd "$1" && exec rrdtool -', "sh", path]
        cost = self.b.once(command, stdin=self.data.rrd, stdout=out)
        with open(out, errors="replace") as f:
            wrong = sum(line.startswith("ERROR") for line in f)
        if wrong:
            raise Missing("%d commands failed" % wrong)
        return Load(cost.cpu, cost.peak_kib, disk_usage(path))

    def ask(self):
        begin, end = map(str, self.data.span())
        file = os.path.join(self.path, "m0.rrd")
        commands = [
            ["rrdtool", "lastupdate", file],
            ["rrdtool", "fetch", file, "LAST", "-s", begin, "-e", end],
            ["rrdtool", "xport", "--json", "-s", begin, "-e", end,
             "--step", "300", "-m", "100000000",
             "DEF:v=%s:v:LAST:step=300:reduce=AVERAGE" % file, "XPORT:v"]]
        return [self.b.paired(self.b.few, c)[0][:2] for c in commands]


class SQLite:
    """One table ordered by metric and time, filled by .import."""

    MAKE = """\
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE samples (metric INTEGER, time INTEGER, value NUMERIC,
    PRIMARY KEY (metric, time)) WITHOUT ROWID;
.mode csv
.import "%s" samples
PRAGMA wal_checkpoint(TRUNCATE);
"""

    def __init__(self, b, data):
        need("sqlite3")
        self.b, self.data = b, data

    def load(self, path):
        os.mkdir(path)
        self.file = os.path.join(path, "db")
        script = os.path.join(self.b.temp, "make.sql")
        with open(script, "w") as f:
            f.write(self.MAKE % self.data.csv)
        command = ["sqlite3", "-batch", self.file]
        cost = self.b.once(command, stdin=script)
        return Load(cost.cpu, cost.peak_kib, disk_usage(path))

    def stored(self):
        return int(subprocess.run(
            ["sqlite3", self.file, "SELECT count(*) FROM samples"],
            check=True, stdout=subprocess.PIPE).stdout)

    def ask(self):
        begin, end = (t * 10**9 for t in self.data.span())
        where = "WHERE metric = 0 AND time BETWEEN %d AND %d" % (begin, end)
        queries = [
            "SELECT time, value FROM samples WHERE metric = 0 "
            "ORDER BY time DESC LIMIT 1",
            "SELECT time, value FROM samples %s ORDER BY time" % where,
            "SELECT time / 300000000000, avg(value) FROM samples %s "
            "GROUP BY 1" % where]
        return [self.b.paired(self.b.few, ["sqlite3", "-json", self.file,
                                           q])[0][:2] for q in queries]
