"""A disk that forgets: what may be there after a power cut.

The model.  A file is a sequence of changes to its bytes, each the writing of
some bytes at an offset or a new length; a directory is a sequence of changes
to its entries, each of which makes or removes names and is atomic (a rename
is one change, of two names).  fsync and fdatasync of a file, and fsync of a
directory, make that file's or directory's changes durable up to then, and
those of nothing else; syncfs makes all durable.  Between two such barriers
any subset of the changes may have reached the disk, in no order: those to one
file, to one directory, and of several are independent of each other, except
that what did arrive of one file or directory took effect in its order.  A
name may lead to a file of which nothing arrived.  Of a write some sectors of
512 bytes may be there and others not, or only the new length: then zeros (or
what was there before) stand in its place.  A sector is there whole, but for
the last one of what is written to logs and archives, and with all that was
written to it before.  Owners, permissions and times are
not modelled.  Real file systems forget less than this.

A World records changes; World.pending(k) are those that were not durable
when the power failed behind change k, World.tree(k, choice) is the disk with
some of them.
"""

import os

SECTOR = 512
LOGS = (".wal", ".log", ".tar")     # in these a sector may be torn, too


class Node:
    """A file or a directory: what was there at first, and its changes."""

    def __init__(self, is_dir, start):
        self.is_dir = is_dir
        self.start = start      # bytes, or {name: Node}
        self.ops = []
        self.syncs = []         # when its changes became durable
        self.names = []         # all it ever had, for messages
        self.parent = None

    def durable(self, k):
        """The last barrier at or before k."""
        return max((s for s in self.syncs if s <= k), default=-1)


class Op:
    """A change: kind w (offset, data), t (length) or e ({name: Node})."""

    def __init__(self, seq, node, kind, *args):
        self.seq = seq
        self.node = node
        self.kind = kind
        self.args = args

    def __repr__(self):
        name = self.node.names[-1] if self.node.names else "?"
        if self.kind == "w":
            return "%d: %s: %d bytes at %d" % (
                self.seq, name, len(self.args[1]), self.args[0])
        if self.kind == "t":
            return "%d: %s: cut at %d" % (self.seq, name, self.args[0])
        return "%d: %s: %s" % (self.seq, name, ", ".join(
            ("" if node else "no ") + entry
            for entry, node in self.args[0].items()))


# What may have arrived of a change: all of it; else, of a write, the new
# length only, or the bytes up to an offset with the new length or without.
WHOLE = ("whole",)
LENGTH = ("length",)


def torn(upto, extend):
    return ("torn", upto, extend)


def _end(op, mode):
    """Up to where the bytes of a write arrived."""
    at, data = op.args
    return mode[1] if mode[0] == "torn" else at + len(data)


def _clipped(write, start, end):
    """What of (offset, data) lies between two offsets."""
    at, data = write
    low = max(at, start)
    return low, data[low - at:max(0, end - at)]


def _write(content, at, data):
    if not data:
        return
    if len(content) < at + len(data):
        content.extend(bytes(at + len(data) - len(content)))
    content[at:at + len(data)] = data


def _put(content, op, mode):
    if op.kind == "t":
        size = op.args[0]
        if size < len(content):
            del content[size:]
        content.extend(bytes(size - len(content)))
        return
    at, data = op.args
    end = at + len(data)
    if mode[0] == "torn":
        data = data[:max(0, mode[1] - at)]
        if not mode[2]:
            end = at + len(data)
    elif mode == LENGTH:
        data = b""
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    _write(content, at, data)


