"""A reader of ntdb's files, written from ntdb-format(5) and nothing else.

It shares no code with the programs, checks everything that the manual calls
a condition of validity, and does it the slow, obvious way.  As a program it
prints what a database holds, as `METRIC TYPE TIME VALUE' lines.
"""

import json
import os
import re
import struct
import sys
import zlib
from datetime import date

M64 = 2**64 - 1
TYPES = {1: "int32", 2: "int64", 3: "float32", 4: "float64"}
RAW = 255
SCALE_MAX = 22
MANTISSA_MAX = 2**53


class Corrupt(Exception):
    pass


class Newer(Exception):
    pass


def need(cond, what):
    if not cond:
        raise Corrupt(what)


# ----------------------------------------------------------- conventions

def signed(u, bits=64):
    u &= 2**bits - 1
    return u - 2**bits if u >> bits - 1 else u


def unzigzag(u):
    return -(u + 1) // 2 if u & 1 else u // 2


def double_of(m):
    return struct.unpack("<d", struct.pack("<Q", m & M64))[0]


def decimal(m, scale):
    if scale == RAW:
        return double_of(m)
    need(scale <= SCALE_MAX and abs(m) <= MANTISSA_MAX, "no decimal")
    return float(m) / float(10**scale)


class Bytes:
    """A cursor over bytes which never reads beyond their end."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def left(self):
        return len(self.data) - self.at

    def take(self, n):
        need(n <= self.left(), "ends too early")
        self.at += n
        return self.data[self.at - n:self.at]

    def u(self, width):
        return int.from_bytes(self.take(width), "little")

    def s(self, width):
        return signed(self.u(width), 8 * width)

    def varint(self):
        value = 0
        for i in range(10):
            b = self.u(1)
            need(i < 9 or b <= 1, "varint too long")
            value |= (b & 0x7f) << 7 * i
            if b < 0x80:
                return value
        raise Corrupt("varint too long")

    def span(self):
        u = self.varint()
        if u == 3:
            return self.varint()
        return u // 4 * 1000**(u % 4) % 2**64

    def zigzag(self):
        return unzigzag(self.varint())


def mended(data, length):
    """A header of this length with its one wrong bit set right, or as is."""
    if not 4 < length <= len(data):
        return data
    head = int.from_bytes(data[:length], "little")
    for bit in range(8 * length):
        other = (head ^ 1 << bit).to_bytes(length, "little")
        if zlib.crc32(other[:-4]) == int.from_bytes(other[-4:], "little"):
            return other + data[length:]
    return data


def read_mended(cls, data, lengths, *args):
    """A header; if it is not valid, with a bit of it set right."""
    try:
        return cls(data, *args)
    except Corrupt:
        for length in lengths:
            try:
                return cls(mended(data, length), *args)
            except Corrupt:
                pass
        raise


# ------------------------------------------------------------------- log

class Log:
    def __init__(self, data):
        self.data = data
        b = Bytes(data)
        need(b.take(8) == b"NTDBWAL\n", "not a log")
        version, flags, length = b.u(2), b.u(2), b.u(4)
        need(52 <= length <= 52 + 24 * 2**20 and length <= len(data),
             "log header: length")
        crc = int.from_bytes(data[length - 4:length], "little")
        need(zlib.crc32(data[:length - 4]) == crc, "log header: CRC")
        if version > 1:
            raise Newer("log of version %d" % version)
        self.epoch, self.nonce = b.u(8), b.u(8)
        self.synced_id, self.max_id = b.u(4), b.u(4)
        n, reserved = b.u(4), b.u(4)
        need(version == 1 and flags == 0 and reserved == 0 and
             length == 52 + 24 * n, "log header")
        entries = [(b.u(4), b.s(4), b.u(8), b.u(8)) for _ in range(n)]
        keys = [e[:2] for e in entries]
        need(keys == sorted(set(keys)), "log header: order of files")
        # (kind, start, file id): an entry is about one file only.
        self.committed = {(e[:2], e[3]): e[2] for e in entries}
        self.length = length

    @classmethod
    def read(cls, data):
        n = int.from_bytes(data[40:44], "little")
        return read_mended(cls, data, (
            int.from_bytes(data[12:16], "little"), 52 + 24 * min(n, 2**20)))

    def batch_at(self, at):
        """The records of the batch there and its length."""
        b = Bytes(self.data[at:])
        need(b.take(4) == b"NTB\n", "batch: magic")
        length, n, crc = b.u(4), b.u(4), b.u(4)
        need(8 <= length <= 4194304, "batch: length")
        payload = b.take(length)
        place = struct.pack("<QQQ", self.epoch, self.nonce, at)
        want = zlib.crc32(place + self.data[at + 4:at + 12] + payload)
        need(crc == want, "batch: CRC")
        return records(payload, n), 16 + length

    def events(self):
        """('damage', offset, length), ('tail', ...), or records."""
        at = bad = self.length
        while at < len(self.data):
            try:
                found, length = self.batch_at(at)
            except Corrupt:
                at = self.data.find(b"NTB\n", at + 1)
                at = len(self.data) if at < 0 else at
                continue
            if bad < at:
                yield "damage", bad, at - bad
            for r in found:
                yield (r[0], at) + r[1:]
            at = bad = at + length
        if bad < len(self.data):
            yield "tail", bad, len(self.data) - bad


def records(payload, n):
    b = Bytes(payload)
    t, step, ident = b.s(8), 0, 0
    found = []
    for _ in range(n):
        tag = b.u(1)
        which, time, form = tag & 3, tag >> 2 & 7, tag >> 5
        if which == 1:
            ident += 1
        elif which == 2:
            ident = b.u(2)
        elif which == 3:
            ident = b.varint()
        need(ident < 2**32, "record: id")
        if time == 7:
            found.append(special(b, form, ident))
            continue
        need(time != 6 and ident > 0, "record: tag")
        if time >= 2:
            step = b.zigzag() * 1000**(time - 2)
            need(-2**63 <= step < 2**63, "record: step")
        if time >= 1:
            t = signed(t + step)
        found.append(("sample", ident, t, sample_value(b, form)))
    need(b.left() == 0, "batch: records do not fill it")
    return found


def special(b, form, ident):
    if form == 2:
        return "clock", b.s(8)
    need(form < 2 and ident > 0, "record: tag")
    kind = b.u(1)
    need(kind in TYPES, "record: type")
    if form == 1:
        return "type", ident, kind
    length = b.varint()
    need(1 <= length <= 1023, "record: name")
    return "metric", ident, kind, b.take(length)


def sample_value(b, form):
    if form == 0:
        return b.zigzag()
    if form == 7:
        return b.s(4)
    if form == 6:
        return double_of(b.u(8))
    scale = b.u(1) if form == 5 else form - 1
    need(scale <= SCALE_MAX, "record: scale")
    return decimal(b.zigzag(), scale)


# --------------------------------------------------------------- catalog

def read_catalog(text):
    """{id: (name, type number)}"""
    number = {name: n for n, name in TYPES.items()}
    lines = text.decode().splitlines()
    need(lines[0] == '{"metrics":[' and lines[-1] == "]}", "catalog: form")
    metrics = {}
    for i, line in enumerate(lines[1:-1]):
        need(line.endswith(",") == (i < len(lines) - 3), "catalog: commas")
        m = json.loads(line.rstrip(","))
        need(m["id"] not in metrics and 0 < m["id"] < 2**32, "catalog: id")
        said = "%d %s %s" % (m["id"], m["type"], m["name"])
        need("crc" not in m or m["crc"] == zlib.crc32(said.encode()),
             "catalog: crc")
        metrics[m["id"]] = (m["name"].encode(), number[m["type"]])
    names = [name for name, _ in metrics.values()]
    need(len(names) == len(set(names)), "catalog: names")
    return metrics


# ------------------------------------------------------------ compression

def unpack(codec, packed, length):
    raw, rest = unpack_head(codec, packed, length)
    need(rest == b"", "bytes behind what is packed")
    return raw


def unpack_head(codec, packed, length):
    """What is unpacked, and the bytes that follow what is packed."""
    rest = b""
    if codec == 0:
        raw, rest = packed[:length], packed[length:]
    elif codec == 1:
        raw = snappy(packed)
    elif codec == 2:
        z = zlib.decompressobj(-15)
        try:
            raw = z.decompress(packed)
        except zlib.error as e:
            raise Corrupt("deflate: %s" % e)
        need(z.eof, "deflate: length")
        rest = z.unused_data
    else:
        raise Newer("codec %d" % codec)
    need(len(raw) == length, "unpacked length")
    return raw, rest


def snappy(packed):
    """A raw block of Snappy: its length, then literals and copies."""
    b, out = Bytes(packed), bytearray()
    length = b.varint()
    while b.left() > 0:
        tag = b.u(1)
        kind, n = tag & 3, tag >> 2
        if kind == 0:
            if n >= 60:
                n = b.u(n - 59)
            out += b.take(n + 1)
            continue
        if kind == 1:
            n, back = (n & 7) + 4, (tag >> 5) << 8 | b.u(1)
        else:
            n, back = n + 1, b.u(2 if kind == 2 else 4)
        need(0 < back <= len(out), "snappy: copy")
        for _ in range(n):
            out.append(out[-back])
    need(len(out) == length, "snappy: length")
    return bytes(out)


# ------------------------------------------------------------------ pages

class Page:
    def __init__(self, data, at):
        b = whole = Bytes(data[at:at + 96])
        need(b.take(4) == b"NTPG", "page: magic")
        version, codec, flags, self.head_len = b.u(1), b.u(1), b.u(1), b.u(1)
        need(26 <= self.head_len <= 96, "page: length of the header")
        b = Bytes(b.take(self.head_len - 16))
        self.dir_crc, crc = whole.u(4), whole.u(4)
        need(crc == zlib.crc32(data[at:at + self.head_len - 4]), "page: CRC")
        if version != 1 or codec not in (1, 2):
            raise Newer("page")
        need(flags <= 1, "page: flags")
        self.at, self.t_min = at, signed(b.span())
        self.t_max = signed(self.t_min + b.span())
        self.epoch = b.varint()
        small = [b.varint() for _ in range(6)]
        groups_len = b.varint()
        need(b.left() == 0 and max(small) < 2**32, "page: numbers")
        (self.n_samples, self.n_runs, self.n_groups, self.max_id, dir_len,
         dir_raw_len) = small
        need(groups_len <= 2**20 * self.n_groups, "page: length of groups")
        need(dir_len > 0, "page: length")
        self.len = self.head_len + dir_len + groups_len
        self.codec, self.sealed = codec, flags == 1
        need(self.t_min <= self.t_max, "page: times")
        need(1 <= self.n_runs <= self.n_samples <= 2**24, "page: counts")
        need(self.n_groups <= 2 * self.n_runs, "page: groups")
        self.dir_len, self.dir_raw_len = dir_len, dir_raw_len
        self.data, self.codings = data, set()

    def runs(self):
        """[(id, type, [(time, value)])] of the page."""
        at = self.at + self.head_len
        packed = self.data[at:at + self.dir_len]
        need(zlib.crc32(packed) == self.dir_crc, "directory: CRC")
        d = Directory(Bytes(unpack(self.codec, packed, self.dir_raw_len)),
                      self.n_runs, self.n_groups, self.t_min)
        need(sum(r.n for r in d.runs) == self.n_samples and
             d.runs[-1].id == self.max_id, "directory: header")
        self.load_groups(d)
        found = []
        for r in d.runs:
            times = d.timelines[r.timeline].times()
            need(times == sorted(times), "run: order")
            found.append((r.id, r.type, list(zip(times, r.values()))))
            self.codings.add(
                "dictionary" if r.dictionary else "lattice" if r.lattice
                else "exceptions" if r.n_exceptions else "plain")
        need(min(r[2][0][0] for r in found) == self.t_min and
             max(r[2][-1][0] for r in found) == self.t_max, "page: times")
        return found

    def load_groups(self, d):
        """Give each column of the directory its residuals."""
        order = sorted(range(len(d.columns)),
                       key=lambda i: (d.columns[i].width, i))
        at = self.at + self.head_len + self.dir_len
        for n_columns, length, codec, crc in d.groups:
            mine = [d.columns[i] for i in order[:n_columns]]
            need(n_columns > 0 and len(mine) == n_columns, "group: columns")
            order = order[n_columns:]
            n = sum(c.n for c in mine)
            packed = self.data[at:at + length]
            at += length
            need(zlib.crc32(packed) == crc, "group: CRC")
            values = group_values(codec, packed, n, mine[-1].width)
            self.codings.add("bit planes" if codec < 4 else
                             "byte planes" if codec < 36 else "symbols")
            for c in mine:
                c.r, values = values[:c.n], values[c.n:]
        need(not order and at == self.at + self.len, "page: length")


def group_values(codec, packed, n, width):
    """The residuals of a group, its codec byte and width given."""
    codec, layout = codec % 4, codec // 4
    if codec > 2 or layout > 56:
        raise Newer("group")
    if layout == 0:
        return planes(unpack(codec, packed, (n + 7) // 8 * width), n, width)
    p, b = (layout - 1) // 8, (layout - 1) % 8 + 1
    need(n * b <= 2**20, "group: size")
    if p == 0:
        raw = unpack(codec, packed, n * b)
        return [sum(raw[k * n + i] << 8 * k for k in range(b))
                for i in range(n)]
    need(codec != 1, "symbols: codec")
    symbols, rest = unpack_head(codec, packed, n)
    extra, at, values = int.from_bytes(rest, "little"), 0, []
    half = 2**(p - 1)
    for s in symbols:
        if s < 2 * half:
            values.append(s)
            continue
        x = s // half - 1
        need(p + x <= 8 * b, "symbols: length")
        values.append((half + s % half) * 2**x + (extra >> at) % 2**x)
        at += x
    need(len(rest) == (at + 7) // 8, "extra bits: length")
    return values


def planes(raw, n, width):
    size = (n + 7) // 8
    values = [0] * n
    for k in range(width):
        plane = int.from_bytes(raw[k * size:(k + 1) * size], "little")
        for i in range(n):
            values[i] |= (plane >> i & 1) << k
    return values


class Column:
    def __init__(self, n, width):
        self.n, self.width, self.r = n, width, None


class Timeline:
    def times(self):
        r = self.column.r if self.width else [0] * (self.n - 1)
        t = [self.first]
        for x in r:
            t.append(signed(t[-1] + self.step * (self.usual + unzigzag(x))))
        last = self.first + self.step * (
            self.usual * (self.n - 1) + self.rest)
        need(t[-1] == signed(last), "times: last")
        return t


class Run:
    def values(self):
        if self.width == 0:
            v = [self.base] * self.n
        elif self.dictionary:
            v = self.of_dictionary()
        elif self.lattice:
            v = self.of_lattice()
        elif self.order == 0:
            v = [signed(self.base + self.gcd * x) for x in self.column.r]
        else:
            v = [self.base]
            for x in self.column.r:
                v.append(signed(v[-1] + self.gcd * unzigzag(x)))
        if self.type <= 2:
            return v
        left_out = {index for index, _ in self.exceptions}
        v = [None if i in left_out else decimal(x, self.scale)
             for i, x in enumerate(v)]
        for index, value in self.exceptions:
            v[index] = value
        return v


    def of_dictionary(self):
        r, entries, last = self.column.r, [self.base], 0
        for x in r[self.n:]:
            entries.append(signed(entries[-1] + self.gcd * (x + 1)))
        v = []
        for x in r[:self.n]:
            last = x if self.order == 0 else signed(last + unzigzag(x))
            need(0 <= last < self.dictionary, "dictionary: index")
            v.append(entries[last])
        return v

    def of_lattice(self):
        modulus, residues = self.lattice
        x = self.column.r
        if self.order == 1:
            x = [0]
            for r in self.column.r:
                x.append(signed(x[-1] + unzigzag(r)))
        k = len(residues)
        return [signed(self.base + self.gcd * (
            modulus * (i // k) + residues[i % k])) for i in map(signed, x)]


class Directory:
    """Its fields stand in columns: each of all timelines, then the next."""

    def __init__(self, b, n_runs, n_groups, t_min):
        if b.varint() != 0:
            raise Newer("directory")
        n_timelines, n_columns = b.varint(), b.varint()
        need(n_timelines <= n_runs and n_columns <= 2 * n_runs, "counts")
        self.b, self.columns = b, []
        self.timelines = [Timeline() for _ in range(n_timelines)]
        self.runs = [Run() for _ in range(n_runs)]
        self.read_timelines(t_min)
        self.read_runs()
        need(len(self.columns) == n_columns, "directory: columns")
        self.read_exceptions()
        self.read_statistics()
        fields = [[b.varint() for _ in range(n_groups)],
                  [b.varint() for _ in range(n_groups)],
                  [b.u(1) for _ in range(n_groups)],
                  [b.u(4) for _ in range(n_groups)]]
        self.groups = list(zip(*fields))
        need(b.left() == 0, "directory: length")

    def column(self, n, width):
        """A new column, or one that was there before."""
        back = self.b.varint()
        need(n > 0 and width <= 64 and back <= len(self.columns), "column")
        if back == 0:
            self.columns.append(Column(n, width))
            return self.columns[-1]
        c = self.columns[-back]
        need((c.n, c.width) == (n, width), "column: not alike")
        return c

    def read_timelines(self, t_min):
        b, all_ = self.b, self.timelines
        for t in all_:
            t.n = b.varint()
            need(0 < t.n <= 2**24, "times: count")
        for t in all_:
            t.first = signed(t_min + b.span())
        for t in all_:
            t.step = b.span()
            need(t.step > 0, "times: step")
        for t in all_:
            t.usual = b.varint()
        for t in all_:
            t.rest = b.zigzag()
        for t in all_:
            t.width = b.u(1)
        for t in all_:
            if t.width > 0:
                t.column = self.column(t.n - 1, t.width)

    def read_runs(self):
        b, ident, timeline = self.b, 0, 0
        for r in self.runs:
            r.id = ident = ident + b.varint()
            need(0 < ident < 2**32, "run: id")
        for r in self.runs:
            r.timeline = timeline = timeline + b.zigzag()
            need(0 <= timeline < len(self.timelines), "run: times")
            r.n = self.timelines[timeline].n
        for r in self.runs:
            form = b.u(1)
            r.type, r.order = form & 7, form >> 5 & 1
            r.kind, r.dictionary, r.lattice = (
                form >> 3 & 1, form >> 4 & 1, form >> 6 & 1)
            need(r.type != 0, "run: type")
            if r.type > 4 or form > 127 or r.dictionary and (
                    r.kind or r.lattice):
                raise Newer("run")
            need(r.kind == 0 or r.type > 2, "run: form")
        for r in self.runs:
            r.width = b.u(1)
            need(r.width > 0 or not r.dictionary and not r.lattice,
                 "run: width")
        for r in self.runs:
            r.scale = b.u(1) if r.type > 2 else 0
            need(r.scale <= SCALE_MAX or r.scale == RAW and r.kind == 0,
                 "run: scale")
        for r in self.runs:
            r.base = b.zigzag()
        for r in self.runs:
            r.gcd = b.varint() + 1 if r.width > 0 else 1
            need(r.gcd < 2**64, "run: divisor")
        for r in self.runs:
            if r.dictionary:
                r.dictionary = b.varint()
                need(2 <= r.dictionary <= r.n, "dictionary: length")
        for r in self.runs:
            if r.lattice:
                r.lattice = self.read_lattice()
        for r in self.runs:
            if r.width > 0:
                r.column = self.column(
                    r.n + r.dictionary - 1 if r.dictionary else
                    r.n - r.order, r.width)
        for r in self.runs:
            r.n_exceptions = b.varint() if r.kind == 1 else 0
            need(r.kind == 0 or 0 < r.n_exceptions <= r.n, "exceptions")

    def read_lattice(self):
        """(modulus, residues)"""
        modulus = self.b.u(1)
        need(2 <= modulus <= 128, "lattice: modulus")
        bits = int.from_bytes(self.b.take((modulus + 7) // 8), "little")
        need(0 < bits < 2**modulus, "lattice: residues")
        return modulus, [i for i in range(modulus) if bits >> i & 1]

    def read_exceptions(self):
        b, found = self.b, []
        for r in self.runs:
            r.exceptions, after = [], 0
            for _ in range(r.n_exceptions):
                index = after + b.varint()
                need(index < r.n, "exception: index")
                after = index + 1
                found.append((r, index))
        scales = [b.u(1) for _ in found]
        for (r, index), scale in zip(found, scales):
            m = b.u(8) if scale == RAW else b.zigzag()
            r.exceptions.append((index, decimal(m, scale)))

    def read_statistics(self):
        """(run, name, value) of each, in self.statistics."""
        b, self.statistics = self.b, []

        def near(r):
            return r.type <= 2 or r.n_exceptions == 0 and r.scale != RAW

        runs = [r for r in self.runs if r.n >= (128 if near(r) else 1024)]

        for name in "min", "max", "first", "last":
            for r in runs:
                if not near(r):
                    v = double_of(b.u(8))
                elif r.type <= 2:
                    v = signed(r.base + b.zigzag())
                else:
                    v = decimal(signed(r.base + b.zigzag()), r.scale)
                self.statistics.append((r, name, v))
        for r in runs:
            if not near(r):
                self.statistics.append((r, "nan", b.varint()))
        for r in runs:
            wide = b.u(1) if r.type <= 2 else 1
            need(wide <= 1, "statistics: sum")
            if wide == 0:
                self.statistics.append((r, "sum", b.zigzag()))
                continue
            high, low = double_of(b.u(8)), b.varint()
            low = struct.unpack(">d", struct.pack("<Q", low))[0]
            self.statistics.append((r, "sum", (high, low)))


# ------------------------------------------------------------- data files

_NAME = re.compile(r"data-(?:(\d{4,})(?:-(\d\d)(?:-(\d\d))?)?|forever)\.dat\Z")


def partition(name):
    """(kind, start) of a data file's name, or None."""
    m = _NAME.match(name)
    if m is None:
        return None
    year, month, day = (int(x) if x else None for x in m.groups())
    if year is None:
        return 3, 0
    if month is None:
        return 2, year - 1970
    if day is None:
        return 1, (year - 1970) * 12 + month - 1
    return 0, (date(year, month, day) - date(1970, 1, 1)).days


