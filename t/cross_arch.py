"""Other machines give the same bytes: the body of t/long/cross-arch.

Random numbers in files come from getrandom; t/long/cross-random.c makes them
the same ones for all.  Then the same commands must leave the same files on
every machine, but for a few bytes in caches: see content().
"""

import glob
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

from blackbox import *

NOW = "2026-06-01T00:00:00Z"
BASE = 1777593600 * 10**9	# 2026-05-01
SOURCE = os.environ["NTDB_SRC"]
BUILD = os.environ["NTDB_BUILD"]
TRIPLETS = ["arm-linux-gnueabihf", "s390x-linux-gnu", "i686-linux-gnu"]
WIDE = ["s390x-linux-gnu"]
GREAT = 5 * 2**30


class Machine:
    """Where programs run: argv before theirs, and their environment."""

    def __init__(self, name, build, before, shim):
        self.name, self.build, self.before = name, build, before
        self.shim = shim

    def run(self, cwd, argv, data=b"", random=0, path=None):
        env = dict(os.environ, CROSS_RANDOM=str(random))
        preload = "LD_PRELOAD=" + self.shim
        if self.before:
            # What was set already is for the emulator's run script.
            env["QEMU_SET_ENV"] = preload
        else:
            env["LD_PRELOAD"] = self.shim
        path = path or os.path.join(self.build, "bin", argv[0])
        # A file, as what a pipe holds at a time is a matter of chance, and
        # makes the batches.
        with tempfile.TemporaryFile() as f:
            f.write(data)
            f.seek(0)
            p = subprocess.run(self.before + [path] + argv[1:], stdin=f,
                               cwd=cwd, env=env, timeout=1200,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return Result(p.returncode, p.stdout, p.stderr)


def emulator(triplet):
    """What runs a program of that machine, or None."""
    script = shutil.which(triplet + "-run")
    return [script] if script else None


def shim(compiler, directory):
    path = os.path.join(directory, "random.so")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", path,
                    SOURCE + "/t/long/cross-random.c"], check=True)
    return path


