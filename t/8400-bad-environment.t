#!/bin/sh
# What users do to programs: no permission, full disks, read-only and missing
# directories, wrong configuration files, newer formats, bad descriptors.
# Guards laws 12, 27 and 33.

. "$(dirname "$0")/lib.sh"
chmod 755 "$TMP"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOF'
import os
import re
import shutil
import struct
import subprocess
import zlib
from blackbox import *
import roundtrip

rng = seed()
NOW = ["--now", "1893456000"]
temp = tempdir()
os.chmod(temp, 0o755)
TOOLS = ("ntdb-ingest", "ntdb-query", "ntdb-flush")
os.mkdir(temp + "/bin")
for tool in TOOLS:
    shutil.copy(program(tool), temp + "/bin")


def fresh(name, text="a/b 1 1890000000000000000\n"):
    root = "%s/%s" % (temp, name)
    r = ingest(root, text, *NOW)
    if r.status != 0 or r.err:
        diag("fresh: %r" % r)
    without_own_metrics(root)
    return root


def one_line(r, tool):
    """One clear message of that program, and no other bytes."""
    return re.fullmatch(rb"%s: [ -~]+\n" % tool.encode(), r.err) is not None


def fails(r, tool, statuses, name):
    if not isinstance(statuses, tuple):
        statuses = (statuses,)
    ok(r.status in statuses and one_line(r, tool) and not r.out,
       "%s: %s" % (name, "|".join(map(str, statuses)))) or diag(r)


# Nobody: another user if we are root, else ourselves.
AS_ROOT = os.geteuid() == 0
NOBODY = (["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
          if AS_ROOT else ["env"])


def as_nobody(argv, data=b""):
    argv = NOBODY + ["%s/bin/%s" % (temp, argv[0])] + argv[1:]
    return run(argv, data)


if AS_ROOT and (shutil.which("setpriv") is None
                or as_nobody(["ntdb-query", "--version"]).status != 0):
    for name in ("query", "ingest", "flush", "query again"):
        skip("unreadable root: " + name, "no other user to be")
else:
    root = fresh("unreadable")
    os.chmod(root, 0)
    fails(as_nobody(["ntdb-query", "-r", root, "a"]), "ntdb-query", 77,
          "unreadable root: query")
    fails(as_nobody(["ntdb-ingest", "-r", root, *NOW], b"a/b 2\n"),
          "ntdb-ingest", 77, "unreadable root: ingest")
    fails(as_nobody(["ntdb-flush", "-r", root, "--force"]), "ntdb-flush", 77,
          "unreadable root: flush")
    os.chmod(root, 0o755)
    same([x[3] for x in samples(root, "a") or []], ["1"],
         "unreadable root: nothing has changed")


# A root that may be read, not written.
def read_only(root, title, nobody):
    as_who = as_nobody if nobody else run
    r = as_who(["ntdb-query", "-r", root, "-f", "csv", "--time-format", "ns",
                "a/b"])
    ok(r.status == 0 and b"a/b,1890000000000000000,int32,1\n" in r.out
       and not r.err, title + ": last value") or diag(r)
    r = as_who(["ntdb-query", "-r", root, "-f", "lp", "*"])
    same((r.status, r.out, r.err),
         (0, b"a/b 1i 2029-11-22 00:00:00.000000000\n"
          b"a/c 2i 2029-11-22 00:00:01.000000000\n", b""),
         title + ": export")
    r = as_who(["ntdb-query", "-r", root, "-a", "count", "-f", "csv", "a"])
    ok(r.status == 0 and r.out.count(b"\n") == 3 and not r.err,
       title + ": aggregate") or diag(r)
    wanted = 77 if nobody else (73, 74, 77)
    fails(as_who(["ntdb-ingest", "-r", root, *NOW], b"a/b 2\n"),
          "ntdb-ingest", wanted, title + ": ingest")
    fails(as_who(["ntdb-ingest", "-r", root, *NOW], b"new/b 2\n"),
          "ntdb-ingest", (73, 74, 77), title + ": a new database")
    fails(as_who(["ntdb-flush", "-r", root, "--force", *NOW]), "ntdb-flush",
          wanted, title + ": flush")


root = fresh("readonly")
flush(root, "--force", *NOW)
ingest(root, "a/c 2 1890000001000000000\n", *NOW)
if not AS_ROOT:
    subprocess.run(["chmod", "-R", "a-w", root], check=True)
    read_only(root, "not writable", True)
    subprocess.run(["chmod", "-R", "u+w", root], check=True)
elif as_nobody(["ntdb-query", "--version"]).status == 0:
    read_only(root, "not writable", True)
else:
    for i in range(6):
        skip("not writable", "no other user to be")
mount = temp + "/mount"
os.mkdir(mount)
if AS_ROOT and subprocess.run(
        ["mount", "--bind", root, mount], capture_output=True
        ).returncode == 0:
    subprocess.run(["mount", "-o", "remount,ro,bind", mount])
    try:
        read_only(mount, "read-only mount", False)
    finally:
        subprocess.run(["umount", mount])
else:
    for i in range(6):
        skip("read-only mount", "mount is not permitted")

# A full disk.
if AS_ROOT and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", mount],
        capture_output=True).returncode == 0:
    try:
        with open(mount + "/ballast", "wb") as f:
            f.write(bytes(550000))
        root = mount + "/root"
        lines = [("a/m%d %r %d" % (i % 7, rng.uniform(-1, 1),
                                   1880000000 * 10**9 + i * 10**9)).encode()
                 for i in range(200000)]
        r = ingest(root, b"\n".join(lines), "--progress", *NOW)
        rest = b"".join(x + b"\n" for x in r.err.splitlines()
                        if not x.startswith(b"committed "))
        ok(r.status == 74 and re.fullmatch(
            rb"(ntdb-ingest: [ -~]+: No space left on device\n){1,2}", rest),
           "full disk: 74, a log that cannot be flushed or grow") or diag(r)
        acked = last_committed(r.err)
        r = query(root, "-f", "lp", "a")
        n = r.out.count(b"\n")
        diag("full after %d lines acknowledged, %d stored" % (acked, n))
        ok(r.status == 0 and not r.err, "full disk: export") or diag(
            Result(r.status, b"", r.err))
        ok(acked > 0, "full disk: something was acknowledged")
        ok(n >= acked and r.out == roundtrip.expected(lines[:n]),
           "full disk: what was acknowledged is readable, in order")
        r = ingest(root, "".join("a/x%d 1.5\n" % i for i in range(60000)),
                   *NOW)
        same(r.status, 74, "full disk: still full")
        r2 = query(root, "-f", "lp", "a/m1")
        ok(r2.status == 0 and r2.out.count(b"\n") >= (n - 7) // 7,
           "full disk: nothing was lost by that") or diag(r2)
        r = query(root, "-f", "lp", "a/m?")
        before = r.out
        os.unlink(mount + "/ballast")
        r = ingest(root, "a/m1 0.5 1890000001000000000\n", *NOW)
        same((r.status, r.err), (0, b""), "space again: ingest works")
        r = query(root, "-f", "lp", "a/m?")
        same((r.status, r.out), (
            0, before + b"a/m1 0.5 2029-11-22 00:00:01.000000000\n"),
            "space again: everything is there")
        r = flush(root, "--force", *NOW)
        ok(r.status in (0, 74), "space again: flush") or diag(r)
        same(query(root, "-f", "lp", "a/m?").out,
             before + b"a/m1 0.5 2029-11-22 00:00:01.000000000\n",
             "space again: everything is still there")
    finally:
        subprocess.run(["umount", mount])
