#!/bin/sh
# 16 clients that write and 16 that read at once, through --listen and as
# inetd does it: what is answered by 204 is stored, what is not is not, and
# each reader sees at least what was acknowledged before it asked.  3 seconds
# each; NTDB_LONG=1: 20.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import collections
import http.client
import threading
import time
from httpd import *

rng = seed()
temp = tempdir()
SECONDS = 20 if is_long() else 3
CLIENTS = 16
START = 1795000000
LP = "/api/v1/import"


class Client(threading.Thread):
    """One that asks until the time is over; what is wrong is in bad."""

    def __init__(self, load, i):
        super().__init__()
        self.load, self.i = load, i
        self.rng = __import__("random").Random(rng.random())
        self.asked, self.bad = 0, []
        self.c = None

    def run(self):
        while time.monotonic() < self.load.end and len(self.bad) < 5:
            try:
                self.step()
            except Exception as e:
                self.bad.append("client %d: %r" % (self.i, e))
        if self.c:
            self.c.close()

    def ask(self, method, target, body=None):
        """Status and body; the connection is kept as long as it goes."""
        if self.c is None or self.rng.random() < 0.05:
            if self.c:
                self.c.close()
            self.c = self.load.server.connect()
        self.c.request(method, target, body)
        r = self.c.getresponse()
        body = r.read()
        self.asked += 1
        return r.status, body


class Writer(Client):
    """Own metrics with times, one that all share without; bad ones, too."""

    def __init__(self, load, i):
        super().__init__(load, i)
        self.acked = 0              # samples of its own metric
        self.shared = 0
        self.refused = 0

    def step(self):
        kind = self.rng.randrange(10)
        if kind == 0:
            body = "nonsense\nload/bad%d x\n" % self.i
        elif kind == 1:
            body = "load/own%d 1 1600000000000000000\n" % self.i \
                if self.acked else "load/bad\n"
        elif kind < 4:
            body = "load/shared %d\n" % self.i
        else:
            n = self.rng.randrange(1, 200)
            body = "".join("load/own%d %d %d\n" % (
                self.i, k, (START + k) * 10**9)
                for k in range(self.acked, self.acked + n))
        status, answer = self.ask("POST", LP, body)
        if status != (400 if kind < 2 else 204):
            self.bad.append("%d to %r: %r" % (status, body[:60], answer))
        elif kind < 2:
            self.refused += 1
        elif kind < 4:
            self.shared += 1
        else:
            self.acked += n


class Reader(Client):
    def step(self):
        w = self.load.writers[self.rng.randrange(CLIENTS)]
        acked = w.acked
        if self.rng.random() < 0.5 or acked < 1:
            status, body = self.ask(
                "GET", "/api/v1/query?query=load/own%d" % w.i)
            result = json.loads(body)["data"]["result"]
            last = int(result[0]["value"][1]) if result else -1
            if status != 200 or last < acked - 1:
                self.bad.append("%d, %d after %d" % (status, last, acked))
            return
        status, body = self.ask("GET", "/api/v1/export?match=load/own%d" % w.i)
        values = [x.split()[1] for x in body.decode().splitlines()]
        if status != 200 or len(values) < acked or \
                values != ["%di" % k for k in range(len(values))]:
            self.bad.append("export: %d, %d of %d" % (
                status, len(values), acked))


class Load:
    def __init__(self, root, server):
        self.server = server
        self.end = time.monotonic() + SECONDS
        self.writers = [Writer(self, i) for i in range(CLIENTS)]
        self.readers = [Reader(self, i) for i in range(CLIENTS)]
        everyone = self.writers + self.readers
        for c in everyone:
            c.start()
        for c in everyone:
            c.join()
        self.bad = [b for c in everyone for b in c.bad]


def check(name, serve):
    root = temp + "/" + name
    # A full database is not what is asked here, and the clock is not either.
    server = serve(root)
    load = Load(root, server)
    same(server.stop(), 0, name + ": the server ends well")
    same(load.bad[:5], [], "nothing was wrong")
    rows = samples(root, "load") or []
    count = collections.Counter(x[0] for x in rows)
    same([(w.i, count["load/own%d" % w.i]) for w in load.writers],
         [(w.i, w.acked) for w in load.writers],
         "what was acknowledged is there, and no more")
    same(count["load/shared"], sum(w.shared for w in load.writers),
         "also of the metric that all share")
    same([x for x in count if "bad" in x], [], "what was refused is not")
    asked = [sum(c.asked for c in x) for x in (load.writers, load.readers)]
    diag("%s: %d writes (%d refused), %d reads, %d samples" % (
        name, asked[0], sum(w.refused for w in load.writers), asked[1],
        len(rows)))
    ok(min(c.asked for c in load.writers + load.readers) > 0,
       "everyone was answered")
    same(run(["ntdb-inspect", "-r", root, "verify"]).status, 0,
         "nothing is damaged")


check("listen", Listening)
check("inetd", Inetd)
done()
EOT
