"""Starting ntdb-httpd in all the ways there are, by the files of examples/."""

import http.client
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

from httpd import *

SRC = os.environ["NTDB_SRC"]


def free_port():
    """A port that nobody listens at just now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def poll(what, seconds=20):
    """Until it is true; whether it was."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


class Way:
    """A way of being started; one object is one running server."""

    needs = []              # programs
    prefix = ""             # of all paths
    keeps_alive = True      # one connection for all requests
    methods = ("GET", "HEAD", "POST", "PUT", "DELETE")
    cgi = False

    def __init__(self, root, args=()):
        self.root = root
        self.dir = tempfile.mkdtemp(dir=os.path.dirname(root))
        self.port = None
        self.processes = []
        self.connection = None
        # What examples start is replaced by this.
        self.program = program("ntdb-httpd")
        if args:
            self.program = self.write(
                "ntdb-httpd", "#!/bin/sh\nexec %s %s \"$@\"\n" % (
                    self.program, " ".join("'%s'" % a for a in args)), 0o755)
        self.start()
        if not poll(self.is_up):
            diag("%s does not answer" % type(self).__name__)

    @classmethod
    def missing(cls):
        return [p for p in cls.needs if shutil.which(p) is None]

    def write(self, name, text, mode=0o644):
        path = self.dir + "/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def example(self, name, **changes):
        """An example's text, for this root and program."""
        with open(SRC + "/examples/" + name) as f:
            text = f.read()
        for old, new in [("/usr/local/bin/ntdb-httpd", self.program),
                         ("/var/lib/ntdb", self.root), *changes.items()]:
            if old not in text:
                diag("%s: no %s in it" % (name, old))
            text = text.replace(old, new)
        return text

    def run(self, *argv, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("stdout", subprocess.DEVNULL)
        kw.setdefault("stderr", open(self.dir + "/err", "ab"))
        argv = [program(argv[0])] + list(argv[1:])
        p = subprocess.Popen(argv, start_new_session=True, **kw)
        self.processes.append(p)
        return p

    def err(self):
        with open(self.dir + "/err", "rb") as f:
            return f.read()

    def is_up(self):
        try:
            return self.ask("GET", "/health").status == 200
        except OSError:
            self.close()
            return False

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def ask(self, method, target, body=None, headers=None):
        if self.connection is None:
            self.connection = self.connect()
        c = self.connection
        c.request(method, self.prefix + target, body, headers or {})
        r = c.getresponse()
        found = Response(r.status, r.version, {
            k.lower(): v for k, v in r.getheaders()}, r.read())
        if not self.keeps_alive or r.will_close:
            self.close()
        return found

    def stop(self):
        self.close()
        for p in reversed(self.processes):
            p.terminate()
            try:
                p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()


class Pipe(Way):
    """One process for each request."""

    def start(self):
        pass

    def ask(self, method, target, body=None, headers=None):
        r = run(["sh", "-c", "exec \"$0\" -r \"$1\"", self.program, self.root],
                request(method, target, body, headers))
        found = responses(r.out, [0] if method == "HEAD" else [])
        if r.status != 0 or r.err or len(found) != 1 or found[0] is None:
            diag("%s %s: %r" % (method, target, r))
            return Response(0, "", {}, b"")
        return found[0]


class Listen(Way):
    def start(self):
        p = self.run(self.program, "-r", self.root, "--listen=127.0.0.1:0",
                     stderr=subprocess.PIPE)
        m = re.search(rb"127\.0\.0\.1:(\d+)", p.stderr.readline())
        self.port = int(m.group(1)) if m else 0


class Inetd(Way):
    needs = ["inetd"]

    def start(self):
        self.port = free_port()
        me = pwd.getpwuid(os.getuid()).pw_name
        self.run("inetd", "-i", self.write("inetd.conf", self.example(
            "inetd.conf", **{":8428": ":%d" % self.port,
                             " ntdb ": " %s " % me})))


class InetdPerRequest(Inetd):
    keeps_alive = False


class Socat(Way):
    needs = ["socat"]
    how = ""

    def start(self):
        p = self.run("socat", "-d", "-d", "TCP-LISTEN:0,bind=127.0.0.1,fork",
                     "EXEC:%s -r %s%s" % (self.program, self.root, self.how),
                     stderr=subprocess.PIPE)
        for line in p.stderr:
            m = re.search(rb"listening on .*:(\d+)$", line.strip())
            if m:
                self.port = int(m.group(1))
                break
        # What else it says is not wanted.
        self.run("cat", stdin=p.stderr)


class SocatPipes(Socat):
    """With descriptors 0 and 1 that differ."""

    how = ",pipes"


class Systemd(Way):
    """Descriptor 3 and LISTEN_FDS."""

    needs = ["systemd-socket-activate"]
    how = []

    def start(self):
        self.port = free_port()
        self.run("systemd-socket-activate", "--accept", *self.how, "-l",
                 "127.0.0.1:%d" % self.port, self.program, "-r", self.root)


class SystemdStdin(Systemd):
    """StandardInput=socket, as in the example."""

    how = ["--inetd"]


class Stunnel(Way):
    needs = ["stunnel", "openssl"]

    def start(self):
        self.port = free_port()
        pem = self.dir + "/ntdb.pem"
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-subj", "/CN=localhost", "-keyout", pem, "-out",
             self.dir + "/cert.pem"])
        with open(pem, "a") as f:
            f.write(open(self.dir + "/cert.pem").read())
        os.chmod(pem, 0o600)
        self.run("stunnel", self.write(
            "stunnel.conf", "foreground = yes\npid =\nsyslog = no\n" +
            self.example("stunnel.conf", **{
                "accept = 8429": "accept = 127.0.0.1:%d" % self.port,
                "/etc/stunnel/ntdb.pem": pem})))

    def connect(self):
        context = ssl.create_default_context(cafile=self.dir + "/cert.pem")
        context.check_hostname = False
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=60, context=context)


