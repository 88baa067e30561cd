"""Programs under strace, and what they changed, as a power_disk.World.

The trace has all bytes that were written.  A call that changes files and is
not known here ends the test: nothing may escape the record.
"""

import os
import re
import shutil
import subprocess

from blackbox import *
from power_disk import *

CHANGING = """open openat creat close dup dup2 dup3 fcntl write pwrite64
    ftruncate rename renameat renameat2 link linkat unlink unlinkat rmdir
    mkdir mkdirat fsync fdatasync syncfs mmap mmap2""".split()
# These do not occur; if one does on a file below the root it is to be added.
UNKNOWN = """writev pwritev pwritev2 truncate fallocate sync symlink symlinkat
    sync_file_range copy_file_range sendfile splice io_uring_enter
    mknod mknodat msync openat2""".split()

_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+|\?|0x[0-9a-f]+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_EXIT = re.compile(r"\+\+\+ exited with (\d+) \+\+\+")


def _bytes(text):
    return bytes.fromhex(text.replace("\\x", ""))


class Event:
    """Something a program told: committed N, or its exit."""

    def __init__(self, seq, kind, n):
        self.seq = seq
        self.kind = kind
        self.n = n


class Recorder:
    """Runs programs one after the other and records what they change."""

    def __init__(self, top):
        self.top = top
        self.world = World(top)
        self.events = []
        self.log_writes = []    # (seq, Node) of each batch

    def run(self, argv, chunks=(), inject=None, wait=True):
        """Run it; each chunk of input once the one before is committed,
        if it is to wait.
        """
        trace = self.top + ".trace"
        calls = ",".join("?" + c for c in CHANGING + UNKNOWN)
        how = ["-e", "inject=" + inject] if inject else []
        p = subprocess.Popen(
            ["strace", "-o", trace, "-xx", "-s", "67108864", "-e",
             "trace=" + calls, *how, program(argv[0]), *argv[1:]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        said = b""
        for chunk in chunks:
            try:
                p.stdin.write(chunk)
                p.stdin.flush()
            except OSError:
                break
            # The last is committed at the latest when the input ends.
            while wait and chunk is not chunks[-1]:
                line = p.stderr.readline()
                said += line
                if line.startswith(b"committed ") or not line:
                    break
        out, err = p.communicate()
        with open(trace) as f:
            lines = f.read().splitlines()
        os.unlink(trace)
        _Trace(self).read(lines)
        return Result(p.returncode, out, said + err)


    def put(self, path, text):
        """Change a file as if it had been so from the beginning."""
        path = os.path.join(self.top, path)
        with open(path, "w") as f:
            f.write(text)
        node = self.world.top
        for name in os.path.relpath(path, self.top).split("/"):
            node = self.world.now(node)[name]
        node.start, node.ops = text.encode(), []


class _Trace:
    """One program's calls, put into the world."""

    def __init__(self, recorder):
        self.rec = recorder
        self.world = recorder.world
        self.fds = {}

    def read(self, lines):
        for line in lines:
            m = _CALL.match(line)
            if m is None:
                m = _EXIT.match(line)
                if m:
                    self.tell("exit", int(m.group(1)))
                continue
            name, args, result = m.groups()
            if result.startswith("-") or result == "?":
                continue
            fds = [int(x) for x in re.findall(r"(?:^|, )(\d+)(?=,|$)",
                                              _TEXT.sub('""', args))]
            texts = [_bytes(x) for x in _TEXT.findall(args)]
            if name in UNKNOWN:
                if name == "sync" or any(f in self.fds for f in fds[:2]):
                    raise RuntimeError("not recorded: " + line[:200])
                continue
            getattr(self, "on_" + name)(args, fds, texts, result)

    def tell(self, kind, n):
        self.rec.events.append(Event(self.world.tick(), kind, n))

    # ---- names

    def place(self, dirfd, path):
        """(directory, name) of a path, or None if it is elsewhere."""
        path = os.fsdecode(path)
        if path.startswith("/"):
            if not (path + "/").startswith(self.rec.top + "/"):
                return None
            node, path = self.world.top, path[len(self.rec.top) + 1:]
        else:
            node = self.fds.get(dirfd)
            if node is None:
                return None
        *dirs, name = path.split("/") if path else [""]
        for d in dirs:
            node = self.world.now(node).get(d) if node else None
        return (node, name) if node is not None else None

    def look(self, place):
        if place is None:
            return None
        node, name = place
        if name in ("", "."):
            return node
        if name == "..":
            return node.parent
        return self.world.now(node).get(name)

    def first(self, args):
        """The descriptor that a call begins with, -1: AT_FDCWD."""
        m = re.match(r"(\d+)", args)
        return int(m.group(1)) if m else -1

    def second(self, args):
        """The descriptor behind the first name."""
        m = re.match(r'[^,]*, "[^"]*", (\d+|AT_FDCWD)', args)
        return int(m.group(1)) if m and m.group(1).isdigit() else -1

    # ---- calls

    def on_openat(self, args, fds, texts, result):
        place = self.place(self.first(args), texts[0])
        node = self.look(place)
        if place is None:
            self.fds.pop(int(result), None)
            return
        if node is None:
            node = self.world.new(False, b"", place[1])
            self.world.enter(place[0], {place[1]: node})
        elif "O_TRUNC" in args:
            self.world.change(node, "t", 0)
        self.fds[int(result)] = node

    def on_open(self, args, fds, texts, result):
        self.on_openat("-1, " + args, fds, texts, result)

    def on_creat(self, args, fds, texts, result):
        self.on_openat("-1, O_TRUNC", fds, texts, result)

    def on_close(self, args, fds, texts, result):
        self.fds.pop(self.first(args), None)

    def on_dup(self, args, fds, texts, result):
        if self.first(args) in self.fds:
            self.fds[int(result)] = self.fds[self.first(args)]

    on_dup2 = on_dup3 = on_dup

    def on_fcntl(self, args, fds, texts, result):
        if "F_DUPFD" in args:
            self.on_dup(args, fds, texts, result)

    def on_write(self, args, fds, texts, result):
        fd = self.first(args)
        if fd in self.fds:
            raise RuntimeError("a write without an offset")
        m = re.match(rb"committed (\d+)\n$", texts[0])
        if fd == 2 and m:
            self.tell("committed", int(m.group(1)))

    def on_pwrite64(self, args, fds, texts, result):
        node = self.fds.get(self.first(args))
        if node is None:
            return
        at = int(args.rsplit(",", 1)[1])
        self.world.change(node, "w", at, texts[0][:int(result)])

    def on_ftruncate(self, args, fds, texts, result):
        node = self.fds.get(self.first(args))
        if node is not None:
            self.world.change(node, "t", int(args.rsplit(",", 1)[1]))

    def on_renameat(self, args, fds, texts, result):
        old = self.place(self.first(args), texts[0])
        new = self.place(self.second(args), texts[1])
        if old is None or new is None:
            return
        if old[0] is not new[0]:
            raise RuntimeError("a rename between directories")
        self.world.enter(old[0], {old[1]: None, new[1]: self.look(old)})

    on_renameat2 = on_renameat

    def on_rename(self, args, fds, texts, result):
        self.on_renameat("-1, " + args, fds, texts, result)

    def on_linkat(self, args, fds, texts, result):
        node = self.look(self.place(self.first(args), texts[0]))
        new = self.place(self.second(args), texts[1])
        if node is not None and new is not None:
            self.world.enter(new[0], {new[1]: node})

    def on_link(self, args, fds, texts, result):
        self.on_linkat("-1, " + args, fds, texts, result)

    def on_unlinkat(self, args, fds, texts, result):
        place = self.place(self.first(args), texts[0])
        if place is not None:
            self.world.enter(place[0], {place[1]: None})

    def on_unlink(self, args, fds, texts, result):
        self.on_unlinkat("-1, " + args, fds, texts, result)

    on_rmdir = on_unlink

    def on_mkdirat(self, args, fds, texts, result):
        place = self.place(self.first(args), texts[0])
        if place is not None:
            self.world.enter(place[0], {
                place[1]: self.world.new(True, {}, place[1])})

    def on_mkdir(self, args, fds, texts, result):
        self.on_mkdirat("-1, " + args, fds, texts, result)

    def on_fdatasync(self, args, fds, texts, result):
        if self.first(args) in self.fds:
            self.world.sync(self.fds[self.first(args)])

    on_fsync = on_fdatasync

    def on_syncfs(self, args, fds, texts, result):
        if self.first(args) in self.fds:
            self.world.sync_all()

    def on_mmap(self, args, fds, texts, result):
        if "MAP_SHARED" in args and "PROT_WRITE" in args and any(
                f in self.fds for f in fds):
            raise RuntimeError("a file is written to by mmap")

    on_mmap2 = on_mmap
