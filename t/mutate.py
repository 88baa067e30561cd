"""Guards taken out, one at a time, to see that a test notices.

A file of mutations has sections:

    [NAME] LAW
    TEST...
    FILE FUNCTION
    - what is taken out of the function, in one line or more
    + what comes in its place, if anything does

Lines of `FILE FUNCTION', - and + may come again, for one that takes more than
one change.  Text is looked for within the function alone, whatever the white
space, and must be there just once: a mutation that does not fit any more is
an error.
"""

import os
import re
import shutil
import signal
import subprocess
import time


PROGRAMS = ["bin/ntdb-" + x for x in (
    "flush", "ingest", "inspect", "query", "rollup")]


class Mutation:
    def __init__(self, name, law):
        self.name = name
        self.law = law
        self.tests = []
        self.edits = []			# [file, function, old, new]


def read(path):
    """All mutations of a file."""
    found = []
    with open(path) as f:
        lines = f.read().splitlines()
    for at, line in enumerate(lines, 1):
        head = re.fullmatch(r"\[(\S+)\] (.+)", line)
        if head:
            found.append(Mutation(*head.groups()))
            continue
        if not line or line.startswith("#"):
            continue
        m = found[-1]
        if line.startswith("- "):
            m.edits[-1][2] += line[2:] + "\n"
        elif line.startswith("+ "):
            m.edits[-1][3] += line[2:] + "\n"
        elif line.startswith("t/"):
            m.tests += line.split()
        elif re.fullmatch(r"\S+\.[ch] \w+", line):
            m.edits.append([*line.split(), "", ""])
        else:
            raise ValueError("%s:%d: what is this?" % (path, at))
    return found


def mutated(text, function, old):
    """Where in a file's text the old text stands within the function."""
    begins = [m.start() for m in re.finditer(
        r"^%s\(" % function, text, re.M)]
    begins = [b for b in begins if not re.match(
        r"[^{;]*;", text[b:])]			# a declaration
    if len(begins) != 1:
        raise LookupError("%d definitions of %s" % (len(begins), function))
    end = text.index("\n}\n", begins[0])
    pattern = r"\s+".join(re.escape(w) for w in old.split())
    hits = list(re.finditer(pattern, text[begins[0]:end]))
    if len(hits) != 1:
        raise LookupError("%s has it %d times:\n%s" % (
            function, len(hits), old))
    return begins[0] + hits[0].start(), begins[0] + hits[0].end()


def originals(src, m):
    """{file: its text} of the files that a mutation changes."""
    texts = {}
    for name, *_ in m.edits:
        with open(os.path.join(src, name)) as f:
            texts[name] = f.read()
    return texts


def changed(texts, m):
    """The same files with the mutation.  LookupError: it does not fit."""
    texts = dict(texts)
    for name, function, old, new in m.edits:
        a, b = mutated(texts[name], function, old)
        texts[name] = texts[name][:a] + new + texts[name][b:]
    return texts


def unfit(src, m):
    """Why a mutation does not fit the sources, if it does not: a list."""
    try:
        changed(originals(src, m), m)
    except (LookupError, OSError) as e:
        return [str(e)]
    return [] if m.tests else ["no test is named"]


class Scratch:
    """A copy of the sources with a build of its own."""

    def __init__(self, source, where):
        self.src = os.path.join(where, "src")
        self.build = os.path.join(self.src, "build")
        names = subprocess.run(["git", "ls-files"], cwd=source, check=True,
                               stdout=subprocess.PIPE).stdout.decode()
        for name in names.splitlines():
            to = os.path.join(self.src, name)
            os.makedirs(os.path.dirname(to), exist_ok=True)
            shutil.copy2(os.path.join(source, name), to)
        env = dict(os.environ, SANITIZERS="", CFLAGS="-O1 -g0")
        r = subprocess.run(["./bootstrap", "build"], cwd=self.src, env=env,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if r.returncode != 0:
            raise RuntimeError(r.stdout.decode()[-2000:])

    def make(self, test):
        """Build what a test needs: itself, or all programs that it may run.
        What goes wrong is raised."""
        what = [test] if test.startswith("t/unit/") else PROGRAMS
        r = subprocess.run(["make", "-s", "-j2", *what], cwd=self.build,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if r.returncode != 0:
            raise RuntimeError(r.stdout.decode()[-2000:])

    def fails(self, test, limit=400):
        """What of a test fails: a line of it, or None."""
        self.make(test)
        path = os.path.join(self.build if test.startswith("t/unit/")
                            else self.src, test)
        env = dict(os.environ, NTDB_SRC=self.src, NTDB_BUILD=self.build)
        p = subprocess.Popen([path], cwd=self.build, env=env,
                             stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT,
                             start_new_session=True)
        try:
            out = p.communicate(timeout=limit)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.communicate()
            return "no end after %d s" % limit
        for line in out.splitlines():
            if line.startswith("1..0"):
                raise RuntimeError("%s: %s" % (test, line))
            if line.startswith(("not ok", "Bail out!")):
                return line
        return None if p.returncode == 0 else "status %d" % p.returncode

    def originals(self, m):
        return originals(self.src, m)

    def write(self, texts):
        for name, text in texts.items():
            with open(os.path.join(self.src, name), "w") as f:
                f.write(text)

    def changed(self, m):
        return changed(self.originals(m), m)

    def try_out(self, m):
        """(test, what failed), (None, None) if all tests pass."""
        before = self.originals(m)
        self.write(self.changed(m))
        try:
            for test in m.tests:
                line = self.fails(test)
                if line is not None:
                    return test, line
            return None, None
        finally:
            self.write(before)


def run(source, where, mutations, result, remark):
    """Try them all.  result(noticed, text) is called for each, and for each
    test with nothing taken out."""
    scratch = Scratch(source, where)
    for m in mutations:
        scratch.changed(m)		# all of them must fit
    for test in sorted({t for m in mutations for t in m.tests}):
        line = scratch.fails(test)
        result(line is None, "%s passes as it is" % test)
        if line is not None:
            remark(line)
    for m in mutations:
        began = time.monotonic()
        test, line = scratch.try_out(m)
        result(test is not None, "%s (law %s): %s" % (
            m.name, m.law, test or "no test notices: " + " ".join(m.tests)))
        remark("%.0f s; %s" % (time.monotonic() - began, line))
