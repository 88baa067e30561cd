"""What the measurements share: running programs, counting, the table.

Costs of processes come from the helper `paired', which runs commands by
turns; input comes from the helper `gen'.  Both are in --temp, the programs
in PATH.
"""

import collections
import functools
import glob
import os
import re
import shutil
import subprocess
import sys

START = 1777593600		# 2026-05-01, where made input begins
FUTURE = "2199-01-01"		# later than the samples of any file
DAY = 86400


class Missing(Exception):
    """This cannot be measured here."""


# Of runs of a command: median wall and processor time and shortest wall time,
# in seconds, and the peak of memory.
Cost = collections.namedtuple("Cost", "wall cpu least peak_kib")


class Bench:
    """How much is measured, and where."""

    def __init__(self, args):
        self.temp = args.temp
        self.seed = args.seed
        self.quick = args.quick
        self.runs = args.runs or (21 if args.quick else 201)
        self.few = 5 if args.quick else 31
        self.big = 1 if args.quick else 3
        # Six days of 100 metrics every 10 s: 5.2 million lines, 52 k each.
        self.steps = 2000 if args.quick else 51840
        self.made = self.path("made.lp")

    def path(self, name):
        return os.path.join(self.temp, name)

    def gen(self, *argv):
        return [self.path("gen"), "-s", str(self.seed), *map(str, argv)]

    def paired(self, runs, *commands, stdin=None, stdout=None):
        """A Cost for each command, run by turns."""
        argv = [self.path("paired"), "-n", str(runs)]
        if stdin:
            argv += ["-i", stdin]
        if stdout:
            argv += ["-o", stdout]
        for command in commands:
            argv += ["--", *command]
        text = subprocess.run(argv, check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        return [Cost(int(w) / 1e6, int(c) / 1e6, int(least) / 1e6, int(k))
                for w, c, least, k in map(str.split, text.splitlines())]

    def once(self, command, stdin=None, stdout=None):
        return self.paired(1, command, stdin=stdin, stdout=stdout)[0]


def need(program):
    if not shutil.which(program):
        raise Missing("no " + program)


def tool(name, root, *argv, now=FUTURE):
    need(name)
    return [name, "-r", root, "--now", str(now), *argv]


@functools.lru_cache(None)
def knows(program, option):
    """Whether a program has an option."""
    need(program)
    text = subprocess.run([program, "--help"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    return option in text


def move(root, now=FUTURE):
    """Move logs into pages, and seal nothing."""
    more = ["--no-seal"] if knows("ntdb-flush", "--no-seal") else []
    return tool("ntdb-flush", root, "--force", *more, now=now)


def seal(root, now=FUTURE):
    """Seal everything."""
    if not knows("ntdb-flush", "--seal"):
        raise Missing("this release does not seal")
    return tool("ntdb-flush", root, "--seal", now=now)


def data_bytes(root):
    return sum(map(os.path.getsize, glob.glob(root + "/*/data-*.dat")))


def all_bytes(root):
    """Everything but locks and caches."""
    return sum(os.path.getsize(os.path.join(where, name))
               for where, _, names in os.walk(root) for name in names
               if not name.endswith((".cache", "lock")))


def count_lines(path):
    n = 0
    with open(path, "rb") as f:
        while True:
            piece = f.read(1 << 20)
            if not piece:
                return n
            n += piece.count(b"\n")


def instructions(command, stdin=None):
    """Instructions of a process in user mode, or None."""
    with open(stdin or os.devnull, "rb") as f:
        if shutil.which("perf"):
            p = subprocess.run(
                ["perf", "stat", "-x,", "-e", "instructions:u", *command],
                stdin=f, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True)
            m = re.search(r"^(\d+),", p.stderr, re.M)
            if p.returncode == 0 and m:
                return int(m.group(1))
        if shutil.which("valgrind"):
            f.seek(0)
            p = subprocess.run(
                ["valgrind", "--tool=callgrind",
                 "--callgrind-out-file=/dev/null", *command],
                stdin=f, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True)
            m = re.search(r"Collected : (\d+)", p.stderr)
            if p.returncode == 0 and m:
                return int(m.group(1))
    return None


# ------------------------------------------------------------ the table

def heading(text):
    print(text)
    print("%-50s %12s %12s  %s" % ("row", "target", "measured", "held"))
    sys.stdout.flush()


def show(name, target, measured, held, *notes):
    """held: True, False, or None where there is no target."""
    mark = {True: "yes", False: "NO", None: "-"}[held]
    print("%-50s %12s %12s  %s" % (name, target, measured, mark))
    for note in notes:
        print("    " + note)
    sys.stdout.flush()


def not_measured(names, why):
    for name in names:
        show(name, "-", "-", None, "not measured: " + str(why))


def ms(seconds):
    return "%.2f ms" % (seconds * 1e3)


def million(n):
    return "%.2f M" % (n / 1e6)


def mib(kib):
    return "%.1f MiB" % (kib / 1024)
