"""Programs under strace: what they change on disk, and faults on the way.

A program is traced once to learn which of its system calls change anything;
then it is run again with one of these killed or failing.
"""

import os
import re
import shutil
import signal
import subprocess
import time

from blackbox import *

CHANGES = ("openat pwrite64 write fdatasync fsync syncfs rename renameat "
           "renameat2 ftruncate link linkat fchown fchmod fchmodat mkdir "
           "mkdirat unlink unlinkat flock futimens utimensat").split()

_CALL = re.compile(r"(\w+)\((.*?)\) += (-?\d+|\?)")


class Call:
    """One line of a trace: nth is its number among calls of that name."""

    def __init__(self, name, args, result, nth):
        self.name = name
        self.args = args
        self.result = result
        self.nth = nth

    def __repr__(self):
        return "%s(%s) = %s" % (self.name, self.args, self.result)


def without_leak_check():
    """The sanitizers' leak check does not work under strace."""
    os.environ["ASAN_OPTIONS"] = ":".join(
        filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))


def need_strace():
    if shutil.which("strace") is None:
        skip_all("no strace")
    r = subprocess.run(["strace", "-o", "/dev/null", "true"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if r.returncode != 0:
        skip_all("strace cannot trace here")
    r = subprocess.run(["strace", "-o", "/dev/null", "-e",
                        "inject=fsync:error=EIO:when=1", "true"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if r.returncode != 0:
        skip_all("strace cannot inject")
    without_leak_check()


def traced(argv, data=b"", calls=None, paths=False):
    """Run it; its Result and the list of its calls, in order.

    paths: descriptors have the path of their file behind them.
    """
    path = os.path.join(tempdir(), "trace")
    r = run(["strace", "-o", path, "-s", "40", *["-y"] * paths, *(
        ["-e", "trace=" + ",".join("?" + c for c in calls)] if calls
        else []), program(argv[0]), *argv[1:]], data)
    found, count = [], {}
    with open(path, errors="replace") as f:
        for line in f:
            m = _CALL.match(line)
            if m is None:
                continue
            name = m.group(1)
            count[name] = count.get(name, 0) + 1
            found.append(Call(name, m.group(2), m.group(3), count[name]))
    return r, found


def injected(argv, data, call, fault):
    """Run it with a fault, such as signal=SIGKILL, at that call."""
    return run(["strace", "-o", "/dev/null", "-e", "inject=%s:%s:when=%d" % (
        call.name, fault, call.nth), program(argv[0]), *argv[1:]], data)


def is_told(path, text):
    """Whether a file that may not be there yet has the text."""
    try:
        with open(path, errors="replace") as f:
            return text in f.read()
    except OSError:
        return False


class Held:
    """A program that stops behind its nth call of that name, and goes on."""

    def __init__(self, argv, name, nth, *faults, data=b""):
        log = os.path.join(tempdir(), "held")
        self.p = subprocess.Popen(
            ["strace", "-o", log, "-e",
             "inject=%s:signal=SIGSTOP:when=%d" % (name, nth), *faults,
             program(argv[0]), *argv[1:]], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.p.stdin.write(data)
        self.p.stdin.close()
        self.p.stdin = None
        self.pid, self.held = None, False
        deadline = time.monotonic() + 60
        while not self.held and self.p.poll() is None and \
                time.monotonic() < deadline:
            time.sleep(0.02)
            self.held = is_told(log, "--- stopped by SIGSTOP ---")
        self.state()

    def state(self):
        try:
            with open("/proc/%d/task/%d/children" % (self.p.pid,
                                                      self.p.pid)) as f:
                self.pid = int(f.read().split()[0])
            with open("/proc/%d/stat" % self.pid) as f:
                return f.read().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            return "?"

    def go_on(self):
        """Its Result, in the end."""
        while True:
            # It may not have come to where it stops.
            if self.p.poll() is None and self.state() in "tT":
                os.kill(self.pid, signal.SIGCONT)
            try:
                out, err = self.p.communicate(timeout=0.1)
                return Result(self.p.returncode, out, err)
            except subprocess.TimeoutExpired:
                pass


def changing(calls, root):
    """The calls that a database is changed or kept by."""
    def counts(c):
        if c.name not in CHANGES:
            return False
        if c.name != "openat":
            return True
        return not re.match(r'AT_FDCWD, "/', c.args) or \
            '"%s' % root in c.args
    return [c for c in calls if counts(c)]


def copy_tree(base, root):
    """root becomes what base is, nothing if that is None; times kept."""
    shutil.rmtree(root, ignore_errors=True)
    if base is not None:
        subprocess.run(["cp", "-a", base, root], check=True)


def temporary(root):
    """Whatever lies about below root that is there only for a moment."""
    return sorted(os.path.join(at, x) for at, dirs, files in os.walk(root)
                  for x in dirs + files if x.startswith("."))


def export(root, *targets):
    """All samples as a sorted list of lines; None, told, if that fails."""
    r = query(root, "-f", "lp", "--time-format", "ns", *(targets or ("*",)))
    if r.status == 66 and not os.path.exists(root):
        return []
    if r.status != 0 or r.err:
        diag(r)
        return None
    return sorted(r.out.decode().splitlines())


def verify(root):
    return run(["ntdb-inspect", "-r", root, "verify"])


_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


def _target(names, args):
    """The file's name that a call with dirfd and path speaks of."""
    text = _STRING.findall(args)[-1]
    if text.startswith("/") or text not in ("..", "."):
        return text
    return names.get(args.split(",")[0], "?") + "/" + text


def steps(calls):
    """What was done, as a list of (verb, file name): temporary files are
    called NAME.tmp or NAME.seal, whatever their random part is.
    """
    names, done = {}, []

    def plain(name):
        return re.sub(r"^\.(.*)\.[0-9a-f]{8}\.(tmp|seal)$", r"\1.\2", name)

    for c in calls:
        fd = c.args.split(",")[0]
        here = plain(names.get(fd, "fd " + fd))
        if c.result.startswith("-"):
            continue
        if c.name == "openat":
            name = _target(names, c.args)
            names[c.result] = name
            done.append(("create" if "O_CREAT" in c.args else "open",
                         plain(name)))
        elif c.name == "close":
            names.pop(fd, None)
        elif c.name in ("pwrite64", "write"):
            done.append(("write", here))
        elif c.name in ("fsync", "fdatasync", "syncfs"):
            done.append(("sync", here))
        elif c.name in ("rename", "renameat", "renameat2"):
            done.append(("rename", _target(names, c.args)))
        elif c.name in ("unlink", "unlinkat"):
            done.append(("remove", _target(names, c.args)))
        elif c.name == "ftruncate":
            done.append(("cut", here))
        elif c.name == "flock":
            done.append(("unlock" if "LOCK_UN" in c.args else "lock", here))
    return done


def positions(done, verb, name):
    """Where in the list a step of that verb on matching names stands."""
    return [i for i, (v, n) in enumerate(done)
            if v == verb and re.fullmatch(name, n)]


def in_order(done, *wanted):
    """Whether these steps (verb, pattern) happen one behind the other."""
    at = -1
    for verb, name in wanted:
        later = [i for i in positions(done, verb, name) if i > at]
        if not later:
            diag("no %s of %s after step %d of:" % (verb, name, at))
            for i, step in enumerate(done):
                diag("%4d %s %s" % (i, *step))
            return False
        at = later[0]
    return True