def build(triplet, directory):
    """Configure and make; whether it went well."""
    os.makedirs(directory)
    with open(SOURCE + "/Makefile.am") as f:
        text = f.read().replace("\\\n", " ")
    units = re.search(r"^unit_tests = (.*)$", text, re.M)[1].split()
    for argv in ([SOURCE + "/configure", "-q", "--host=" + triplet,
                  "--enable-werror", "CFLAGS=-O2"],
                 ["make", "-s", "-j2", "all"] + units):
        p = subprocess.run(argv, cwd=directory, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
        if p.returncode != 0:
            diag(p.stdout.decode(errors="replace")[-3000:])
            return False
    return True


def unit_tests(machine):
    failed = []
    paths = sorted(glob.glob(machine.build + "/t/unit/*.t"))
    for path in paths:
        r = machine.run(machine.build, [path], path=path)
        if r.status != 0 or b"\nnot ok" in b"\n" + r.out:
            failed.append(os.path.basename(path))
            diag("%s: %s" % (path, clip(r.out, 4000)))
    same(failed, [], "%s: %d unit tests" % (machine.name, len(paths)))


# Of these the C library of a 32-bit machine has forms with 64-bit offsets
# and times; the plain ones must not be called.  (Not looked for: ppoll, which
# glibc 2.36 leaves plain under _FORTIFY_SOURCE; ours has no timeout.)
NARROW = re.compile(
    r" U ((?:f?open|openat|creat|mkstemp|fcntl|ftruncate|truncate|lseek|"
    r"fseeko|ftello|pread|pwrite|preadv|pwritev|mmap|f?stat|lstat|fstatat|"
    r"readdir|scandir|f?allocate|posix_fallocate|posix_fadvise|sendfile|"
    r"time|clock_gettime|gettimeofday|nanosleep|"
    r"clock_nanosleep|utimensat|futimens|gmtime_r|timegm|getrusage))"
    r"(?:@.*)?$", re.M)


def wide_calls(triplet, machine):
    objects = sorted(glob.glob(machine.build + "/lib/.libs/*.o") +
                     glob.glob(machine.build + "/bin/*.o"))
    p = subprocess.run([triplet + "-nm", "-A", "-u", *objects], check=True,
                       stdout=subprocess.PIPE)
    found = NARROW.findall(p.stdout.decode())
    same(found, [], "%s: 64-bit offsets and times in %d objects" % (
        machine.name, len(objects)))


# s390x: a fused multiply-add of doubles rounds once where we round twice.
# lib/sums.c asks for it by name.
FUSED = re.compile(r"\tm[as]dbr?\t|\twfm[as]db\t")


def fused(triplet, machine):
    objects = sorted(set(glob.glob(machine.build + "/lib/.libs/*.o")) -
                     {machine.build + "/lib/.libs/sums.o"})
    p = subprocess.run([triplet + "-objdump", "-d", *objects], check=True,
                       stdout=subprocess.PIPE)
    n = len(FUSED.findall(p.stdout.decode(errors="replace")))
    same(n, 0, machine.name + ": multiplies and adds in two steps")


# ------------------------------------------------------------------ input

def value(rng, kind, i):
    """The text of a sample's value."""
    if kind == "int32":
        return "%d" % rng.choice([2**31 - 1, -2**31, i, -i, rng.randrange(9)])
    if kind == "int64":
        return "%d" % rng.choice([2**63 - 1, -2**63, i << 40, -1])
    if kind == "step":
        return "%di" % (i // 50)
    if kind == "bits":
        while True:
            x = struct.unpack("<d", rng.getrandbits(64).to_bytes(8, "little"))
            if x[0] - x[0] == 0 and x[0] != 0:
                return repr(x[0]) if "e" in repr(x[0]) else "%r" % x[0]
    if kind == "special":
        return rng.choice(["NaN", "+Inf", "-Inf", "-0.0", "0.0", "5e-324",
                           "1.7976931348623157e308", "2.2250738585072014e-308",
                           "1e22", "9007199254740993.0", "0.1"])
    if kind == "decimal":
        digits = rng.randrange(1, 18)
        return "%d.%0*d" % (rng.randrange(-999, 999), digits,
                            rng.randrange(10**digits))
    if kind == "money":
        return "%d.%02d" % (i % 70, rng.randrange(100))
    if kind == "float32":
        return "%.1f" % (20 + rng.randrange(50) / 10)
    if kind == "fahrenheit":
        return "%.6f" % ((rng.randrange(600, 640) / 8 - 32) * 5 / 9)
    if kind == "huge":
        return "%d.0" % rng.choice([2**53, 2**63, -2**62, 10**300])
    return "1.5"


KINDS = ["int32", "int64", "step", "bits", "special", "decimal", "money",
         "float32", "fahrenheit", "huge", "constant"]


def lines(rng, first, last):
    """Line protocol of samples number first to last of each metric."""
    out = []
    for i in range(first, last):
        t = BASE + i * 60 * 10**9
        for j, kind in enumerate(KINDS):
            when = t + rng.randrange(10**9) * (j % 3 == 0)
            out.append("d/%s{k=\"\u00fc\"} %s %d" %
                       (kind, value(rng, kind, i), when))
        for j in range(i % 40, i % 40 + 3):
            out.append("few/m%d %s %d" % (j, value(rng, "money", i), t))
        if i % 10 == 0:
            out.append("old/forever %s %d" %
                       (value(rng, "decimal", i), (i - 10**5) * 86400 * 10**9))
            out.append("g/widened %s %d" %
                       ("21" if i < 500 else "21.5", t))
    return ("\n".join(out) + "\n").encode()


BAD = b"""d/step 5i 1777593600000000000
d/step{k="\xc3\xbc"} 7.5
d/step{k="\xc3\xbc"} 99999999999999999999
no-database 1
d/x 1e999
d/y \xff\xfe
d/late 1 1777593600000000000
d/late 2 1777593500000000000
d/late 0x10
"""


def manifests(root):
    for db, text in (("old", "[retention]\npartition = forever\n"),
                     ("g", "[metrics]\nintegers = float\n"),
                     ("few", "[retention]\npartition = month\n"
                      "[metrics]\nwiden = no\nlate = accept\n")):
        os.makedirs(os.path.join(root, db))
        with open(os.path.join(root, db, "manifest.ini"), "w") as f:
            f.write(text)


def writing(rng):
    """The commands that write, as (argv, standard input)."""
    base = ["-r", "root", "--now", NOW]
    move = ["ntdb-flush", *base, *move_args()]
    put = ["ntdb-ingest", *base, "-p", "ns", "-v"]
    quiet = put[:-1]
    one, two = lines(rng, 0, 1500), lines(rng, 1500, 3200)
    late = b"".join(b"few/m%d 0.%d %d\n" % (k % 40, k, BASE + k * 10**9)
                    for k in range(3000, 0, -7))
    steps = [(quiet, one), (move, b""), (quiet, lines(rng, 3200, 3300)),
             (["ntdb-ingest", *base], b"d/now 1.25\nd/now 2.5\n"),
             (quiet, BAD), (["ntdb-ingest", *base, "--sync"], b"d/s 1\n"),
             (move, b""), (quiet, lines(rng, 3300, 4000) + late)]
    if flush_knows("--seal"):
        steps += [(["ntdb-flush", *base, "--seal"], b""),
                  (quiet, lines(rng, 4000, 4200)), (move, b""),
                  (quiet, lines(rng, 4200, 4300)),
                  (["ntdb-flush", *base, "--seal"], b"")]
    return steps + [(quiet, lines(rng, 4300, 4400)), (quiet, two[:2000])]


def reading():
    """The commands that read."""
    for command in ("db", "dat", "wal", "catalog", "verify"):
        for more in ([], ["-v"], ["--json"]):
            yield ["ntdb-inspect", command, *more, "-r", "root"]
    every = ["min,max,sum,avg,count,first,last,median,p50,p95,p99,stddev,"
             "trimmed_avg"]
    wanted = [["-f", "lp"], [], ["-f", "json"], ["--last", "-f", "csv"],
              ["--stride", "7", "-f", "csv", *EVER], ["--limit", "-3", *EVER],
              ["-f", "jsonl", "--time-format", "s", *EVER],
              ["-s", "2026-05-01 10:00", "-e", "2026-05-02T03:30:00.5Z"],
              ["-s", "31d", "--time-format", "ns", "-f", "csv"]]
    wanted += [["-a", every[0], "-w", w, "-f", f, *EVER]
               for w, f in (("5m", "csv"), ("1h", "table"), ("1d", "lp"),
                            ("7m13s", "jsonl"))]
    wanted += [["-a", every[0], "-f", "json", *EVER]]
    for w in wanted:
        yield ["ntdb-query", "-r", "root", "--now", NOW, *w, "*"]


# ---------------------------------------------------------------- compare

def content(path):
    """A file's bytes, but for what a cache says of this machine alone: the
    stamp of catalog.json, and how long flush and sealing took."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:8] == b"NTDBCCH\n":
        cache, counters = data[:-172], data[-172:]
        for part in (cache, counters):
            if zlib.crc32(part[:-4]) != int.from_bytes(part[-4:], "little"):
                return b"a cache with a wrong CRC: " + data
        data = cache[:80] + bytes(24) + cache[104:-4] + counters[:-20]
    return data


def tree(root):
    found = {}
    for directory, _, names in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)
            found[os.path.relpath(path, root)] = content(path)
    return found


def differences(a, b):
    """How two trees differ, in words."""
    a, b = tree(a), tree(b)
    found = ["only here or there: " + n for n in sorted(set(a) ^ set(b))]
    for name in sorted(set(a) & set(b)):
        if a[name] != b[name]:
            at = next((i for i, (x, y) in enumerate(zip(a[name], b[name]))
                       if x != y), "the end")
            found.append("%s: %d and %d bytes, from %s on" % (
                name, len(a[name]), len(b[name]), at))
    return found


def answer(r):
    return r.status, r.out, r.err


def first_difference(a, b):
    for x, y in zip(a.splitlines(), b.splitlines()):
        if x != y:
            return "%r and %r" % (x[:300], y[:300])
    return "%d and %d bytes" % (len(a), len(b))


def work(cwd, machines, steps):
    """Run the writing steps in cwd, on the machines by turns."""
    os.makedirs(cwd)
    manifests(os.path.join(cwd, "root"))
    for i, (argv, data) in enumerate(steps):
        m = machines[i % len(machines)]
        r = m.run(cwd, argv, data, i + 1)
        yield "%d: %s" % (i + 1, argv[0]), answer(mask(r))


def mask(r):
    """Without the seconds that -v tells."""
    r.err = re.sub(rb"[0-9.]+ s\b", b"N s", r.err)
    return r


def write_all(temp, here, there, steps):
    """The same commands, here and there and by turns: the same files."""
    plain = os.path.join(temp, "here")
    want = list(work(plain, [here], steps))
    bad = [w for w in want if w[1][0] not in (0, 65)]
    same(bad, [], "here: all commands end well")
    for machines, name in (([there], "there"), ([here, there], "by turns"),
                           ([there, here], "by turns, the other way")):
        cwd = os.path.join(temp, name.replace(" ", "-"))
        got = list(work(cwd, machines, steps))
        title = "%s, %s: " % (there.name, name)
        same([g for g, w in zip(got, want) if g != w], [],
             title + "the same answers")
        same(differences(plain + "/root", cwd + "/root"), [],
             title + "the same files")
    return plain


def read_all(cwd, here, there):
    failed = []
    n = length = 0
    for argv in reading():
        want = mask(here.run(cwd, argv))
        got = mask(there.run(cwd, argv))
        n += 1
        length += len(want.out)
        if answer(got) != answer(want) or want.status != 0:
            failed.append(" ".join(argv))
            diag("%s: status %s and %s; %s; stderr %s" % (
                failed[-1], want.status, got.status,
                first_difference(want.out, got.out),
                first_difference(want.err, got.err)))
    same(failed, [], "%s: %d ways to read, %d bytes" % (
        there.name, n, length))


def stretch(root):
    """Put the last page of old/forever behind a hole of GREAT bytes."""
    path = root + "/old/data-forever.dat"
    with open(path, "rb") as f:
        data = f.read()
    at = data.rfind(b"NTPG")
    os.truncate(path, at)
    os.truncate(path, GREAT)
    with open(path, "ab") as f:
        f.write(data[at:])
    # The log's header says how much of the file counts: its fifth field.
    log = root + "/old/old.wal"
    with open(log, "rb") as f:
        head = bytearray(f.read())
    length, = struct.unpack_from("<I", head, 12)
    entry = 48
    assert struct.unpack_from("<Q", head, entry + 8) == (len(data),)
    struct.pack_into("<Q", head, entry + 8, GREAT + len(data) - at)
    struct.pack_into("<I", head, length - 4, zlib.crc32(head[:length - 4]))
    with open(log, "wb") as f:
        f.write(head)


def great(temp, here, there):
    """A data file beyond 4 GiB is read, and added to, alike."""
    base = ["-r", "root", "--now", NOW]
    steps = [(["ntdb-ingest", *base, "-p", "ns"],
              b"".join(b"old/forever %d.5 %d\n" % (i, i * 10**9)
                       for i in range(k, k + 500)))
             for k in (0, 500, 1000)]
    move = (["ntdb-flush", *base, *move_args()], b"")
    results = []
    for m in (here, there):
        cwd = os.path.join(temp, "great-" + m.name)
        for _ in work(cwd, [here], [steps[0], move, steps[1], move]):
            pass
        stretch(cwd + "/root")
        found = []
        for i, (argv, data) in enumerate([
                (["ntdb-query", *base, "-f", "lp", "old"], b""),
                (["ntdb-inspect", "dat", "-r", "root", "old"], b""),
                (["ntdb-query", *base, "--last", "old"], b""),
                steps[2], move,
                (["ntdb-query", *base, "-f", "lp", "old"], b"")]):
            found.append(answer(m.run(cwd, argv, data, 10 + i)))
        path = cwd + "/root/old/data-forever.dat"
        with open(path, "rb") as f:
            f.seek(GREAT)
            found.append((os.path.getsize(path), f.read()))
        results.append(found)
        shutil.rmtree(cwd)
    want, got = results
    same([len(want[0][1].splitlines()), len(want[5][1].splitlines())],
         [1000, 1500], "here: samples before and behind 5 GiB of nothing")
    same(got, want, there.name + ": the same")


def compare(triplet, here, temp, rng_seed):
    where = os.path.join(temp, triplet)
    if not ok(build(triplet, where), triplet + ": builds without a warning"):
        return
    there = Machine(triplet, where, emulator(triplet),
                    shim(triplet + "-gcc", where))
    unit_tests(there)
    if triplet in WIDE:
        fused(triplet, there)
    else:
        wide_calls(triplet, there)
    steps = writing(random.Random(rng_seed))
    cwd = write_all(os.path.join(temp, "w-" + triplet), here, there, steps)
    read_all(cwd, here, there)
    great(temp, here, there)


def main():
    triplets, missing = [], []
    for t in sys.argv[1:] or TRIPLETS:
        if shutil.which(t + "-gcc") and emulator(t):
            triplets.append(t)
        else:
            missing.append(t)
    if not triplets:
        skip_all("no compiler and emulator for " + ", ".join(missing))
    rng_seed = seed().getrandbits(32)
    temp = tempdir()
    here = Machine("here", BUILD, [], shim(os.environ.get("CC", "cc"), temp))
    for t in triplets:
        compare(t, here, temp, rng_seed)
    for t in missing:
        skip(t, "no compiler or emulator")
    done()


main()
