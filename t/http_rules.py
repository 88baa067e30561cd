"""What HTTP allows and what it does not: see t/6000-http-rules.t."""

import gzip
import os

from httpd import *

temp = tempdir()
root = temp + "/root"
HOST = b"Host: h\r\n"
NEXT = b"GET /-/ready HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
IMPORT = b"POST /api/v1/import HTTP/1.1\r\n" + HOST
roots = 0


def fresh(engine=""):
    global roots
    roots += 1
    path = "%s/root%d" % (temp, roots)
    if engine:
        os.makedirs(path)
        with open(path + "/engine.ini", "w") as f:
            f.write(engine)
    return path


def statuses(data, where=root, heads=(), **kw):
    """The statuses of all responses; None for what is no response."""
    r = pipe(where, data, **kw)
    if r.status != 0 or r.err:
        diag(r)
        return [r.status]
    return [x and x.status for x in responses(r.out, heads)]


def refused(name, data, status, where=root):
    """It is refused, and what follows it is not answered."""
    r = pipe(where, data + NEXT)
    found = responses(r.out)
    if len(found) != 1 or None in found or r.status != 0 or r.err:
        ok(False, name)
        diag("%s: %r" % (clip(data, 300), r))
        return
    x = found[0]
    want = (status, "bad_data", "close", "application/json")
    got = (x.status, x.error()[1], x.headers.get("connection"),
           x.headers.get("content-type"))
    same(got, want, name)


def allowed(name, data, status=200, where=root):
    """It is answered so, and so is what follows it."""
    same(statuses(data + NEXT, where), [status, 200], name)


GET = b"GET /health HTTP/1.1\r\n"

# ---- the request line

refused("no version", b"GET /health\r\n" + HOST + b"\r\n", 400)
refused("HTTP/0.9", b"GET /health\r\n\r\n", 400)
refused("a blank too many", b"GET  /health HTTP/1.1\r\n" + HOST + b"\r\n", 400)
refused("a blank at its end", b"GET /health HTTP/1.1 \r\n" + HOST + b"\r\n",
        400)
refused("a blank in the target", b"GET /he alth HTTP/1.1\r\n" + HOST +
        b"\r\n", 400)
refused("a tab", b"GET\t/health HTTP/1.1\r\n" + HOST + b"\r\n", 400)
refused("a method that is no token", b"G{T /health HTTP/1.1\r\n" + HOST +
        b"\r\n", 400)
