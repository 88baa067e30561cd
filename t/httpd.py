"""Asking ntdb-httpd: through a pipe, or through its own socket.

Responses are taken apart here, by RFC 9112, and by nothing of the server's.
"""

import atexit
import http.client
import json
import re
import signal
import socket
import subprocess
import threading
import urllib.parse

from blackbox import *


class Response:
    def __init__(self, status, version, headers, body):
        self.status = status
        self.version = version
        self.headers = headers      # name in lower case: value
        self.body = body

    def json(self):
        return json.loads(self.body)

    def error(self):
        """(status, errorType, error) of an answer that says what is wrong."""
        try:
            j = self.json()
            return (self.status, j["errorType"], j["error"])
        except (ValueError, KeyError, TypeError):
            return (self.status, None, self.body)

    def __repr__(self):
        return "%s %s %s" % (self.status, self.headers, clip(self.body, 600))


def _chunked(data):
    """Body and rest of chunked data; None: it is not complete."""
    body = b""
    while True:
        m = re.match(rb"([0-9a-fA-F]+)[^\r\n]*\r\n", data)
        if m is None:
            return None
        n = int(m.group(1), 16)
        chunk, data = data[m.end():m.end() + n], data[m.end() + n:]
        if len(chunk) < n or not data.startswith(b"\r\n"):
            return None
        data = data[2:]
        body += chunk
        if n == 0:
            return body, data


def responses(data, heads=()):
    """All responses in what a server sent, one behind the other.

    heads: the numbers of those that answer a HEAD.  What is no response ends
    the list with None.
    """
    found = []
    while data:
        head, blank, rest = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        m = re.fullmatch(rb"HTTP/(1\.[01]) (\d{3}) [^\r\n]*", lines[0])
        fields = [re.fullmatch(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*"
                               rb"([^\r\n]*?)[ \t]*", x) for x in lines[1:]]
        if not blank or m is None or None in fields:
            return found + [None]
        headers = {f.group(1).decode().lower(): f.group(2).decode("latin-1")
                   for f in fields}
        status = int(m.group(2))
        if status < 200 or status in (204, 304) or len(found) in heads:
            body, data = b"", rest
        elif headers.get("transfer-encoding") == "chunked":
            parts = _chunked(rest)
            if parts is None:
                return found + [None]
            body, data = parts
        elif "content-length" in headers:
            n = int(headers["content-length"])
            body, data = rest[:n], rest[n:]
            if len(body) < n:
                return found + [None]
        else:
            body, data = rest, b""
        found.append(Response(status, m.group(1).decode(), headers, body))
    return found


def request(method, target, body=None, headers=None, close=True):
    """The bytes of a request of HTTP/1.1."""
    if isinstance(body, str):
        body = body.encode()
    lines = ["%s %s HTTP/1.1" % (method, target), "Host: localhost"]
    lines += ["%s: %s" % h for h in (headers or {}).items()]
    if body is not None:
        lines.append("Content-Length: %d" % len(body))
    if close:
        lines.append("Connection: close")
    return "\r\n".join(lines + ["", ""]).encode() + (body or b"")


def pipe(root, data, *args, **kw):
    """Run ntdb-httpd on a pipe: its Result."""
    return run(["ntdb-httpd", "-r", root, *args], data, **kw)


def ask(root, method, target, body=None, headers=None, args=(), **kw):
    """One request through a pipe; its Response."""
    r = pipe(root, request(method, target, body, headers), *args, **kw)
    found = responses(r.out, [0] if method == "HEAD" else [])
    if r.status != 0 or r.err or len(found) != 1 or found[0] is None:
        diag("%s %s: %r" % (method, target, r))
        return Response(0, "", {}, b"")
    return found[0]


def url(path, **parameters):
    """A target with its parameters encoded; _ at their end is dropped."""
    return path + "?" + urllib.parse.urlencode(
        [(k.rstrip("_"), v) for k, v in parameters.items()])


class Listening:
    """ntdb-httpd --listen on a free port.

    stop() gives its exit status, 0 if it ended by the SIGTERM that told it
    to, as all programs of the suite do.
    """

    def __init__(self, root, *args):
        self.p = subprocess.Popen(
            [program("ntdb-httpd"), "-r", root, "--listen=127.0.0.1:0",
             *args], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        atexit.register(self.p.kill)
        line = self.p.stderr.readline().decode()
        m = re.search(r"127\.0\.0\.1:(\d+)", line)
        if m is None:
            print("Bail out! not listening: %r" % line)
            sys.exit(1)
        self.port = int(m.group(1))

    def connect(self, timeout=60):
        return http.client.HTTPConnection("127.0.0.1", self.port,
                                          timeout=timeout)

    def ask(self, method, target, body=None, headers=None):
        c = self.connect()
        c.request(method, target, body, headers or {})
        r = c.getresponse()
        found = Response(r.status, r.version, {
            k.lower(): v for k, v in r.getheaders()}, r.read())
        c.close()
        return found

    def stop(self, timeout=30):
        self.p.send_signal(signal.SIGTERM)
        try:
            self.err = self.p.communicate(timeout=timeout)[1]
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.err = self.p.communicate()[1]
            return "no end after SIGTERM"
        return 0 if self.p.returncode == -signal.SIGTERM else \
            self.p.returncode


class Inetd:
    """ntdb-httpd for each connection anew, which is its 0, 1 and 2."""

    def __init__(self, root, *args):
        self.argv = [program("ntdb-httpd"), "-r", root, *args]
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.socket.getsockname()[1]
        self.children = []
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                c = self.socket.accept()[0]
            except OSError:
                return
            self.children = [p for p in self.children if p.poll() is None]
            self.children.append(subprocess.Popen(self.argv, stdin=c, stdout=c,
                                                  stderr=c))
            c.close()

    connect = Listening.connect
    ask = Listening.ask

    def stop(self, timeout=30):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()
        return max([p.wait(timeout) for p in self.children], default=0)
