"""One run of a program with a fault in it, from the same files each time."""

import os
import re
import shutil
import subprocess

from blackbox import *

shim = None


def build_shim(temp):
    """Compile t/faulty-io.c, which makes writes short."""
    global shim
    shim = temp + "/faulty-io.so"
    subprocess.run(
        [os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE",
         "-D_FILE_OFFSET_BITS=64", "-O2", "-shared", "-fPIC", "-o", shim,
         os.path.join(os.path.dirname(__file__), "faulty-io.c"), "-ldl"],
        check=True)


class Tree:
    """The files below a directory, to be put elsewhere as they are.

    catalog.json is a link to the original, as a cache knows its inode; no
    program changes it in place.
    """

    def __init__(self, path):
        self.path = path
        self.files = self.read(path)

    @staticmethod
    def read(top):
        found = {}
        for at, dirs, names in os.walk(top):
            for x in dirs:
                found[os.path.relpath(os.path.join(at, x), top)] = None
            for x in names:
                path = os.path.join(at, x)
                with open(path, "rb") as f:
                    found[os.path.relpath(path, top)] = f.read()
        return found

    def put(self, root):
        shutil.rmtree(root, ignore_errors=True)
        if not os.path.isdir(self.path):
            return
        os.mkdir(root)
        for name, data in sorted(self.files.items()):
            old = os.path.join(self.path, name)
            new = os.path.join(root, name)
            if data is None:
                os.mkdir(new)
            elif os.path.basename(name) == "catalog.json":
                os.link(old, new)
            else:
                shutil.copy2(old, new)

    def is_at(self, root):
        return os.path.isdir(root) == os.path.isdir(self.path) and \
            self.read(root) == self.files


class Fault:
    """kind is kill, error, error+ or write; what is an error or a HOW.

    args are those of the call when there was no fault.
    """

    def __init__(self, kind, name, nth, what="", args=""):
        self.kind, self.name, self.nth, self.what = kind, name, nth, what
        self.args = args

    def __repr__(self):
        return "%s %s %s %d" % (self.kind, self.what, self.name, self.nth)

    def run(self, argv, data, place):
        """The Result; the call that was hit, as text; the trace's rest.

        place is a path for files of this worker.
        """
        if self.kind == "write":
            return self.run_short(argv, data, place + ".hit")
        # The kernel tells a failure of brk by the old end.
        inject = "signal=SIGKILL" if self.kind == "kill" else \
            "retval=0" if self.name == "brk" else "error=" + self.what
        watched = self.name
        if self.name == "fdatasync":
            watched += ",pwrite64,renameat"
        with open(data) as f:
            r = run(["strace", "-y", "-s", "60", "-o", place + ".trace",
                     "-e", "trace=" + watched, "-e", "inject=%s:%s:when=%d%s" %
                     (self.name, inject, self.nth,
                      "+" * self.kind.endswith("+")),
                     program(argv[0]), *argv[1:]], stdin=f, timeout=60)
        with open(place + ".trace", errors="replace") as f:
            lines = f.read().splitlines()
        if self.kind == "kill":
            hit = [x for x in lines if x.startswith(self.name + "(")][-1:]
            fired = r.status in ("signal 9", 137)
            return r, hit[0] if fired and hit else None, []
        for i, x in enumerate(lines):
            if x.endswith("(INJECTED)"):
                return r, x, lines[i + 1:]
        return r, None, []

    def run_short(self, argv, data, hit):
        if os.path.exists(hit):
            os.unlink(hit)
        env = dict(os.environ, LD_PRELOAD=shim, NTDB_FAULTY="%s %d %s" % (
            self.what, self.nth, hit))
        # Wherever a sanitizer's library comes.
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + \
            ":verify_asan_link_order=0"
        with open(data) as f:
            r = run(argv, stdin=f, env=env, timeout=60)
        if not os.path.exists(hit):
            return r, None, []
        with open(hit) as f:
            return r, "write: " + f.read().strip(), []

    @property
    def sort(self):
        """The same for calls of a name on files of a kind."""
        names = re.findall(r'[\w.-]+\.(?:ini|json|wal|dat|cache|tar|log|lp)',
                           self.args)
        return self.name, re.sub(r"[0-9a-f]{8}|\d+", "", "".join(names))

    @property
    def kills(self):
        return self.kind == "kill" or self.what == "torn"

    def path(self, hit):
        """The file, below the root, of the call that was hit, or ''."""
        names = re.findall(r"<(/[^>]*)>", hit)
        return names[0] if names else ""