refused("HTTP/2.0", b"GET /health HTTP/2.0\r\n" + HOST + b"\r\n", 505)
refused("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)
refused("http/1.1", b"GET /health http/1.1\r\n" + HOST + b"\r\n", 400)
refused("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400)
refused("an empty line too many", b"\r\n\r\n" + GET + HOST + b"\r\n", 400)
allowed("an empty line before it", b"\r\n" + GET + HOST + b"\r\n")
allowed("HTTP/1.2", b"GET /health HTTP/1.2\r\n" + HOST + b"\r\n")
allowed("an absolute target", b"GET http://h/health HTTP/1.1\r\n" + HOST +
        b"\r\n")
allowed("a query that is not needed", b"GET /health?a=%41&b HTTP/1.1\r\n" +
        HOST + b"\r\n")
allowed("an unknown method", b"BREW /health HTTP/1.1\r\n" + HOST + b"\r\n",
        405)
allowed("a method in lower case", b"get /health HTTP/1.1\r\n" + HOST +
        b"\r\n", 405)
allowed("OPTIONS *", b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 404)
refused("CONNECT", b"CONNECT h:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400)
refused("a password in the target", b"GET http://u:p@h/health HTTP/1.1\r\n" +
        HOST + b"\r\n", 400)
refused("a request line of more than 64 KiB", b"GET /" + b"x" * 65536 +
        b" HTTP/1.1\r\n" + HOST + b"\r\n", 414)
refused("one without end", b"GET /" + b"x" * 300000, 414)
allowed("one of 64 KiB", b"GET /health?" + b"x" * (65536 - 21) +
        b" HTTP/1.1\r\n" + HOST + b"\r\n")

# ---- paths

for path, status in (
        (b"/%00", 400), (b"/health%00", 400), (b"/health?a=%00", 400),
        (b"/health?%00=a", 400), (b"/%", 400), (b"/health%2", 400),
        (b"/health?a=%zz", 400), (b"/../health", 400), (b"/./health", 400),
        (b"/a/../health", 400), (b"/..", 400), (b"/%2e%2e/health", 400),
        (b"/%2E./health", 400), (b"/a%2f..%2fhealth", 400),
        (b"/..%5c..%5chealth", 400), (b"/health%0d%0aA:%20b", 400),
        (b"/health#a", 400)):
    refused("the path %s" % path.decode(), b"GET " + path + b" HTTP/1.1\r\n" +
            HOST + b"\r\n", status)
for path, status in (
        (b"/he%61lth", 200), (b"/%2568ealth", 404), (b"/%252e%252e/x", 404),
        (b"//health", 404), (b"/health/", 404), (b"/HEALTH", 404),
        (b"/", 404), (b"/health%20", 404), (b"/he+lth", 404)):
    allowed("the path %s" % path.decode(), b"GET " + path + b" HTTP/1.1\r\n" +
            HOST + b"\r\n", status)

# ---- headers

for name, header, status in (
        ("a folded header", b"A: b\r\n c\r\n", 400),
        ("a header that begins with a blank", b" A: b\r\n", 400),
        ("white space before the colon", b"A : b\r\n", 400),
        ("no colon", b"A\r\n", 400),
        ("no name", b": b\r\n", 400),
        ("a name that is no token", b"A b: c\r\n", 400),
        ("a bare CR", b"A: b\rc\r\n", 400),
        ("a bare CR at the end", b"A: b\r\r\n", 400),
        ("LF alone", b"A: b\n", 400),
        ("a NUL", b"A: b\0c\r\n", 400),
        ("a control character", b"A: b\x08\r\n", 400),
        ("two Hosts", b"host: h\r\n", 400),
        ("an expectation", b"Expect: more\r\n", 417),
        ("more than 100 headers", b"A: b\r\n" * 100, 431),
        ("headers of more than 32 KiB", b"A: " + b"x" * 32768 + b"\r\n", 431),
        ("headers without end", b"A: " + b"x" * 300000, 431),
        ("a Content-Length of +5", b"Content-Length: +5\r\n", 400),
        ("a Content-Length of -5", b"Content-Length: -5\r\n", 400),
        ("a Content-Length of 0x5", b"Content-Length: 0x5\r\n", 400),
        ("a Content-Length of 5 5", b"Content-Length: 5 5\r\n", 400),
        ("a Content-Length of nothing", b"Content-Length: \r\n", 400),
        ("two Content-Lengths", b"Content-Length: 5\r\nContent-Length: 6\r\n",
         400),
        ("a Content-Length with two values", b"Content-Length: 5, 6\r\n", 400),
        ("Content-Length and Transfer-Encoding", b"Content-Length: 5\r\n"
         b"Transfer-Encoding: chunked\r\n", 400),
        ("Transfer-Encoding and Content-Length",
         b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),
        ("two Transfer-Encodings", b"Transfer-Encoding: chunked\r\n"
         b"Transfer-Encoding: chunked\r\n", 400),
        ("a Transfer-Encoding that ends otherwise",
         b"Transfer-Encoding: chunked, gzip\r\n", 400),
        ("a Transfer-Encoding that is not supported",
         b"Transfer-Encoding: gzip, chunked\r\n", 501),
        ("two Authorizations", b"Authorization: Bearer a\r\n"
         b"Authorization: Bearer b\r\n", 400)):
    refused(name, b"POST /health HTTP/1.1\r\n" + HOST + header + b"\r\n",
            status)
refused("no Host", GET + b"\r\n", 400)
refused("no Host beside an absolute target",
        b"GET http://h/health HTTP/1.1\r\n\r\n", 400)
refused("a Host that is none", GET + b"Host: a b\r\n\r\n", 400)
refused("Transfer-Encoding in HTTP/1.0",
        b"POST /health HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400)
refused("a head that is cut short", GET + HOST, 400)
allowed("100 headers", GET + HOST + b"A: b\r\n" * 99 + b"\r\n")
allowed("headers of 32 KiB", GET + HOST + b"A: " +
        b"x" * (32768 - len(HOST) - 5) + b"\r\n\r\n")
allowed("an empty Host", GET + b"Host:\r\n\r\n")
allowed("a name in another case", GET + b"hOsT: h\r\n\r\n")
allowed("bytes above ASCII in a value", GET + HOST + b"A: \xe9\xff\r\n\r\n")

# ---- the end of the connection

CLOSE = b"Connection: close\r\n"
KEEP = b"Connection: keep-alive\r\n"
OLD = b"GET /health HTTP/1.0\r\n"
for name, data, want in (
        ("1.1 goes on", GET + HOST + b"\r\n" + NEXT, [200, 200]),
        ("1.1 ends if asked to", GET + HOST + CLOSE + b"\r\n" + NEXT, [200]),
        ("by any element", GET + HOST + b"Connection: a, CLOSE ,b\r\n\r\n" +
         NEXT, [200]),
        ("1.0 ends", OLD + b"\r\n" + NEXT, [200]),
        ("1.0 goes on if asked to", OLD + KEEP + b"\r\n" + NEXT, [200, 200]),
        ("close wins", OLD + b"Connection: close, keep-alive\r\n\r\n" + NEXT,
         [200])):
    same(statuses(data), want, name)
for name, data, want in (
        ("1.1 says nothing of going on", GET + HOST + b"\r\n", None),
        ("1.1 says that it ends", GET + HOST + CLOSE + b"\r\n", "close"),
        ("1.0 says that it goes on", OLD + KEEP + b"\r\n", "keep-alive"),
        ("1.0 says that it ends", OLD + b"\r\n", "close")):
    same(responses(pipe(root, data).out)[0].headers.get("connection"), want,
         name)

# ---- bodies

LINES = b"a/x 1 1700000000000000000\na/x 2 1700000001000000000\n"
CHUNKED = IMPORT + b"Transfer-Encoding: chunked\r\n\r\n"


def in_chunks(data, size, ext=b"", trailers=b""):
    parts = [data[i:i + size] for i in range(0, len(data), size)]
    return b"".join(b"%x%s\r\n%s\r\n" % (len(p), ext, p) for p in parts) + \
        b"0" + ext + b"\r\n" + trailers + b"\r\n"


def with_length(data, headers=b""):
    return IMPORT + headers + b"Content-Length: %d\r\n\r\n" % len(data) + data


def stores(name, data):
    """It is stored, and what follows is answered."""
    where = fresh()
    same((statuses(data + NEXT, where), [x[3] for x in samples(where) or []]),
         ([204, 200], ["1", "2"]), name)


stores("a body of known length", with_length(LINES))
stores("one in chunks", CHUNKED + in_chunks(LINES, 7))
stores("one in one chunk", CHUNKED + in_chunks(LINES, 1000))
stores("one in chunks with extensions", CHUNKED + in_chunks(
    LINES, 11, b";a=b ; c=\"d\""))
stores("one in chunks with trailers", CHUNKED + in_chunks(
    LINES, 11, b"", b"A: b\r\nC: d\r\n"))
stores("one in gzip", with_length(
    gzip.compress(LINES), b"Content-Encoding: gzip\r\n"))
stores("one in two members of gzip", with_length(
    gzip.compress(LINES[:30]) + gzip.compress(LINES[30:]),
    b"Content-Encoding: x-gzip\r\n"))
stores("one in gzip in chunks", IMPORT + b"Content-Encoding: gzip\r\n"
       b"Transfer-Encoding: chunked\r\n\r\n" +
       in_chunks(gzip.compress(LINES), 5))
stores("one that is not encoded", with_length(
    LINES, b"Content-Encoding: identity\r\n"))
allowed("an empty body", with_length(b""), 204)
allowed("an empty body in chunks", CHUNKED + b"0\r\n\r\n", 204)
allowed("no body", IMPORT + b"\r\n", 204)
for name, chunks in (
        ("a chunk without size", b"\r\nabc\r\n0\r\n\r\n"),
        ("a signed size of a chunk", b"+3\r\nabc\r\n0\r\n\r\n"),
        ("0x before the size of a chunk", b"0x3\r\nabc\r\n0\r\n\r\n"),
        ("a blank before the size of a chunk", b" 3\r\nabc\r\n0\r\n\r\n"),
        ("a size of a chunk that is no number", b"g\r\nabc\r\n0\r\n\r\n"),
        ("a size of a chunk beyond 64 bits", b"1" + b"0" * 16 + b"\r\nabc"),
        ("LF alone behind the size of a chunk", b"3\nabc\r\n0\r\n\r\n"),
        ("a chunk that is longer than its size", b"3\r\nabcd\r\n0\r\n\r\n"),
        ("a chunk that is shorter than its size", b"3\r\nab\r\n0\r\n\r\n"),
        ("a long extension of a chunk", b"3;" + b"x" * 1000 + b"\r\nabc"),
        ("long trailers", b"0\r\n" + b"A: b\r\n" * 2000),
        ("a folded trailer", b"0\r\n A: b\r\n\r\n")):
    refused(name, CHUNKED + chunks, 400)
for name, data in (
        ("a body that is cut short", with_length(LINES)[:-5]),
        ("chunks that are cut short", CHUNKED + in_chunks(LINES, 9)[:-30]),
        ("trailers that are cut short", CHUNKED + in_chunks(LINES, 9)[:-1]),
        ("gzip that is cut short", with_length(
            gzip.compress(LINES)[:-5], b"Content-Encoding: gzip\r\n"))):
    where = fresh()
    r = pipe(where, data)
    same([x and x.status for x in responses(r.out)], [400], name)
refused("gzip that is none", with_length(
    LINES, b"Content-Encoding: gzip\r\n"), 400)
broken = bytearray(gzip.compress(LINES))
broken[-6] ^= 1
refused("gzip with a wrong checksum", with_length(
    bytes(broken), b"Content-Encoding: gzip\r\n"), 400)
refused("something behind gzip", with_length(
    gzip.compress(LINES) + b"x" * 20, b"Content-Encoding: gzip\r\n"), 400)
for coding in (b"br", b"deflate", b"gzip, gzip", b"zstd"):
    same(statuses(with_length(LINES, b"Content-Encoding: " + coding +
                              b"\r\n")), [415],
         "Content-Encoding: " + coding.decode())

# Bodies that are not read are read away, if they are short.
OTHER = b"POST /api/v1/none HTTP/1.1\r\n" + HOST
allowed("a short body that nobody wants",
        OTHER + b"Content-Length: 60000\r\n\r\n" + b"x" * 60000, 404)
same(statuses(OTHER + b"Content-Length: 200000\r\n\r\n" + b"x" * 200000 +
              NEXT), [404], "a long one ends the connection")

# ---- how large a body may be

small = fresh("[httpd]\nmax_body = 4KiB\n")
line = b"a/x 1 1700000000000000000\n"
full = (line * 200)[:4096 - 4096 % len(line)] + b"#" * (4096 % len(line))


def in_gzip(data):
    return gzip.compress(data), b"Content-Encoding: gzip\r\n"


allowed("a body as large as allowed", with_length(full), 204, small)
refused("one byte more", with_length(full + b"#"), 413, small)
refused("more than anybody could send",
        IMPORT + b"Content-Length: 99999999999999999999999999\r\n\r\n", 413,
        small)
allowed("the same in chunks", CHUNKED + in_chunks(full, 1000), 204, small)
refused("one byte more in chunks", CHUNKED + in_chunks(full + b"#", 1000),
        413, small)
allowed("four times that, unpacked", with_length(*in_gzip(full * 4)), 204,
        small)
refused("one byte more", with_length(*in_gzip(full * 4 + b"#")), 413, small)
refused("much more", with_length(*in_gzip(b"#" * 1000000)), 413, small)
FORM = b"POST /api/v1/query HTTP/1.1\r\n" + HOST + \
    b"Content-Type: application/x-www-form-urlencoded\r\n"
refused("a form of more than 1 MiB", FORM + b"Content-Length: 1100000\r\n\r\n"
        + b"a=" + b"x" * 1100000, 413)
refused("a form with %00", FORM + b"Content-Length: 5\r\n\r\na=%00", 400)
refused("a form with too many parameters", FORM +
        b"Content-Length: 4004\r\n\r\n" + b"a=b&" * 1001, 400)

# ---- Expect: 100-continue

EXPECT = b"Expect: 100-continue\r\n"
body = b"Content-Length: %d\r\n\r\n" % len(LINES)
same(statuses(with_length(LINES, EXPECT) + NEXT, small), [204, 200],
     "nothing is said to who does not wait")
same(statuses(OTHER + EXPECT + b"Content-Length: 5\r\n\r\n"), [404],
     "nor if the body is not wanted")
same(statuses(IMPORT + EXPECT + b"Content-Length: 99999999999\r\n\r\n"),
     [413], "nor if it is too large")
same(statuses(b"POST /api/v1/import HTTP/1.0\r\n" + EXPECT + body + LINES,
              small), [204], "nor by HTTP/1.0")

# ---- responses

r = responses(pipe(root, b"HEAD /health HTTP/1.1\r\n" + HOST + b"\r\n" +
                   NEXT).out, [0])
same([x and (x.status, x.headers.get("content-length")) for x in r],
     [(200, "3"), (200, "3")], "HEAD is GET without the body")
r = responses(pipe(root, with_length(b"")).out)[0]
same([r.headers.get(h) for h in ("content-length", "content-type",
                                 "transfer-encoding")], [None] * 3,
     "204 has no body, and says nothing of one")
ok(re.fullmatch(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} "
                r"\d\d:\d\d:\d\d GMT", r.headers.get("date", "")),
   "there is a date")
evil = pipe(root, b"GET /api/v1/%0dSet-Cookie:x HTTP/1.1\r\n" + HOST +
            b"\r\nGET /evil?evil=evil HTTP/1.1\r\nHost: evil\r\n"
            b"Evil: evil\r\n\r\n").out
heads = [x.partition(b"\r\n\r\n")[0] for x in evil.split(b"HTTP/1.1 ")]
ok(not any(b"evil" in h or b"Cookie" in h for h in heads),
   "nothing of a request is in the head of a response") or diag(evil)

# ---- how it ends

same(pipe(root, b"").out, b"", "nothing is said to nobody")
same(statuses(b"\r\n"), [], "nor to an empty line")
r = pipe(root, GET + HOST + b"\r\n", stdout=open("/dev/full", "wb"))
same(r.status, 74, "a response that cannot be written")
for fds in ("0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"):
    r = run(["sh", "-c", "printf 'GET /health HTTP/1.0\\r\\n\\r\\n' |"
             "{ ntdb-httpd -r %s %s; }" % (root, fds)])
    ok(r.status in (0, 74) and (b"200 OK" in r.out or "2>&-" != fds),
       "started with %s" % fds) or diag(r)
ok(not os.path.exists(root), "none of that has made anything")
done()