class DataFile:
    def __init__(self, data, part):
        b = Bytes(data)
        need(b.take(8) == b"NTDBDAT\n", "data file: magic")
        version, flags = b.u(2), b.u(2)
        self.part = (b.u(4), b.s(4))
        list_len = b.u(4)
        self.sealed_len, self.sealed_epoch, self.id = b.u(8), b.u(8), b.u(8)
        list_at, file_flags = b.u(8), b.u(4)
        need(b.u(4) == zlib.crc32(data[:60]), "data file: CRC")
        if version > 1:
            raise Newer("data file of version %d" % version)
        need(version == 1 and flags == 0 and file_flags <= 1 and
             self.part == part, "data file: header")
        need(64 <= list_at and list_at + list_len <= self.sealed_len
             if list_len > 0 else list_at == 0, "data file: list")
        self.list_at, self.list_len = list_at, list_len
        self.sealed_late = file_flags == 1
        self.data = data

    @classmethod
    def read(cls, data, part):
        return read_mended(cls, data, (64,), part)

    def lasts(self):
        """{id: (type, time, value)}: the list of last samples, or None."""
        if self.list_len == 0:
            return None
        data = self.data[self.list_at:self.list_at + self.list_len]
        b = Bytes(data)
        need(b.take(4) == b"NTLS", "list: magic")
        n, length, crc = b.u(4), b.u(4), b.u(4)
        need(crc == zlib.crc32(data[:12] + data[16:]), "list: CRC")
        b = Bytes(unpack(2, b.take(b.left()), length))
        greatest, ident, ids = b.zigzag(), 0, []
        for _ in range(n):
            step = b.varint()
            ident += step
            need(step > 0 and ident < 2**32, "list: id")
            ids.append(ident)
        types = [b.u(1) for _ in ids]
        need(n > 0 and all(k in TYPES for k in types), "list: type")
        times = [greatest - b.varint() for _ in ids]
        need(min(times) >= -2**63, "list: time")
        scales = [b.u(1) for _ in ids]
        values = [b.zigzag() for _ in ids]
        need(b.left() == 0, "list: length")
        found = {}
        for i, k, t, scale, v in zip(ids, types, times, scales, values):
            need(k > 2 or scale == 0, "list: scale")
            found[i] = k, t, v if k <= 2 else decimal(v, scale)
        return found

    def pages(self, limit):
        """('page', page) or ('damage', offset, length) up to limit."""
        at = bad = 64
        lacking = limit - len(self.data)
        limit = min(limit, len(self.data))
        while at < limit:
            if at == self.list_at:
                if bad < at:
                    yield "damage", bad, at - bad
                at = bad = at + self.list_len
                continue
            try:
                page = Page(self.data, at)
                need(at + page.len <= limit, "page: beyond the limit")
            except Corrupt:
                here, at = at, self.data.find(b"NTPG", at + 1, limit)
                at = limit if at < 0 else at
                if here < self.list_at < at:
                    at = self.list_at
                continue
            if bad < at:
                yield "damage", bad, at - bad
            yield "page", page
            at = bad = at + page.len
        if bad < limit:
            yield "damage", bad, limit - bad
        if lacking > 0:
            yield "damage", limit, lacking


