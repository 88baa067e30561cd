#!/bin/sh
# Archives: what is in them, what a cut at any place leaves, and how it all
# comes back.  NTDB_LONG=1: kills and errors at every
# call, cuts at every offset.
# Guards laws 22 and 29.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import os
import resource
import struct
import subprocess
import tarfile
import zlib
from blackbox import *
from tracing import *

finish = done
need_strace()
rng = seed()
temp = tempdir()
made = [0]
LATER = ["--now", "2200-12-31"]
NOW = ["--now", "2027-02-25"]
MOVE = move_args() + ["--no-retention"] + LATER
ARCHIVE = ["--no-seal"] + NOW


def setting(partition="day", action="archive", **more):
    more.setdefault("days", 7)
    return "[page]\nmax_age = 1000w\n[metrics]\nlate = accept\n" + \
        "[retention]\npartition = %s\nretention_action = %s\n" % (
            partition, action) + \
        "".join("retention_%s = %s\n" % x for x in more.items())


def fresh(*settings, **keys):
    made[0] += 1
    root = "%s/%d" % (temp, made[0])
    os.makedirs(root + "/k")
    configure(root, *settings, **keys)
    return root


def configure(root, *settings, **keys):
    with open(root + "/k/manifest.ini", "w") as f:
        f.write(setting(*settings, **keys))


def quiet(r, name="as it should"):
    if (r.status, r.err) != (0, b""):
        diag("%s: %r" % (name, r))
        return False
    return True


def add(root, *lines, moved=True):
    quiet(ingest(root, "".join("k/%s\n" % x for x in lines), *LATER))
    if moved:
        quiet(flush(root, *MOVE))