class World:
    """What programs did below one directory."""

    def __init__(self, path):
        """Begin with what is there, all of it durable."""
        self.seq = 0
        self.nodes = []
        self.top = self._load(path)

    def _load(self, path):
        if not os.path.isdir(path):
            with open(path, "rb") as f:
                return self.new(False, f.read(), os.path.basename(path))
        node = self.new(True, {}, os.path.basename(path))
        for name in sorted(os.listdir(path)):
            child = self._load(os.path.join(path, name))
            child.parent = node
            node.start[name] = child
        return node

    def new(self, is_dir, start, name):
        node = Node(is_dir, start)
        node.names.append(name)
        self.nodes.append(node)
        return node

    # ---- recording

    def tick(self):
        self.seq += 1
        return self.seq

    def change(self, node, kind, *args):
        node.ops.append(Op(self.tick(), node, kind, *args))

    def enter(self, directory, changes):
        """Change entries of a directory: {name: Node, or None}."""
        for name, node in changes.items():
            if node is not None:
                node.names.append(name)
                node.parent = directory
        self.change(directory, "e", changes)

    def sync(self, node):
        node.syncs.append(self.tick())

    def sync_all(self):
        k = self.tick()
        for node in self.nodes:
            node.syncs.append(k)

    def now(self, node):
        """The entries of a directory as programs see them."""
        return self.entries(node, self.seq, None)

    # ---- what is left

    def pending(self, k):
        """The changes made by k that were not durable, in order."""
        out = []
        for node in self.nodes:
            at = node.durable(k)
            out += [op for op in node.ops if at < op.seq <= k]
        return sorted(out, key=lambda op: op.seq)

    def _chosen(self, node, k, choice):
        """Each change by k, and how it arrived, None if it did not."""
        at = node.durable(k)
        for op in node.ops:
            if op.seq > k:
                break
            if op.seq < at or choice is None:
                yield op, WHOLE
            else:
                yield op, choice.get(op)

    def entries(self, node, k, choice):
        out = dict(node.start)
        for op, mode in self._chosen(node, k, choice):
            for name, child in op.args[0].items() if mode else ():
                out.pop(name, None)
                if child is not None:
                    out[name] = child
        return out

    def content(self, node, k, choice):
        out = bytearray(node.start)
        before = []     # writes that are not there as a whole
        for op, mode in self._chosen(node, k, choice):
            if op.kind == "t":
                before = [_clipped(w, 0, op.args[0]) for w in before]
            elif mode and mode != LENGTH:
                at, end = op.args[0], _end(op, mode)
                for w in before:
                    start, data = _clipped(w, at // SECTOR * SECTOR,
                                           -(-end // SECTOR) * SECTOR)
                    _write(out, start, data)
            if mode:
                _put(out, op, mode)
            if op.kind == "w" and mode != WHOLE:
                before.append(op.args)
        return bytes(out)

    def tree(self, k, choice):
        """{path: bytes, None for a directory}; choice None: everything."""
        out = {}

        def walk(node, path):
            for name, child in self.entries(node, k, choice).items():
                at = path + name
                if child.is_dir:
                    out[at] = None
                    walk(child, at + "/")
                else:
                    out[at] = self.content(child, k, choice)

        walk(self.top, "")
        return out


def build(tree, path):
    """Make these files below path, which is new."""
    os.mkdir(path)
    for name in sorted(tree):
        at = os.path.join(path, name)
        if tree[name] is None:
            os.mkdir(at)
            continue
        fd = os.open(at, os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(fd, tree[name])
        os.close(fd)


def sectors(op):
    """Where a write may have been torn: offsets between its sectors."""
    at, data = op.args
    first = at // SECTOR * SECTOR + SECTOR
    return list(range(first, at + len(data), SECTOR))


def has_hole(choice, pending, node):
    """Whether a write to it arrived whole behind one that did not."""
    missing = False
    for op in pending:
        if op.node is not node or op.kind != "w":
            continue
        whole = choice.get(op) == WHOLE
        if whole and missing:
            return True
        missing |= not whole
    return False


def modes(op, rng):
    """Ways in which a change may have arrived in part: some of them."""
    if op.kind != "w":
        return []
    at, data = op.args
    cuts = sectors(op)
    if len(cuts) > 4:
        cuts = [cuts[0], cuts[-1]] + rng.sample(cuts[1:-1], 2)
    if op.node.names[-1].endswith(LOGS):
        cuts.append(at + rng.randrange(len(data)))
    return [LENGTH] + [torn(c, rng.random() < 0.5) for c in cuts]


def choices(pending, rng, n_random):
    """Which changes arrived: extremes, then random ones.

    Nothing; all; each one missing; each one alone; the last write of each
    file torn, all else there; each write of zeros; and so many at random.
    """
    yield {}
    everything = {op: WHOLE for op in pending}
    yield everything
    for op in pending:
        yield {o: WHOLE for o in pending if o is not op}
        yield {op: WHOLE}
    last = {op.node: op for op in pending if op.kind == "w"}
    for op in last.values():
        for mode in modes(op, rng):
            yield {**everything, op: mode}
    for _ in range(n_random if len(pending) > 1 else 0):
        yield at_random(pending, rng)


def at_random(pending, rng):
    """Each directory, and each file: nothing, all, up to some, a subset."""
    choice = {}
    ops = {}
    for op in pending:
        ops.setdefault(op.node, []).append(op)
    for own in ops.values():
        how = rng.randrange(4)
        if how == 1:
            own = own[:rng.randrange(len(own) + 1)]
        elif how == 2:
            own = [op for op in own if rng.random() < 0.5]
        if how > 0:
            choice.update((op, WHOLE) for op in own)
        partly = [op for op in own if op.kind == "w"] if how else []
        if partly and rng.random() < 0.3:
            op = rng.choice(partly) if rng.random() < 0.5 else partly[-1]
            choice[op] = rng.choice(modes(op, rng))
    return choice