# ------------------------------------------------------------ state cache

class Cache:
    """DB.cache: its metrics by id, and its counters.

    Whether it belongs to this boot, catalog and log is not looked at.
    """

    COUNTERS = ("samples commits bytes_logged duplicates refused/syntax "
                "refused/name refused/value refused/time refused/type "
                "refused/late refused/future refused/clock refused/full "
                "fsyncs flushes pages bytes_written seals recoveries "
                "flush_ns seal_ns").split()

    def __init__(self, data):
        counters, data = data[-172:], data[:-172]
        need(len(data) >= 108 and data[:8] == b"NTDBCCH\n", "no cache")
        need(zlib.crc32(data[:-4]) == int.from_bytes(data[-4:], "little"),
             "cache: CRC")
        version, flags, slots, names_len, self.max_id = struct.unpack_from(
            "<HHIII", data, 8)
        if version != 1:
            raise Newer("cache")
        need(flags & ~3 == 0, "cache: flags")
        need(len(data) == 104 + 32 * slots + names_len + 4, "cache: length")
        self.epoch, self.nonce, self.log_pos, self.log_samples = \
            struct.unpack_from("<QQQQ", data, 24)
        names = data[104 + 32 * slots:-4]
        self.metrics = {}
        for i in range(slots):
            self.slot(i, data[104 + 32 * i:136 + 32 * i], names)
        need(zlib.crc32(counters[:-4]) ==
             int.from_bytes(counters[-4:], "little"), "counters: CRC")
        self.counters = dict(zip(self.COUNTERS, struct.unpack(
            "<21Q", counters[:-4])))

    def slot(self, i, data, names):
        t, m, at, _, n, kind, scale, flags, zero = struct.unpack(
            "<qqIIHBBB3s", data)
        need(zero == bytes(3) and flags & ~15 == 0, "cache: reserved")
        if not flags & 1:
            return
        need(at + n <= len(names), "cache: name")
        last = None
        if flags & 2:
            last = t, m if kind <= 2 else decimal(m, scale)
        self.metrics[i] = names[at:at + n], TYPES[kind], last