else:
    for i in range(10):
        skip("full disk", "mount is not permitted")

# Names that lead elsewhere.
root = fresh("names")
fails(query(root, "../names"), "ntdb-query", (64, 66), "query ../names")
fails(query(root, "..", *NOW), "ntdb-query", (64, 66), "query ..")
fails(query(root, "../*"), "ntdb-query", (64, 66), "query ../*")
fails(flush(root, "..", *NOW), "ntdb-flush", (64, 66), "flush ..")
fails(flush(root, "a/../a", *NOW), "ntdb-flush", (64, 66), "flush a/../a")
fails(ingest(root, "b 1\n", "-d", "../names", *NOW), "ntdb-ingest", 64,
      "ingest -d ../names")
fails(flush(root, "none", *NOW), "ntdb-flush", 66, "flush of no database")
r = ingest(root, "engine.ini/b 1\n", *NOW)
ok(r.status in (65, 73, 74, 77) and r.err.startswith(b"ntdb-ingest: "),
   "a database called engine.ini, which is a file") or diag(r)
same(sorted(os.listdir(temp + "/names")), ["a", "engine.ini"],
     "nothing was made")

# Missing and odd roots.
r = ingest(temp + "/no/such/parent", "a/b 1\n", *NOW)
fails(r, "ntdb-ingest", (66, 73), "the root's parent is missing")
ok(not os.path.exists(temp + "/no"), "and is not made")
with open(temp + "/file", "w") as f:
    f.write("x")
