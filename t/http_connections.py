"""Connections and processes: see t/6050-http-connections.t."""

import glob
import gzip
import os
import socket
import time

from httpd import *

temp = tempdir()
root = temp + "/root"
T = 1793534400
NOW = ["--now", "2026-11-01T12:00:00Z"]
N = 30000

without_own_metrics(root)
lines = ["big/m%d %d.%d %d\n" % (i % 5, i, i % 10, (T - N + i) * 10**9)
         for i in range(N)]
r = ingest(root, "".join(lines), *NOW)
r.status == 0 or diag(r)
EXPORT = "/api/v1/export?match=big"
want = query(root, "--format", "lp", "big").out


def get(target, version="1.1", headers="", method="GET"):
    return ("%s %s HTTP/%s\r\nHost: h\r\n%s\r\n" % (
        method, target, version, headers)).encode()


# ---- long responses, on a pipe

r = responses(pipe(root, get(EXPORT) + get("/health")).out)
same([x and x.status for x in r], [200, 200], "a long response, and another")
same(r[0].body == want and len(want) > 10**6, True, "all of it comes")
same((r[0].headers.get("transfer-encoding"),
      r[0].headers.get("content-length"), r[0].headers.get("connection")),
     ("chunked", None, None), "in chunks")
r = responses(pipe(root, get(EXPORT, "1.0", "Connection: keep-alive\r\n") +
                   get("/health")).out)
same([(x.status, x.headers.get("transfer-encoding"),
       x.headers.get("connection"), x.body == want) for x in r],
     [(200, None, "close", True)],
     "HTTP/1.0 gets no chunks, and the end of the connection")
r = responses(pipe(root, get(EXPORT, method="HEAD") + get("/health")).out, [0])
same([(x.status, x.headers.get("transfer-encoding"),
       x.headers.get("content-length")) for x in r],
     [(200, "chunked", None), (200, None, "3")], "HEAD has its headers only")
for headers, packed in (("gzip", True), ("deflate, gzip;q=0.5", True),
                        ("*", True), ("gzip;q=0", False), ("br", False),
                        ("*;q=0", False), ("identity", False)):
    r = responses(pipe(root, get(
        EXPORT, headers="Accept-Encoding: %s\r\n" % headers)).out)[0]
    body = gzip.decompress(r.body) if packed else r.body
    same((r.headers.get("content-encoding"), r.headers.get("vary"),
          body == want), ("gzip" if packed else None, "Accept-Encoding", True),
         "Accept-Encoding: %s" % headers)
    if packed:
        ok(len(r.body) < len(want) / 3, "which pays")
GZIP = "Accept-Encoding: gzip\r\n"
r = responses(pipe(root, get("/health", headers=GZIP)).out)[0]
same((r.headers.get("content-encoding"), r.body), (None, b"OK\n"),
     "what is short is not packed")
short = "/api/v1/export?match=big/m1&start=%d&end=%d" % (T - 500, T - 1)
plain = responses(pipe(root, get(short)).out)[0]
r = responses(pipe(root, get(short, headers=GZIP) + get("/health")).out)
same([x.status for x in r], [200, 200], "a response of some KiB")
ok(r[0].headers.get("content-encoding") == "gzip" and
   int(r[0].headers["content-length"]) == len(r[0].body) and
   gzip.decompress(r[0].body) == plain.body and
   1024 < len(plain.body) < 65536, "is packed, and has its length")
r = responses(pipe(root, get(EXPORT, "1.0", GZIP)).out)[0]
ok(gzip.decompress(r.body) == want, "HTTP/1.0 may have it packed")

# ---- on a socket

server = Listening(root, *NOW)


def connect():
    s = socket.create_connection(("127.0.0.1", server.port))
    s.settimeout(60)
    return s


def read_all(s):
    data = b""
    while True:
        more = s.recv(65536)
        if not more:
            return data
        data += more


def read_until(s, what):
    data = b""
    while what not in data:
        more = s.recv(65536)
        if not more:
            break
        data += more
    return data


# What is asked, all at once; each answer tells which it is.
s = connect()
asked, order = b"", []
for i in range(300):
    if i % 7 == 3:
        asked += get("/api/v1/none%d" % i)
        order.append(404)
    elif i % 7 == 5:
        body = b"pipelined/m%d 1 %d\n" % (i, T * 10**9)
        asked += request("POST", "/api/v1/import", body, close=False)
        order.append(204)
    else:
        asked += get("/health")
        order.append(200)
s.sendall(asked + get("/health", headers="Connection: close\r\n"))
r = responses(read_all(s))
same([x and x.status for x in r], order + [200],
     "301 requests at once are answered in order")
same(len(samples(root, "pipelined") or []), order.count(204),
     "and what they write is stored")

# A request that comes byte by byte.
s = connect()
for byte in get("/health", headers="Connection: close\r\n"):
    s.sendall(bytes([byte]))