# --------------------------------------------------------------- database

class Database:
    """All samples of a database: self.samples[name] = [(time, value)]."""

    def __init__(self, path):
        self.path = path
        self.types, self.names, self.damage = {}, {}, []
        self.from_pages = self.from_log = 0
        self.codings = set()
        by_id = {}
        for i, (name, kind) in read_catalog(self.read("catalog.json")).items():
            self.names[i], self.types[i] = name, kind
        self.log = self.open_log(os.path.basename(path.rstrip("/")) + ".wal")
        files = [DataFile.read(self.read(name), part) for part, name in
                 sorted((p, n) for n in os.listdir(path)
                        for p in [partition(n)] if p is not None)]
        all_pages = self.log is None or any(map(self.is_newer, files))
        for f in files:
            self.read_file(f, all_pages, by_id)
        if self.log is not None:
            self.read_log(self.log, by_id)
        self.samples = {}
        for i, found in by_id.items():
            found.sort(key=lambda s: s[0])
            if self.types[i] > 2:
                found = [(t, float(v)) for t, v in found]
            self.samples[self.names[i]] = found
        self.type_of = {self.names[i]: TYPES[self.types[i]]
                        for i in self.names}

    def read(self, name):
        with open(os.path.join(self.path, name), "rb") as f:
            return f.read()

    def open_log(self, name):
        try:
            return Log.read(self.read(name))
        except (Corrupt, FileNotFoundError):
            return None

    def limit(self, f):
        return max(self.log.committed.get((f.part, f.id), 0), f.sealed_len)

    def is_newer(self, f):
        """Whether a file shows that the log is older than the pages."""
        behind = [what[0].epoch for kind, *what in f.pages(len(f.data))
                  if kind == "page" and what[0].at >= self.limit(f)]
        return max(behind + [0]) > self.log.epoch or \
            f.sealed_epoch > self.log.epoch

    def read_file(self, f, all_pages, by_id):
        limit = len(f.data) if all_pages else self.limit(f)
        for kind, *what in f.pages(limit):
            if kind == "damage":
                self.damage.append((f.part, *what))
                continue
            page, = what
            if not (all_pages or page.sealed or page.epoch < self.log.epoch):
                continue
            for i, _, found in page.runs():
                by_id.setdefault(i, []).extend(found)
                self.from_pages += len(found)
            self.codings |= page.codings

    def read_log(self, log, by_id):
        for kind, at, *what in log.events():
            if kind == "damage":
                self.damage.append(("log", at, *what))
            elif kind == "metric":
                i, self.types[i], name = what[0], what[1], what[2]
                need(self.names.setdefault(i, name) == name, "log: name")
            elif kind == "type":
                self.types[what[0]] = what[1]
            elif kind == "sample":
                by_id.setdefault(what[0], []).append(tuple(what[1:]))
                self.from_log += 1


def main():
    for path in sys.argv[1:]:
        db = Database(path)
        for name in sorted(db.samples):
            for t, value in db.samples[name]:
                print(name.decode(), db.type_of[name], t, repr(value))
        for where in db.damage:
            print("damage:", *where, file=sys.stderr)


if __name__ == "__main__":
    main()
