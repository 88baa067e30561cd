"""Clients that keep a server waiting: see t/6150-slow-clients.t."""

import os
import socket
import threading
import time

from httpd import *

LIMIT = 10              # seconds, of everything that is waited for here
SLACK = 5               # on a busy machine

temp = tempdir()
root = temp + "/root"
GET = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"


class Client:
    """A connection in a thread, which notes when and how it ends."""

    def __init__(self, name, connect, behave):
        self.name, self.behave = name, behave
        self.sock = connect()
        self.got = b""
        self.start = time.monotonic()
        self.end = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            self.behave(self)
        except OSError:
            pass
        self.end = time.monotonic()

    def wait_for_end(self, timeout=60):
        """Read to the end, which is the server's to make."""
        self.sock.settimeout(timeout)
        while True:
            data = self.sock.recv(65536)
            if not data:
                return
            self.got += data

    def drip(self, data):
        """Send a byte a second until the server has had enough."""
        self.sock.settimeout(1)
        for i in range(60):
            self.sock.sendall(data[i % len(data):i % len(data) + 1])
            try:
                got = self.sock.recv(65536)
            except socket.timeout:
                continue
            self.got += got
            if not got:
                return

    def status(self):
        found = responses(self.got)
        return found and found[-1] and found[-1].status

    def lasted(self):
        return self.end and self.end - self.start


def idle(c):
    c.wait_for_end()


def half_a_head(c):
    c.sock.sendall(GET[:20])
    c.wait_for_end()


def slow_head(c):
    c.drip(b"GET /health HTTP/1.1\r\nHost: h\r\n" + b"A: b\r\n" * 20)


def no_body(c):
    c.sock.sendall(b"POST /api/v1/import HTTP/1.1\r\nHost: h\r\n"
                   b"Content-Length: 1000\r\n\r\na/x 1")
    c.wait_for_end()


def slow_body(c):
    c.sock.sendall(b"POST /api/v1/import HTTP/1.1\r\nHost: h\r\n"
                   b"Content-Length: 1000\r\n\r\n")
    c.drip(b"a/x 1 ")


def slow_chunks(c):
    c.sock.sendall(b"POST /api/v1/import HTTP/1.1\r\nHost: h\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\n")
    c.drip(b"1\r\n#\r\n")


def never_reads(c):
    """Ask for so much that no buffer holds it, and look away."""
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    c.sock.sendall(EXPORT)
    end = time.monotonic() + 60
    # The server's closing it is all that can be seen without reading.
    while time.monotonic() < end:
        if not connected(c.sock):
            return
        time.sleep(0.05)


def connected(sock):
    """Whether the other side has neither closed nor reset it."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return info[0] == 1     # TCP_ESTABLISHED


def reads_slowly(c):
    """Slowly, but steadily: this one is served to the end."""
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    c.sock.sendall(EXPORT)
    c.sock.settimeout(60)
    while True:
        data = c.sock.recv(131072)
        if not data:
            return
        c.got += data
        time.sleep(0.2)


EXPORT = b"GET /api/v1/export?match=big HTTP/1.1\r\nHost: h\r\n" \
    b"Connection: close\r\n\r\n"

# What is exported is longer than what sockets hold (net.ipv4.tcp_wmem).
N = 400000
r = ingest(root, "".join("big/metric.%d %d %d\n" % (
    i % 10, i, 1700000000 * 10**9 + i) for i in range(N)))
r.status == 0 or diag(r)

server = Listening(root)


def connect():
    return socket.create_connection(("127.0.0.1", server.port))


# name, what it does, the status it gets (None: nothing), the time it has
CASES = [
    ("idle from the start", idle, [], LIMIT),
    ("half a head", half_a_head, 408, LIMIT),
    ("a head of one byte a second", slow_head, 408, LIMIT),
    ("no body", no_body, 408, LIMIT),
    ("a body of one byte a second", slow_body, 408, LIMIT),
    ("chunks of one byte a second", slow_chunks, 408, LIMIT),
    ("one that never reads", never_reads, None, LIMIT),
]
COPIES = 3
clients = [Client(name, connect, f) for name, f, *_ in CASES
           for _ in range(COPIES)]
steady = Client("slow, but steady", connect, reads_slowly)

# Meanwhile others are served, and at once.
times = []
wrong = []
end = time.monotonic() + LIMIT - 2
while time.monotonic() < end:
    start = time.monotonic()
    r = server.ask("GET", "/health")
    times.append(time.monotonic() - start)
    if (r.status, r.body) != (200, b"OK\n"):
        wrong.append(r)
    time.sleep(0.02)
same(wrong, [], "%d requests meanwhile" % len(times))
times.sort()
ok(times[len(times) * 99 // 100] < 0.5, "are answered at once")
diag("median %.1f ms, longest %.1f ms" % (times[len(times) // 2] * 1e3,
                                          times[-1] * 1e3))
ok(all(c.end is None for c in clients), "and nobody was dropped before time")

end = time.monotonic() + LIMIT + SLACK
for c in clients:
    c.thread.join(max(0, end - time.monotonic()))
for i, (name, _, status, limit) in enumerate(CASES):
    mine = clients[i * COPIES:(i + 1) * COPIES]
    lasted = [c.lasted() for c in mine]
    ok(all(t and limit - 0.5 < t < limit + SLACK for t in lasted),
       "%s: dropped after %d s" % (name, limit)) or diag(lasted)
    if status is not None:
        same([c.status() for c in mine], [status] * COPIES, "%s: told so" %
             name)
steady.thread.join(60)
found = responses(steady.got)
same([x and (x.status, x.body.count(b"\n")) for x in found], [(200, N)],
     "a slow reader that reads gets all of it")
same([x[0] for x in samples(root, "a") or [] if x[0].startswith("a/")], [],
     "of bodies that did not come nothing was stored")

# A connection that was used may be idle for longer, but not if others wait.
first = connect()
first.sendall(GET)
first.recv(65536)
time.sleep(0.05)        # by which it is the first for sure
start = time.monotonic()
many = []
for _ in range(80):
    c = connect()
    c.settimeout(30)
    c.sendall(GET)
    many.append(c)
got = 0
for c in many:
    try:
        got += c.recv(65536).startswith(b"HTTP/1.1 200")
    except OSError:
        break
same(got, 80, "more connections than processes: all are answered")
first.settimeout(5)
try:
    data = first.recv(1)
except socket.timeout:
    data = None
same(data, b"", "since the one that was idle for longest was closed")
diag("after %.1f s" % (time.monotonic() - start))
for c in many:
    c.close()
first.close()

r = server.ask("GET", "/health")
same(r.status, 200, "the server is well")
same(server.stop(), 0, "and ends by SIGTERM")
same(server.err, b"", "without a word")
done()
