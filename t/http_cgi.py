"""CGI by hand, and one socket for everything: see t/6110-cgi.t."""

import gzip
import socket

from httpd import *

temp = tempdir()
root = temp + "/root"
T = 1793534400
LINE = b"a/x 1 %d\n" % (T * 10**9)


def cgi(path, method="GET", query_string="", body=b"", args=(), where=root,
        **env):
    """(headers in lower case, body, exit status, what is left of stdin)."""
    full = {"PATH": os.environ["PATH"], "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_METHOD": method,
            "PATH_INFO": path, "QUERY_STRING": query_string,
            "REMOTE_ADDR": "192.0.2.7", "NTDB_ROOT": where, **env}
    if body and "CONTENT_LENGTH" not in env:
        full["CONTENT_LENGTH"] = str(len(body))
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        if name in os.environ:
            full[name] = os.environ[name]
    full = {k: v for k, v in full.items() if v is not None}
    r = run(["sh", "-c", 'ntdb-httpd "$@"; s=$?; cat >&2; exit $s', "sh",
             *args], body, env=full)
    head, blank, rest = r.out.partition(b"\r\n\r\n")
    headers = dict(x.split(": ", 1) for x in head.decode().split("\r\n")
                   if ": " in x)
    return ({k.lower(): v for k, v in headers.items()}, rest, r.status, r.err)


h, body, status, err = cgi("/health")
same((h.get("status"), h.get("content-type"), body, status, err),
     ("200 OK", "text/plain; charset=utf-8", b"OK\n", 0, b""), "a response")
same([x in h for x in ("date", "connection", "transfer-encoding")],
     [False] * 3, "leaves to the server what is the server's")
same(cgi("")[0]["status"], "404 Not Found", "no path is /")
same(cgi("/none")[2], 0, "an error is reported, so the exit status is 0")
h, body, status, _ = cgi("/health", "HEAD")
same((h["status"], body, status), ("200 OK", b"", 0), "HEAD has no body")

h, body, status, err = cgi("/api/v1/import", "POST", body=LINE + b"rest",
                           CONTENT_LENGTH=str(len(LINE)))
same((h["status"], body, status), ("204 No Content", b"", 0), "a body")
same(samples(root), [["a/x", str(T * 10**9), "int32", "1"]], "is stored")
same(err, b"rest", "and nothing behind it is read")
for length, want in (("", "204 No Content"), (None, "204 No Content"),
                     ("x", "400 Bad Request"), ("-1", "400 Bad Request"),
                     ("99999999999999999999999", "413 Content Too Large"),
                     ("100", "400 Bad Request")):
    h, _, status, _ = cgi("/api/v1/import", "POST", CONTENT_LENGTH=length)
    same((h.get("status"), status), (want, 0), "CONTENT_LENGTH=%s" % length)
h = cgi("/api/v1/import", "POST", body=gzip.compress(LINE),
        HTTP_CONTENT_ENCODING="gzip")[0]
same(h["status"], "204 No Content", "a body in gzip")
h, body, _, _ = cgi("/api/v1/query", "POST", body=b"query=a%2Fx",
                    CONTENT_TYPE="application/x-www-form-urlencoded")
same((h["status"], json.loads(body)["data"]["result"][0]["value"]),
     ("200 OK", [T, "1"]), "a form")
h, body, _, _ = cgi("/api/v1/query", query_string="query=a%2Fx")
same(json.loads(body)["data"]["result"][0]["value"], [T, "1"],
     "a query string, not decoded before")

big = "".join("big/x %d %d\n" % (i, T * 10**9 + i) for i in range(5000))
ingest(root, big)
plain = cgi("/api/v1/export", query_string="match=big")
ok(plain[0]["status"] == "200 OK" and len(plain[1]) > 65536 and
   plain[1].count(b"\n") == 5000, "a long response")
h, body, _, _ = cgi("/api/v1/export", query_string="match=big",
                    HTTP_ACCEPT_ENCODING="gzip")
same((h.get("content-encoding"), gzip.decompress(body) == plain[1]),
     ("gzip", True), "the same in gzip")