same([x and x.status for x in responses(read_all(s))], [200],
     "a request byte by byte")

# Who says that nothing more comes is answered.
s = connect()
s.sendall(get("/health"))
s.shutdown(socket.SHUT_WR)
same([x and x.status for x in responses(read_all(s))], [200],
     "a client that has closed its half")

# Expect: the body comes when it is asked for.
s = connect()
line = b"expect/m 1 %d\n" % (T * 10**9)
s.sendall(b"POST /api/v1/import HTTP/1.1\r\nHost: h\r\n"
          b"Expect: 100-continue\r\nConnection: close\r\n"
          b"Content-Length: %d\r\n\r\n" % len(line))
same(read_until(s, b"\r\n\r\n"), b"HTTP/1.1 100 Continue\r\n\r\n",
     "who waits is asked for the body")
s.sendall(line)
same([x and x.status for x in responses(read_all(s))], [204],
     "which is stored then")
s = connect()
s.sendall(b"POST /health HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
          b"Content-Length: 5\r\n\r\n")
same([x and (x.status, x.headers.get("connection"))
      for x in responses(read_all(s))], [(405, "close")],
     "a body that nobody wants is not asked for")

# A refusal is seen although the client has sent more than anybody reads.
s = connect()
s.sendall(b"POST /api/v1/import HTTP/1.1\r\nHost: h\r\n"
          b"Content-Length: 99999999999\r\n\r\n" + b"x" * 100000)
time.sleep(0.3)         # in which a reset would come
try:
    data = read_all(s)
except OSError as e:
    data = repr(e).encode()
same([x and x.status for x in responses(data)], [413],
     "a refusal reaches who has sent more")

# A client that goes away does no harm.
for _ in range(20):
    s = connect()
    s.sendall(get(EXPORT))
    s.recv(1000)
    s.close()
same(server.ask("GET", "/health").status, 200,
     "clients that go away do no harm")

# ---- processes


