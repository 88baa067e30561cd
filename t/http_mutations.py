"""Requests with random changes: see t/6200-http-mutations.t."""

import gzip
import socket

from httpd import *

rng = seed()
temp = tempdir()
root = temp + "/top/root"
T = 1793534400
NOW = ["--now", "2026-11-01T12:00:00Z"]
Q, R, LP, PROM = ("/api/v1/query", "/api/v1/query_range", "/api/v1/import",
                  "/api/v1/import/prometheus")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PAGE = """# TYPE http_requests_total counter
http_requests_total{code="200",path="/a b\\n"} 1027 %d
up 1
nan{} NaN
""" % (T * 1000)
LINES = "home/room1.temp 21.5 %d\nhome/n 7i\nother/x 1e5 2026-10-31\n" % (
    T * 10**9)


def chunked(method, target, body, headers=""):
    parts = [body[i:i + 9] for i in range(0, len(body), 9)]
    return ("%s %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n%s"
            "\r\n" % (method, target, headers)).encode() + b"".join(
        b"%x;e=f\r\n%s\r\n" % (len(p), p) for p in parts) + \
        b"0\r\nTrailer: x\r\n\r\n"


CORPUS = [request("GET", t, close=False) for t in (
    "/health", "/metrics", "/api/v1/databases?include_internal=true",
    "/api/v1/metrics?db=home&details=true", "/api/v1/aggregates",
    "/api/v1/labels", "/api/v1/label/__name__/values",
    url("/api/v1/series", **{"match[]": '{db="home"}'}), "/api/v1/metadata",
    url(Q, query="home/room1.temp"), url(Q, query='{__name__=~"r.*|up"}'),
    url(Q, query='up{a!="b",c!~"d+"}', time="2026-11-01T12:00:00Z"),
    url(R, query="home/room1.temp", start=str(T - 600), end=str(T), step="1m"),
    url(R, query="home/n", start=str(T - 600), aggregate="min,p95",
        window="1m0s"),
    url("/api/v1/export", match="home/*", start=str(T - 600)))] + [
    request("GET", "/api/v1/export?match=home", None,
            {"Accept-Encoding": "gzip, *;q=0.1"}, close=False),
    request("POST", LP, LINES, close=False),
    request("POST", LP + "?db=d&precision=s", "m 1 %d\n" % T, close=False),
    request("POST", LP, gzip.compress(LINES.encode()),
            {"Content-Encoding": "gzip", "Expect": "100-continue"},
            close=False),
    chunked("POST", LP, LINES.encode()),
    chunked("PUT", PROM, gzip.compress(PAGE.encode()),
            "Content-Encoding: gzip\r\n"),
    request("POST", PROM + "?extra_label=a%3Db", PAGE, close=False),
    request("POST", Q, "query=home%2Fn&time=" + str(T), FORM, close=False),
    request("POST", R, "query=home%2Fn&start=0&step=1d", FORM, close=False),
    request("POST", "/api/v1/rollup/backfill", '{"source_dbs":["home"]}',
            close=False),
    b"GET http://h/prometheus/api/v1/query?query=up HTTP/1.0\r\n"
    b"Connection: keep-alive\r\nAuthorization: Bearer x\r\n\r\n",
]
WORDS = [b"\r\n", b"\r\n\r\n", b"\r", b"\n", b"\0", b" ", b"\t", b":", b";",
         b",", b"%", b"%00", b"%2e%2e%2f", b"../", b"{", b"}", b'"', b"\\",
         b"=~", b"(((((", b"[a-", b"{1,9999}", b"*", b"0", b"-1", b"+",
         b"1e999", b"NaN", b"9" * 25, b"ffffffffffffffff", b"chunked",
         b"gzip", b"Content-Length: 3\r\n", b"Host: i\r\n", b"HTTP/1.0",
         b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n",
         b"Connection: close\r\n", b"\xff\xfe\x80", b"\xc3\xa9", b"&", b"?",
         b"match[]=", b"aggregate=", b"a" * 300]


def mutate(data):
    for _ in range(rng.choice((0, 1, 1, 2, 3, 6))):
        at, n = rng.randrange(len(data) + 1), rng.randrange(20)
        kind = rng.randrange(8)
        if kind == 0 and at < len(data):
            data = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + \
                data[at + 1:]
        elif kind == 1:
            data = data[:at] + rng.randbytes(rng.randrange(4)) + data[at:]
        elif kind == 2:
            data = data[:at] + data[at + n:]
        elif kind == 3:
            to = rng.randrange(len(data) + 1)
            data = data[:to] + data[at:at + n] + data[to:]
        elif kind in (4, 5):
            data = data[:at] + rng.choice(WORDS) + \
                data[at + n * (kind == 4):]
        elif kind == 6:
            data += rng.choice(CORPUS)
        elif rng.randrange(4) == 0:
            data = data[:at]
    return data


def is_right(out, data):
    """Whether a server may have said this; HEAD is not asked for."""
    if b"HEAD" in data:
        return out[:9] in (b"", b"HTTP/1.1 ")
    found = responses(out)
    return None not in found and all(
        x.status in (100, 200, 204, 400, 404, 405, 408, 413, 414, 415, 417,
                     422, 431, 501, 503, 505) for x in found)


def ask_raw(port, data):
    s = socket.create_connection(("127.0.0.1", port), timeout=60)
    out = b""
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        while True:
            more = s.recv(65536)
            if not more:
                break
            out += more
    except ConnectionError:
        # A server that refuses does not read on for ever.
        pass
    s.close()
    return out


os.makedirs(root)
without_own_metrics(root)
ingest(root, LINES, *NOW)
server = Listening(root, *NOW)
n = 100000 if is_long() else 1500
wrong = []
statuses = {}
for i in range(n):
    data = mutate(rng.choice(CORPUS))
    try:
        out = ask_raw(server.port, data)
    except OSError as e:
        wrong.append((data, repr(e)))
        break
    for m in re.finditer(rb"HTTP/1\.1 (\d{3}) ", out):
        status = m.group(1).decode()
        statuses[status] = statuses.get(status, 0) + 1
    if not is_right(out, data):
        wrong.append((data, out))
ok(not wrong, "%d connections get well-formed answers" % n) or [
    diag(clip(x)) for x in wrong[:5]]
diag(", ".join("%s: %d" % x for x in sorted(statuses.items())))
ok(statuses.get("200", 0) + statuses.get("204", 0) > n / 5 and
   statuses.get("400", 0) > n / 10, "some of them good, some not")
same(server.ask("GET", "/health").status, 200, "the server is well")
same(server.stop(), 0, "and ends")
same(server.err, b"", "without a word")
same(os.listdir(temp + "/top"), ["root"], "nothing is outside of its root")
wrong = [x for x in os.listdir(root)
         if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", x)]
same(wrong, [], "nor has anything there a bad name")
r = run(["ntdb-inspect", "verify", "-q", "-r", root])
same((r.status, r.err), (0, b""), "what it has stored is intact")
done()