for path, want in (("/api/%31", "404 Not Found"), ("/%2e%2e/x",
                   "404 Not Found"), ("/../x", "400 Bad Request"),
                   ("/a/./b", "400 Bad Request"), ("/a\\b",
                   "400 Bad Request"), ("health", "400 Bad Request")):
    same(cgi(path)[0]["status"], want, "PATH_INFO=%s, decoded already" % path)
same(cgi("/health", "BREW")[0]["status"], "405 Method Not Allowed",
     "an unknown method")
same(cgi("/health", REQUEST_METHOD=None)[0]["status"],
     "405 Method Not Allowed", "no method")

# Words of a query string without `=' are arguments for some servers.
h, _, status, _ = cgi("/health", query_string="--listen+x",
                      args=["--listen", "x"])
same((h["status"], status), ("400 Bad Request", 0),
     "arguments that a client may have sent are none")
h, _, _, _ = cgi("/api/v1/export", query_string="match=big",
                 args=["-r", temp + "/none"])
same(h.get("content-length"), "0", "others are")
same(cgi("/health", query_string="x")[0]["status"], "200 OK",
     "and without any it does not matter")
same(cgi("/health", HTTP_PROXY="http://127.0.0.1:1")[0]["status"], "200 OK",
     "a proxy is not asked")

closed = temp + "/closed"
os.makedirs(closed)
with open(closed + "/engine.ini", "w") as f:
    f.write("[httpd]\nauth_file = tokens\n")
with open(closed + "/tokens", "w") as f:
    f.write("read secret\n")
h, body, status, err = cgi("/api/v1/labels", where=closed)
os.chmod(closed + "/tokens", 0o644)
h, body, status, err = cgi("/api/v1/labels", where=closed)
same((h["status"], status, b"chmod 600" in err), ("503 Service Unavailable",
     0, True), "a file of tokens that others can read")
os.chmod(closed + "/tokens", 0o600)
same(cgi("/api/v1/labels", where=closed)[0]["status"], "401 Unauthorized",
     "no token")
same(cgi("/api/v1/labels", where=closed,
         HTTP_AUTHORIZATION="Bearer secret")[0]["status"], "200 OK", "a token")
log = cgi("/health", args=["--access-log"], query_string="a=b")[3]
ok(re.fullmatch(rb'192\.0\.2\.7 - - \[.*\] "GET /health\?a=b HTTP/1\.1" 200 '
                rb'3\n', log), "the log") or diag(log)

# ---- one socket for everything, as inetd has it


def on_socket(where, data, *args, err=None):
    """What a client gets whose socket is 0, 1 and 2, or err is 2."""
    ours, theirs = socket.socketpair()
    p = subprocess.Popen([program("ntdb-httpd"), "-r", where, *args],
                         stdin=theirs, stdout=theirs, stderr=err or theirs)
    theirs.close()
    try:
        ours.sendall(data)
        ours.shutdown(socket.SHUT_WR)
    except (BrokenPipeError, ConnectionResetError):
        pass                    # it has ended without reading
    out = b""
    while True:
        more = ours.recv(65536)
        if not more:
            break
        out += more
    ours.close()
    return out, p.wait()


GET = request("GET", "/api/v1/labels")
os.chmod(closed + "/tokens", 0o644)
out, status = on_socket(closed, GET)
r = responses(out)
same(([x and x.status for x in r], status), ([503], 78),
     "a message goes nowhere where the client could see it")
same(b"chmod" in out, False, "of that, too")
out, status = on_socket(root, GET, "--access-log")
same(([x and x.status for x in responses(out)], status), ([200], 0),
     "nor does the log")
with open(temp + "/err", "w+b") as f:
    on_socket(root, GET, "--access-log", err=f)
    f.seek(0)
    ok(b'"GET /api/v1/labels HTTP/1.1" 200 ' in f.read(),
       "where standard error is something else it is written there")
out, status = on_socket(root, b"", "--no-such-option")
same((out, status), (b"", 64), "nor what is wrong with the command line")
with socket.create_server(("127.0.0.1", 0)) as s:
    r = run(["ntdb-httpd", "-r", root], stdin=s)
    same((r.status, r.out, b"a connection is needed" in r.err),
         (64, b"", True), "a socket that waits is no connection")
done()