for tool, argv in (("ntdb-query", ["a"]), ("ntdb-flush", ["a"]),
                   ("ntdb-ingest", NOW)):
    r = run([tool, "-r", temp + "/file", *argv], b"a/b 1\n")
    fails(r, tool, (66, 71, 73, 74), "the root is a file: " + tool)


# Configuration.
def configured(where, text, title):
    """A root whose configuration file of that name has this text."""
    root = "%s/conf-%s" % (temp, re.sub(r"\W", "-", title))
    os.makedirs(root + "/a")
    with open("%s/%s" % (root, where), "w") as f:
        f.write(text)
    return root


for where in ("engine.ini", "a/manifest.ini"):
    section, key = (("wal", "fsync_policy = always")
                    if where == "engine.ini" else ("page", "max_age = 1h"))
    base = os.path.basename(where).encode()
    root = configured(where, "[%s]\n%s\nfsync_polcy = 1\n" % (section, key),
                      where + " typo")
    r = ingest(root, "a/b 1\n", *NOW)
    ok(r.status == 0 and base in r.err and b"fsync_polcy" in r.err
       and one_line(r, "ntdb-ingest"), where + ": a typo warns") or diag(r)
    same(len(samples(root, "a") or []), 1, where + ": and stops nothing")
    root = configured(where, "[%s]\n%s\n[pgae]\nmax_age = 1h\n"
                      % (section, key), where + " section")
    r = ingest(root, "a/b 1\n", *NOW)
    ok(r.status == 0 and base in r.err and b"pgae" in r.err,
       where + ": an unknown section warns") or diag(r)
    long_name = "x" * 60
    for title, text, number in (
            ("bad value", "[%s]\n%s\n" % (section, key.split(" = ")[0]
                                          + " = soon?"), 2),
            ("over-long line", "# c\n[%s]\n%s\n; %s\n%s%s\n" % (
                section, key, "y" * 190, key, " " * 200), 5),
            ("indented line", "[%s]\n%s\n  max_bytes = 2MiB\n"
             % (section, key), 3),
            ("no =", "[%s]\n%s\nmax_bytes\n" % (section, key), 3),
            ("over-long section", "[%s]\n%s\n[rollup.%s]\ninterval = 1h\n"
             % (section, key, long_name), 3),
            ("two over-long sections",
             "[rollup.%sa]\ninterval = 1h\n[rollup.%sb]\ninterval = 2h\n"
             % (long_name, long_name), 1),
            ("unclosed section", "[%s\n%s\n" % (section, key), 1)):
        root = configured(where, text, where + " " + title)
        r = ingest(root, "a/b 1\n", *NOW)
        ok(r.status == 78 and base in r.err
           and re.search(rb"\b(line )?%d:" % number, r.err)
           and one_line(r, "ntdb-ingest"),
           "%s: %s: 78, file and line" % (where, title)) or diag(r)

# A log, and pages, of a newer version.
root = fresh("newer")
flush(root, "--force", *NOW)
ingest(root, "a/b 2 1890000001000000000\n", *NOW)
with open(root + "/a/a.wal", "r+b") as f:
    data = bytearray(f.read())
    size = struct.unpack_from("<I", data, 12)[0]
    struct.pack_into("<H", data, 8, 2)
    struct.pack_into("<I", data, size - 4, zlib.crc32(data[:size - 4]))
    f.seek(0)
    f.write(data)
with open(root + "/a/a.wal", "rb") as f:
    before = f.read()
fails(query(root, "a"), "ntdb-query", 76, "newer log: query")
fails(ingest(root, "a/b 3\n", *NOW), "ntdb-ingest", 76, "newer log: ingest")
fails(flush(root, "--force", *NOW), "ntdb-flush", 76, "newer log: flush")
with open(root + "/a/a.wal", "rb") as f:
    same(f.read(), before, "newer log: untouched")

# Descriptors.
root = fresh("fds", "".join("a/m%d %d 18900000%02d000000000\n" % (i, i, i)
                            for i in range(50)))
if os.path.exists("/dev/full"):
    for fmt in ("table", "csv", "json", "jsonl", "lp"):
        with open("/dev/full", "wb") as full:
            r = query(root, "-f", fmt, "a", stdout=full)
        fails(r, "ntdb-query", 74, "/dev/full as stdout, " + fmt)
    for tool in TOOLS:
        for option in ("--help", "--version"):
            with open("/dev/full", "wb") as full:
                r = run([tool, option], stdout=full)
            fails(r, tool, 74, "/dev/full as stdout, %s %s" % (tool, option))
else:
    for i in range(11):
        skip("/dev/full", "there is none")


def shell(command, data=b""):
    return run(["sh", "-c", command, "sh", root], data)