def day(date, metric="a", n=5, base=0):
    return ["%s %di %s %02d:%02d:%02d" % (
        metric, base + i, date, i // 3600, i // 60 % 60, i % 60)
        for i in range(n)]


def archives(root, kind=".tar"):
    return sorted(x for x in os.listdir(root + "/k")
                  if x.startswith("archive-") and x.endswith(kind))


def members(root, name="archive-2027-01.tar"):
    """The names in an archive, from two readers that must agree."""
    path = "%s/k/%s" % (root, name)
    r = run(["tar", "-tf", path])
    with tarfile.open(path) as t:
        names = t.getnames()
    if r.status != 0 or r.err or r.out.decode().split() != names:
        diag("tar: %r; Python: %r" % (r, names))
        return None
    return names


def files(root):
    return sorted(x for x in os.listdir(root + "/k")
                  if x.startswith("data-") and x.endswith(".dat"))


def unpack(root, kind=".tar"):
    """All archives in a new root."""
    made[0] += 1
    to = "%s/%d" % (temp, made[0])
    os.makedirs(to)
    for x in archives(root, kind):
        r = run(["tar", "-x", "-C", to, "-f", "%s/k/%s" % (root, x)])
        if r.status != 0 and kind == ".tar":
            diag(r)
    return to


def exported(root):
    """All samples, sorted, as of database k."""
    r = query(root, "-f", "lp", "--time-format", "ns", "k*")
    if r.status != 0 or r.err:
        diag(r)
        return None
    return sorted(re.sub(r"^k[^/]*/", "", x)
                  for x in r.out.decode().splitlines())


def everything(root):
    """What the database and its archives hold together."""
    return sorted(exported(root) + exported(unpack(root)))


def ours(*names, dir="k.2027-01"):
    return ["%s/%s" % (dir, x) for x in names]


def data(*days):
    return ["data-%s.dat" % x for x in days]


# ---- what is in it

root = fresh()
os.chmod(root, 0o750)
days = ["2027-01-%02d" % d for d in (5, 6, 31)] + ["2027-02-01"]
add(root, *[x for d in days + ["2027-02-20"] for x in day(d)])
whole = exported(root)
before = {x: os.stat("%s/k/%s" % (root, x)) for x in files(root)}
ok(quiet(flush(root, *ARCHIVE)), "archived")
same(archives(root), ["archive-2027-01.tar", "archive-2027-02.tar"],
     "an archive for each month")
same((members(root), members(root, "archive-2027-02.tar")),
     (ours("manifest.ini", "catalog.json", *data(*days[:3])),
      ours("manifest.ini", "catalog.json", *data(days[3]), dir="k.2027-02")),
     "members")
same(files(root), data("2027-02-20"), "the files are gone")
same(everything(root), whole, "and no sample is")
with tarfile.open(root + "/k/archive-2027-01.tar") as t:
    info = t.getmembers()
    texts = {m.name: t.extractfile(m).read() for m in info}
    same({(m.mode, m.uid, m.gid, m.type) for m in info},
         {(0o640, os.getuid(), os.getgid(), b"0")}, "owner and permissions")
    same([m.mtime for m in info[2:]],
         [int(before[x].st_mtime) for x in data(*days[:3])],
         "the times are those of the files")
    same({m.mtime for m in info[:2]}, {1803513600}, "or that of the run")
same(texts["k.2027-01/catalog.json"],
     open(root + "/k/catalog.json", "rb").read(), "the catalog")
same(texts["k.2027-01/manifest.ini"],
     b"[retention]\npartition = day\nretention_days = 0\n"
     b"retention_size = 0\nretention_action = keep\n", "the manifest")
head = texts["k.2027-01/data-2027-01-05.dat"]
same((struct.unpack_from("<Q", head, 24)[0],
      struct.unpack_from("<I", head, 60)[0]),
     (len(head), zlib.crc32(head[:60])), "all of a file counts by itself")
size = os.path.getsize(root + "/k/archive-2027-01.tar")
same((size % 512, open(root + "/k/archive-2027-01.tar", "rb").read()[-1024:]),
     (0, bytes(1024)), "two blocks of zeros at the end")
stamp = os.stat(root + "/k/archive-2027-01.tar")
quiet(flush(root, *ARCHIVE))
same(os.stat(root + "/k/archive-2027-01.tar"), stamp, "a second run: nothing")

# ---- how it comes back

# Beside the database itself, where the defaults would have it expire.
run(["tar", "-x", "-C", root, "-f", root + "/k/archive-2027-01.tar"])
with open(root + "/engine.ini", "w") as f:
    f.write("[manifest_defaults.retention]\nretention_days = 1\n"
            "retention_action = delete\n")
ok(quiet(flush(root, "--force", *NOW)), "unpacked in the root: flushed")
same(sorted(os.listdir(root + "/k.2027-01"))[:5],
     ["catalog.json"] + data(*days[:3]) + ["k.2027-01.cache"],
     "nothing in it expires")
same(run(["ntdb-inspect", "-r", root, "verify"]).status, 0, "verify")
r = query(root, "-f", "lp", "--time-format", "ns", "k*")
same(len(r.out.splitlines()), 20, "it is read with the database")
# Back into the database: it expires again, and is there already.
for x in data(*days[:3]):
    os.rename("%s/k.2027-01/%s" % (root, x), "%s/k/%s" % (root, x))
stamp = os.stat(root + "/k/archive-2027-01.tar")
same(exported(root) is not None and len(exported(root)), 20, "put back")
ok(quiet(flush(root, *ARCHIVE)), "flushed")
same((os.stat(root + "/k/archive-2027-01.tar"), files(root)),
     (stamp, data("2027-02-20")), "gone again, and not archived twice")

# ---- months, years, forever

root = fresh("month")
add(root, *day("2026-12-01"), *day("2027-01-05"))
configure(root, "year")
add(root, *day("2025-06-01"))
configure(root, "forever")
add(root, *day("2024-06-01"))
configure(root, "day", size=1)
add(root, *day("2027-02-20"))
whole = exported(root)
ok(quiet(flush(root, *ARCHIVE)), "all kinds, by size")
same([members(root, x) for x in archives(root)],
     [ours("manifest.ini", "catalog.json", "data-2026-12.dat",
           dir="k.2026"),
      ours("manifest.ini", "catalog.json", "data-2027-01.dat",
           dir="k.2027"),
      ours("manifest.ini", "catalog.json", "data-2025.dat", "manifest.ini",
           "data-forever.dat", dir="k.forever")], "members")
same(everything(root), whole, "no sample is lost")

# ---- the catalog grows, late samples come

root = fresh()
add(root, *day("2027-01-05"), *day("2027-02-20"))
quiet(flush(root, *ARCHIVE))
add(root, *day("2027-01-06", metric="b"))
quiet(flush(root, *ARCHIVE))
add(root, *day("2027-01-07", metric="b"))
quiet(flush(root, *ARCHIVE))
first = ours("manifest.ini", "catalog.json", *data("2027-01-05"),
             "catalog.json", *data("2027-01-06", "2027-01-07"))
same(members(root), first, "a catalog that has grown is there again")
add(root, *day("2027-01-06", metric="b", base=7),
    *day("2027-01-08", metric="b"))
quiet(flush(root, *ARCHIVE))
second = ours("manifest.ini", "catalog.json", *data("2027-01-06"),
              dir="k.2027-01.2")
same(members(root), first + second + ours(*data("2027-01-08")),
     "a day that comes again is in a second database")
add(root, *day("2027-01-06", metric="c", base=9))
quiet(flush(root, *ARCHIVE))
same(members(root)[-3:], ours("manifest.ini", "catalog.json",
                              *data("2027-01-06"), dir="k.2027-01.3"),
     "and in a third")
same(len(everything(root)), 35, "all of them are there")
got = sorted(x.split()[0] for x in everything(root))
same((got.count("a"), got.count("b"), got.count("c")), (10, 20, 5),
     "under their names")

# ---- in the same run as sealing, with a limit on the size

root = fresh(days=0, size=1)
add(root, *[x for d in range(1, 9) for x in day("2027-01-%02d" % d, n=500)])
whole = exported(root)
ok(quiet(flush(root, "--seal", *NOW)), "sealed, then archived")
same((files(root), everything(root) == whole), (data("2027-01-08"), True),
     "all but the newest, and no sample is lost")
pages = run(["ntdb-inspect", "-r", unpack(root), "dat"]).out.splitlines()[1:]
same([b" sealed " in x for x in pages], [True] * 7,
     "what is archived is sealed")

# ---- files that cannot be read are kept as they are

root = fresh()
add(root, *day("2027-01-05"), *day("2027-02-20"))
garbage = b"no data file" * 100
with open(root + "/k/data-2027-01-06.dat", "wb") as f:
    f.write(garbage)
ok(quiet(flush(root, *ARCHIVE)), "a file without a header")
with tarfile.open(root + "/k/archive-2027-01.tar") as t:
    same(t.extractfile("k.2027-01/data-2027-01-06.dat").read(), garbage,
         "is in the archive as it was")

# ---- an archive that another program has made or added to

root = fresh()
add(root, *day("2027-01-05"), *day("2027-02-20"))
whole = exported(root)
run(["tar", "-C", temp, "-cf", root + "/k/archive-2027-01.tar", "-b", "20",
     "1/k/manifest.ini"])
ok(quiet(flush(root, *ARCHIVE)), "one of tar's own")
same(members(root)[0::3], ["1/k/manifest.ini"] + ours(*data("2027-01-05")),
     "goes on behind what was there")
os.remove(root + "/k/archive-2027-01.tar")

# ---- a disk that is full, and files that have no room


def limited(n):
    """For a child that may make no file longer than n bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (n, n))


root = fresh()
add(root, *day("2027-01-04", n=20))
noise = ["n %.12f 2027-01-05 %02d:%02d:%02d" % (
    rng.random(), i // 3600, i // 60 % 60, i % 60) for i in range(6000)]
add(root, *noise)
add(root, *day("2026-12-06", n=20), *day("2027-01-06", n=20),
    *day("2027-02-20"))
whole = exported(root)
r = flush(root, *ARCHIVE, preexec_fn=limited(20000))
same((r.status, r.err.count(b"\n"), b"archive-2027-01.tar" in r.err),
     (74, 1, True), "no room for one: 74, one line")
same((files(root), archives(root)),
     (data("2027-01-05", "2027-02-20"),
      ["archive-2026-12.tar", "archive-2027-01.tar"]),
     "that one is left, the others are archived")
same(members(root), ours("manifest.ini", "catalog.json",
                         *data("2027-01-04", "2027-01-06")),
     "and its archive is as if it had not been tried")
same(everything(root), whole, "no sample is lost or there twice")
ok(quiet(flush(root, *ARCHIVE)), "the next run has room")
same((files(root), everything(root) == whole), (data("2027-02-20"), True),
     "and archives it")

full = temp + "/full"
os.mkdir(full)
if os.getuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "none", full],
        stderr=subprocess.DEVNULL).returncode == 0:
    try:
        base = fresh()
        add(base, *noise)
        add(base, *day("2027-01-06"), *day("2027-02-20"))
        root = full + "/root"
        shutil.copytree(base, root)
        add(root, *day("2027-02-20", metric="x"), moved=False)
        whole = exported(root)
        with open(full + "/filler", "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(512))
            except OSError:
                pass
        r = flush(root, "--force", *ARCHIVE)
        same((r.status, files(root)),
             (74, data("2027-01-05", "2027-01-06", "2027-02-20")),
             "a full disk: nothing is archived, 74")
        same((exported(root) == whole, archives(root)), (True, []),
             "and nothing lost or begun")
        configure(root, action="delete")
        r = flush(root, "--force", *ARCHIVE)
        same((r.status, files(root)), (74, data("2027-02-20")),
             "but deleting works, after a flush that failed")
        ok(quiet(flush(root, "--force", *ARCHIVE)), "which then has room")
    finally:
        subprocess.run(["umount", full])
else:
    for i in range(4):
        skip("a full disk", "only root can mount one")

# ---- the order of what is done

root = fresh()
add(root, *day("2027-01-05"), *day("2027-02-20"))
base = root + ".base"
copy_tree(root, base)
whole = exported(root)
argv = ["ntdb-flush", "-r", root, *ARCHIVE]
r, calls = traced(argv)
ok(quiet(r), "the traced run works")
tar, source = r"archive-2027-01\.tar", r"data-2027-01-05\.dat"
did = steps(calls)
ok(in_order(did, ("lock", "maint.lock"), ("lock", "lock"),
            ("unlock", "lock"), ("create", tar), ("write", tar),
            ("sync", tar), ("write", tar), ("sync", tar)),
   "it is copied and synced without lock")
gone = positions(did, "remove", source)
same(len(gone), 1, "the file is removed once")
gone = gone[0]
last = max(positions(did, "write", tar))
locks = [v for v, n in did[:gone] if n == "lock" and v in ("lock", "unlock")]
same(locks[-1], "lock", "under the lock")
ok(did.index(("lock", "lock"), max(positions(did[:last], "sync", tar))) <
   last, "the last header is written under it as well")
between = did[last:gone]
ok(in_order(between, ("sync", tar), ("sync", "k")),
   "before: the archive is synced, then the directory")
ok(("sync", "k") in did[gone:], "after: the directory again")
synced = positions(did[:last], "sync", tar)[-1]
same(positions(did[synced:last], "write", tar), [],
     "its contents are synced before its header is there")

# ---- an archive that cannot be read stays as it is (law 29)

root2 = fresh()
add(root2, *day("2027-01-05"), *day("2027-02-20"))
quiet(flush(root2, *ARCHIVE))
add(root2, *day("2027-01-06", metric="b"))
copy_tree(root2, base)
whole = everything(root2)
copy_tree(base, root)
path = root + "/k/archive-2027-01.tar"
before = open(path, "rb").read()
r, calls = traced(argv, paths=True)
reads = [c for c in calls if c.name == "pread64" and "archive-" in c.args]
ok(len(reads) > 8, "it is read %d times" % len(reads))
bad = 0
for call in reads:
    copy_tree(base, root)
    r = injected(argv, b"", call, "error=EIO")
    after = open(path, "rb").read()
    if r.status != 74 or r.err.count(b"\n") != 1 or \
            not after.startswith(before[:-1024]) or \
            everything(root) != whole:
        bad += 1
        diag("%s: %d bytes of %d, %r" % (call, len(after), len(before), r))
same(bad, 0, "none of its members is lost where a read fails")

# ---- archives cut at any place, the last file still there

root2 = fresh()
add(root2, *day("2027-01-05"), *day("2027-01-06", metric="b"),
    *day("2027-02-20"))
copy_tree(root2, base)
whole = exported(root2)
copy_tree(base, root)
quiet(run(argv))
want = members(root)
path = root + "/k/archive-2027-01.tar"
good = open(path, "rb").read()
shutil.copy2(base + "/k/data-2027-01-06.dat", root + "/k")
cut_base = root + ".cut"
copy_tree(root, cut_base)
with tarfile.open(path) as t:
    info = t.getmembers()
    start = info[-1].offset
    ends = [m.offset_data + m.size for m in info]


def cut(n, keep_source=True):
    """Complaints after the archive was cut to n bytes."""
    copy_tree(cut_base, root)
    if not keep_source:
        os.remove(root + "/k/data-2027-01-06.dat")
        add(root, *day("2027-01-07"))
    with open(path, "r+b") as f:
        f.truncate(n)
    r = run(argv)
    kept = [x for x in archives(root, "") if ".damaged-" in x]
    bad = []
    # Cut where a header is not whole, a member does not count; before the
    # first one's end there is nothing to keep but what is put aside.
    whole_until = [e for e in ends if e <= n]
    at = whole_until[-1] if whole_until else 0
    at = (at + 511) // 512 * 512
    torn = n >= at + 512 and n < ends[-1] and (
        at != start or not keep_source)
    if r.status != 0 or (b"kept as" in r.err) != torn or \
            len(kept) != int(torn):
        bad.append("torn: %s, %r" % (torn, r))
    if files(root) != data("2027-02-20"):
        bad.append("left: %s" % files(root))
    if keep_source and n >= start and (members(root) != want or
                                       everything(root) != whole):
        bad.append("not as if it had never been cut: %s" % members(root))
    if not torn and members(root) is None:
        bad.append("not an archive")
    if torn and open("%s/k/%s" % (root, kept[0]), "rb").read() != good[:n]:
        bad.append("not kept as it was")
    for b in bad:
        diag("cut to %d of %d (%d): %s" % (n, len(good), start, b))
    return not bad


cuts = list(range(0, len(good), 512)) + [
    rng.randrange(len(good)) | 1 for i in range(12)] + [
    start + 1, start + 511, start + 513, start + 563, ends[-1] - 1, ends[-1]]
if is_long():
    cuts = range(len(good))
same(sum(not cut(n) for n in cuts), 0,
     "cut at %d places, the last file is still there" % len(cuts))
cuts = [start, start + 100, start + 512, start + 600, ends[-1] - 1, ends[-1],
        ends[-1] + 300, len(good) - 512]
same(sum(not cut(n, False) for n in cuts), 0,
     "cut at %d places, and it is not" % len(cuts))

# ---- bits that flip in a header

bad = 0
for m in info:
    for n in (3, 130, 150):
        copy_tree(cut_base, root)
        with open(path, "r+b") as f:
            f.seek(m.offset + n)
            f.write(bytes([good[m.offset + n] ^ 1]))
        r = run(argv)
        kept = [x for x in archives(root, "") if ".damaged-" in x]
        if r.status != 0 or len(kept) != 1 or b"kept as" not in r.err or \
                os.path.getsize("%s/k/%s" % (root, kept[0])) != len(good) or \
                members(root) != ours("manifest.ini", "catalog.json",
                                      *data("2027-01-06")):
            bad += 1
            diag("byte %d of the header of %s: %r" % (n, m.name, r))
same(bad, 0, "a header that is damaged: the archive is kept, another begun")
copy_tree(cut_base, root)
with open(path, "r+b") as f:
    f.seek(info[1].offset)
    f.write(bytes(512))
r = run(argv)
same((r.status, b"kept as" in r.err), (0, True),
     "also one of zeros, where members follow")

# ---- a file that grows while it is archived

root = fresh()
add(root, *day("2027-01-05"), *day("2027-02-20"))
base = root + ".base"
copy_tree(root, base)
argv = ["ntdb-flush", "-r", root, *ARCHIVE]
r, calls = traced(argv)
syncs = [c for c in calls if c.name == "fdatasync"]
for nth, what in ((len(syncs) - 2, "before its contents are synced"),
                  (len(syncs) - 1, "at the last moment")):
    copy_tree(base, root)
    whole = exported(root)
    p = subprocess.Popen(
        ["strace", "-o", "/dev/null", "-e",
         "inject=fdatasync:delay_exit=1500000:when=%d" % nth,
         program(argv[0]), *argv[1:]], stderr=subprocess.PIPE)
    deadline = 200
    while not os.path.exists(root + "/k/archive-2027-01.tar") and deadline:
        deadline -= 1
        subprocess.run(["sleep", "0.02"])
    more = day("2027-01-05", metric="late")
    add(root, *more)
    err = p.communicate()[1]
    same((p.returncode, err), (0, b""), what + ": the run ends well")
    got = everything(root)
    same(len(got), len(whole) + 5, what + ": all samples are there, once")
    quiet(run(argv))
    same((files(root), everything(root) == got), (data("2027-02-20"), True),
         what + ": and archived at last")

finish()
EOT