class Lighttpd(Way):
    needs = ["lighttpd"]
    prefix = "/ntdb"
    cgi = True

    def start(self):
        self.port = free_port()
        self.write("ntdb.conf", self.example("lighttpd.conf"))
        self.run("lighttpd", "-D", "-f", self.write("lighttpd.conf", """
server.document-root = "%s"
server.bind = "127.0.0.1"
server.port = %d
server.errorlog = "%s/lighttpd.err"
server.modules = ()
include "%s/ntdb.conf"
""" % (self.dir, self.port, self.dir, self.dir)))


class BusyboxHttpd(Way):
    needs = ["busybox"]
    prefix = "/cgi-bin/ntdb.cgi"
    keeps_alive = False     # and it does not say so
    methods = ("GET", "HEAD", "POST")
    cgi = True

    def start(self):
        self.port = free_port()
        self.write("www/cgi-bin/ntdb.cgi", self.example("ntdb.cgi"), 0o755)
        self.run("sh", SRC + "/examples/busybox-httpd", "127.0.0.1:%d" %
                 self.port, self.dir + "/www")


class Nginx(Way):
    needs = ["nginx", "fcgiwrap"]
    prefix = "/ntdb"
    cgi = True

    def start(self):
        self.port = free_port()
        sock = "unix:%s/sock" % self.dir
        self.write("ntdb.conf", self.example("nginx.conf", **{
            "unix:/run/fcgiwrap.socket": sock}))
        self.run("fcgiwrap", "-s", sock)
        temps = "".join("%s_temp_path %s/%s;\n" % (t, self.dir, t) for t in (
            "client_body", "fastcgi", "proxy", "uwsgi", "scgi"))
        self.run("nginx", "-p", self.dir, "-c", self.write("all.conf", """
daemon off;
master_process off;
pid %s/pid;
error_log %s/nginx.err;
events {}
http {
access_log off;
%s
server { listen 127.0.0.1:%d; include %s/ntdb.conf; }
}
""" % (self.dir, self.dir, temps, self.port, self.dir)))


ALL = [Pipe, Listen, Inetd, InetdPerRequest, Socat, SocatPipes, Systemd,
       SystemdStdin, Stunnel, Lighttpd, BusyboxHttpd, Nginx]