before = samples(root, "a")
r = shell('ntdb-query -r "$1" a >&-')
fails(r, "ntdb-query", 74, "query with stdout closed")
r = shell('ntdb-query -r "$1" a/m1 <&-')
ok(r.status == 0 and b" a/m1\n" in r.out, "query with stdin closed") or diag(r)
r = shell('ntdb-ingest -r "$1" --now 1893456000 <&-')
fails(r, "ntdb-ingest", (66, 71, 74), "ingest with stdin closed")
r = shell('ntdb-ingest -r "$1" --now 1893456000 >&-', "a/m1 5\n")
same((r.status, r.err), (0, b""), "ingest with stdout closed")
r = shell('ntdb-ingest -r "$1" --now 1893456000 2>&-', "bad\na/m2 6\nbad\n")
same(r.status, 65, "ingest with stderr closed and bad lines")
r = shell('ntdb-ingest -r "$1" --now 1893456000 -v >&- 2>&-',
          "a/m3 7\nbad\n")
same(r.status, 65, "ingest with both closed")
r = shell('ntdb-flush -r "$1" --force --now 1893456000 <&- >&- 2>&-')
same(r.status, 0, "flush with all closed")
r = shell('ntdb-query -r "$1" a/m1 nosuch/x 2>&-')
same(r.status, 66, "query with stderr closed and a missing name")
got = samples(root, "a")
want = [x[:] for x in before] + [
    ["a/m%d" % m, "1893456000000000000", "int32", v]
    for m, v in ((1, "5"), (2, "6"), (3, "7"))]
same(sorted(got or []), sorted(want), "no message went into a file of ours")
d = os.open("/", os.O_RDONLY)
r = run(["ntdb-ingest", "-r", root, *NOW], stdin=d)
os.close(d)
fails(r, "ntdb-ingest", (66, 71, 74), "stdin is a directory")
fails(ingest(root, "", temp + "/nosuch.lp", *NOW), "ntdb-ingest", 66,
      "FILE is missing")

# An input that cannot be opened ends the run: what comes behind it would
# make its samples late.
root = temp + "/inputs"
parts = [temp + "/part%d.lp" % i for i in range(3)]
for i in (0, 2):
    with open(parts[i], "w") as f:
        f.write("a/f %d 189000000%d000000000\n" % (i, i))
r = ingest(root, "", "--progress", *parts, *NOW)
same((r.status, r.err.splitlines()),
     (66, [b"committed 1", b"ntdb-ingest: %s: cannot open: No such file or "
           b"directory" % parts[1].encode()]), "the second FILE is missing")
with open(parts[1], "w") as f:
    f.write("a/f 1 1890000001000000000\n")
r = ingest(root, "", *parts, *NOW)
same((r.status, r.err, [x[3] for x in samples(root, "a")]),
     (0, b"", ["0", "1", "2"]), "the same again when it is there")
root = temp + "/fds"
r = ingest(root, "", temp, *NOW)
fails(r, "ntdb-ingest", (66, 71, 74), "FILE is a directory")

# Messages with file and line, and what is refused, verbatim.
with open(temp + "/one.lp", "wb") as f:
    f.write(b"# c\na/f 1 1890000100000000000\nbad \xff\x1b line\n")
with open(temp + "/two.lp", "wb") as f:
    f.write(b"a/f x\r\na/f 2 1890000101000000000\na/f y")
r = ingest(root, "", "--reject", temp + "/rejected", temp + "/one.lp",
           temp + "/two.lp", *NOW)
said = [x.split(b": ")[1] for x in r.err.splitlines()]
same((r.status, said), (65, [
    b"%s/one.lp:3" % temp.encode(), b"%s/two.lp:1" % temp.encode(),
    b"%s/two.lp:3" % temp.encode()]), "bad lines of two files")
ok(re.fullmatch(rb"[ -~\n]*", r.err), "foreign bytes are escaped") or diag(r)
with open(temp + "/rejected", "rb") as f:
    ok(f.read().replace(b"\r", b"")
       == b"bad \xff\x1b line\na/f x\na/f y\n", "--reject saves them")
r = ingest(root, "bad\n" * 30, *NOW)
numbered = [x for x in r.err.splitlines() if re.search(rb":\d+: ", x)]
same((r.status, len(numbered)), (65, 20), "20 bad lines are reported")
ok(re.search(rb"\b(10|30)\b", r.err.splitlines()[-1]),
   "the others are counted") or diag(r)
r = ingest(root, "a/s 1\na/s 2\nbad\na/s 3\n", "--strict", *NOW)
ok(r.status == 65 and re.search(rb"\b2\b", r.err),
   "--strict says how many lines are stored") or diag(r)
done()
EOF
