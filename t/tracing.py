"""Programs under strace: what they change on disk, and faults on the way.

A program is traced once to learn which of its system calls change anything;
then it is run again with one of these killed or failing.
"""

import os
import re
import shutil
import subprocess

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
    # The sanitizers' leak check does not work under strace.
    os.environ["ASAN_OPTIONS"] = ":".join(
        filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))


def traced(argv, data=b"", calls=None):
    """Run it; its Result and the list of its calls, in order."""
    path = os.path.join(tempdir(), "trace")
    r = run(["strace", "-o", path, "-s", "40", *(
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