def workers(p=server.p):
    """The processes that serve, by what /proc says."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as f:
                fields = f.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == p.pid and fields[0] != "Z":
            found.append(int(path.split("/")[2]))
    return found


def poll(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def rss(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmHWM:\s+(\d+) kB", f.read()).group(1))


for headers in ({}, {"Accept-Encoding": "gzip"}):
    c = server.connect()
    for _ in range(3):
        c.request("GET", EXPORT, headers=headers)
        c.getresponse().read()
        c.request("POST", "/api/v1/import", "".join(lines))
        c.getresponse().read()
largest = max(map(rss, workers()))
diag("largest process: %d KiB" % largest)
if "fsanitize" in open(os.environ["NTDB_BUILD"] + "/config.status").read():
    skip("no process needs more than 16 MiB", "sanitizers need more")
else:
    ok(largest <= 16384, "no process needs more than 16 MiB")

ok(poll(lambda: len(workers()) >= 2), "there are at least two processes")
victim = workers()[0]
os.kill(victim, signal.SIGKILL)
ok(poll(lambda: len(workers()) >= 2 and victim not in workers()),
   "one that dies is replaced")
same(server.ask("GET", "/health").status, 200, "and all is well")

# Stopping: what has begun is finished, and nothing else.
s, waiting = connect(), connect()
s.sendall(b"POST /api/v1/import HTTP/1.1\r\nHost: h\r\n"
          b"Content-Length: %d\r\n\r\n" % len(line))
waiting.sendall(get("/health"))
waiting.recv(65536)
time.sleep(0.2)         # the half of a body must have been seen
server.p.send_signal(signal.SIGTERM)
same(waiting.recv(65536), b"", "SIGTERM ends connections that are idle")


def refused():
    try:
        connect().close()
        return False
    except OSError:
        return True


ok(poll(refused), "and there are no new ones")
s.sendall(line)
same([x and (x.status, x.headers.get("connection"))
      for x in responses(read_all(s))], [(204, "close")],
     "but a request that has begun is answered")
same(server.stop(), 0, "then it ends")
same([x for x in server.err.splitlines() if b"died: signal 9" not in x], [],
     "it has told of the dead process, and of nothing else")

# Without the one that started them they do not stay.
server = Listening(root, *NOW)
ok(poll(lambda: len(workers(server.p)) >= 2), "another server")
mine = workers(server.p)
server.p.kill()
server.p.wait()
ok(poll(lambda: not any(os.path.exists("/proc/%d" % x) for x in mine)),
   "no process outlives it")
server.p.stderr.close()

# ---- SIGHUP

conf = temp + "/conf"
os.makedirs(conf)


def configure(text):
    with open(conf + "/engine.ini", "w") as f:
        f.write("[stats]\nenabled = no\n[httpd]\n" + text)


def reread(what):
    """SIGHUP: all processes are replaced, and then it shows."""
    before = set(workers(server.p))
    server.p.send_signal(signal.SIGHUP)
    return poll(lambda: not before & set(workers(server.p))) and what()


def write_status(token=None):
    return server.ask("POST", "/api/v1/import", "a/x 1\n", {
        "Authorization": "Bearer " + token} if token else {}).status


configure("")
server = Listening(conf, *NOW)
kept = server.connect()
kept.request("GET", "/health")
kept.getresponse().read()
same(write_status(), 204, "a server that takes what comes")
configure("read_only = yes\n")
ok(reread(lambda: write_status() == 403), "SIGHUP: now it is read-only")
kept.sock.settimeout(20)
same(kept.sock.recv(1), b"", "and connections that were idle have ended")
with open(conf + "/tokens", "w") as f:
    f.write("write secret\n")
os.chmod(conf + "/tokens", 0o600)
configure("auth_file = tokens\n")
ok(reread(lambda: write_status() == 401), "SIGHUP: now it asks for a token")
same(write_status("secret"), 204, "which is taken")
os.chmod(conf + "/tokens", 0o644)
server.p.send_signal(signal.SIGHUP)
same(server.p.stderr.readline(), b"ntdb-httpd: %s/tokens: others than its "
     b"owner may use it (chmod 600)\n" % conf.encode(),
     "a configuration that cannot be used is told")
same([write_status("secret"), write_status()], [204, 401],
     "and the one before stays")
same(server.stop(), 0, "SIGTERM")
same(server.err, b"", "nothing else was said")
r = run(["ntdb-httpd", "-r", conf, "--listen=127.0.0.1:0"])
same((r.status, r.err), (78, b"ntdb-httpd: %s/tokens: others than its owner "
     b"may use it (chmod 600)\n" % conf.encode()),
     "a server does not start with it")
r = pipe(conf, get("/health", headers="Connection: close\r\n"))
same((r.status, [x.error()[:2] for x in responses(r.out)]),
     (78, [(503, "unavailable")]), "and others tell the client")

# ---- the log

server = Listening(root, "--access-log")
server.ask("GET", "/health")
server.ask("GET", "/api/v1/none?x=\"%41\\")
s = connect()
s.sendall(b"GET /\x1b[31m HTTP/1.1\r\n\r\n")
read_all(s)
s = connect()
s.sendall(get("/" + "x" * 5000, headers="Connection: close\r\n"))
read_all(s)
server.stop()
log = server.err.decode().splitlines()
same(len(log), 4, "a line for each request") or diag(log)
LINE = re.compile(r'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d '
                  r'\+0000\] "(.*)" (\d{3}) (\d+)')
m = [LINE.fullmatch(x) for x in log]
ok(all(m), "in the common log format") or diag(log)
same(sorted(x.groups() for x in m)[:3],
     [("-", "400", "80"),
      ("GET /api/v1/none?x=\\\"%41\\\\ HTTP/1.1", "404", "70"),
      ("GET /health HTTP/1.1", "200", "3")], "with what was asked and answered")
ok(max(map(len, log)) < 2100, "which is cut if it is long")
r = run(["ntdb-httpd", "-r", root, "--access-log"], get("/health"))
ok(re.fullmatch(rb'- - - \[.*\] "GET /health HTTP/1.1" 200 3\n', r.err),
   "also on a pipe") or diag(r)

# ---- where it listens

p = subprocess.Popen([program("ntdb-httpd"), "-r", root, "--listen=[::1]:0"],
                     stderr=subprocess.PIPE)
line = p.stderr.readline()
m = re.fullmatch(rb"ntdb-httpd: listening on \[::1\]:(\d+)\n", line)
if m is None and b"assign" in line:
    skip("[::1]", "no IPv6 here")
else:
    c = http.client.HTTPConnection("::1", int(m.group(1)), timeout=60)
    c.request("GET", "/health")
    same(c.getresponse().status, 200, "[::1]")
p.terminate()
p.communicate()
server = Listening(root)
taken = "127.0.0.1:%d" % server.port
r = run(["ntdb-httpd", "-r", root, "--listen=" + taken])
same((r.status, r.err), (71, b"ntdb-httpd: %s: cannot listen: Address already "
     b"in use\n" % taken.encode()), "a port that is taken")
with open(root + "/engine.ini", "a") as f:
    f.write("[engine]\nlisten = %s\n" % taken)
same(run(["ntdb-httpd", "-r", root, "--listen"]).err, r.err,
     "without an address the one of engine.ini")
server.stop()
for bad in ("127.0.0.1", "x", ":", "::1:80", "[::1:80", "[::1]80"):
    r = run(["ntdb-httpd", "-r", root, "--listen=" + bad])
    same((r.status, r.out, r.err.count(b"\n")), (64, b"", 1),
         "--listen=" + bad)
done()
