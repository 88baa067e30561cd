"""What the black-box tests share: TAP, running programs, temporary roots.

Tests start the installed programs and look at nothing but their output, exit
status and files.  A program that dies of a signal, prints a sanitizer report
or cannot be started (126, 127) fails the test whatever was expected.
"""

import atexit
import csv
import io
import os
import random
import shutil
import subprocess
import sys
import tempfile

_n = 0
_failed = 0
_planned = None


def plan(n):
    global _planned
    _planned = n
    print("1..%d" % n, flush=True)


def skip_all(reason):
    print("1..0 # SKIP " + reason, flush=True)
    sys.exit(0)


def diag(text):
    for line in str(text).splitlines() or [""]:
        print("# " + line, flush=True)


def ok(cond, name):
    global _n, _failed
    _n += 1
    if not cond:
        _failed += 1
    print("%sok %d - %s" % ("" if cond else "not ", _n, name.replace("#", "")),
          flush=True)
    return bool(cond)


def skip(name, reason):
    global _n
    _n += 1
    print("ok %d - %s # SKIP %s" % (_n, name, reason), flush=True)


def same(got, want, name):
    """ok(got == want), which tells what differs."""
    if ok(got == want, name):
        return True
    diag("got:  %s" % clip(got))
    diag("want: %s" % clip(want))
    return False


def clip(x, room=2000):
    text = repr(x)
    return text if len(text) <= room else text[:room] + "..."


def done():
    """The end of every test: the plan must have been kept."""
    global _planned
    if _planned is None:
        plan(_n)
    if _failed:
        diag("%d of %d failed" % (_failed, _n))
    sys.exit(1 if _failed or _n != _planned else 0)


def seed(default=None):
    """Seed of this run: $NTDB_SEED, else a fresh one.  It is printed."""
    text = os.environ.get("NTDB_SEED")
    if text is not None:
        value = int(text)
    elif default is not None:
        value = default
    else:
        value = random.SystemRandom().randrange(2**32)
    diag("seed %d (repeat with NTDB_SEED=%d)" % (value, value))
    return random.Random(value)


def is_long():
    return os.environ.get("NTDB_LONG", "") not in ("", "0")


def tempdir():
    """A fresh directory, removed at exit."""
    path = tempfile.mkdtemp(prefix="ntdb-test-", dir=os.environ.get("TMP"))
    owner = os.getpid()

    def remove():
        if os.getpid() == owner:
            shutil.rmtree(path, ignore_errors=True)

    atexit.register(remove)
    return path


def program(name):
    """The path of a program; the test ends if it is not built."""
    path = shutil.which(name)
    if path is None:
        print("Bail out! no %s in PATH" % name)
        sys.exit(1)
    return path


class Result:
    """How a program ended.  status is a string where it must not have."""

    def __init__(self, status, out, err):
        self.status = status
        self.out = out
        self.err = err
        if isinstance(status, int):
            if status < 0:
                self.status = "signal %d" % -status
            elif status in (126, 127):
                self.status = "not started (%d)" % status
            elif b"Sanitizer" in err or b"runtime error:" in err:
                self.status = "sanitizer report (%d)" % status

    def __repr__(self):
        return "status %s, stdout %s, stderr %s" % (
            self.status, clip(self.out, 600), clip(self.err, 1200))


def run(argv, data=b"", timeout=300, **kw):
    """Run a program to its end with data as its standard input."""
    argv = [program(argv[0])] + [os.fspath(a) for a in argv[1:]]
    if isinstance(data, str):
        data = data.encode()
    if "stdin" not in kw:
        kw["input"] = data
    kw.setdefault("stdout", subprocess.PIPE)
    kw.setdefault("stderr", subprocess.PIPE)
    try:
        p = subprocess.run(argv, timeout=timeout, **kw)
    except subprocess.TimeoutExpired as e:
        return Result("no end after %d s" % timeout, e.stdout or b"",
                      e.stderr or b"")
    return Result(p.returncode, p.stdout or b"", p.stderr or b"")


def ingest(root, data, *args, **kw):
    return run(["ntdb-ingest", "-r", root, *args], data, **kw)


def flush(root, *args, **kw):
    return run(["ntdb-flush", "-r", root, *args], **kw)


def without_own_metrics(root):
    """For a root in which nothing but what is asked for is to happen."""
    os.makedirs(root, exist_ok=True)
    with open(root + "/engine.ini", "a") as f:
        f.write("[stats]\nenabled = no\n")


def flush_knows(option):
    """Whether this ntdb-flush has an option."""
    return option.encode() in run(["ntdb-flush", "--help"]).out


def move_args():
    """Arguments that move the log into pages and seal nothing."""
    return ["--force"] + ["--no-seal"] * flush_knows("--no-seal")


def seal_args():
    """Arguments that seal everything, if this release seals."""
    if flush_knows("--seal"):
        return ["--seal", "--wait", "60s"]
    return ["--force", "--wait", "60s"]


def sealed():
    """What pages are after that, for the names of results."""
    return "sealed" if flush_knows("--seal") else "flushed"


def query(root, *args, **kw):
    return run(["ntdb-query", "-r", root, *args], **kw)


# Any time that a database can hold lies between these.
EVER = ["-s", "1677-09-21T00:12:43.145224192Z",
        "-e", "2262-04-11T23:47:16.854775807Z"]


def csv_rows(text):
    """The rows of a csv answer as lists of strings, without its header."""
    rows = list(csv.reader(io.StringIO(text.decode(), newline="")))
    return rows[1:]


def samples(root, *targets):
    """All samples as [metric, time in ns, type, value] of text.

    None, and a diagnosis, if the query fails; [] if there is no root.
    """
    r = query(root, "-f", "csv", "--time-format", "ns", *EVER,
              *(targets or ("*",)))
    if r.status == 66 and not os.path.exists(root):
        return []
    if r.status != 0:
        diag(r)
        return None
    return csv_rows(r.out)


def last_committed(err):
    """The last complete `committed N' line of a stderr, or 0."""
    last = 0
    for line in err.split(b"\n")[:-1]:
        if line.startswith(b"committed "):
            last = int(line.split()[1])
    return last
