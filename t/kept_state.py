"""See t/6560-kept-state.t."""

import glob
import time

from httpd import *

rng = seed()
CHANGES = 3000 if is_long() else 150
RESTS = 40 if is_long() else 3  # long enough for times of changes to count
DBS = ["a", "b", "c"]
METRICS = ['m{x="1"}', 'm{x="2"}', 'm{x="3",y="z"}', "n", "o.p"]
T0 = 1770000000
temp = tempdir()
root = temp + "/root"
without_own_metrics(root)
clock = {"now": T0}


def now():
    return ["--now", "2026-03-14T02:40:00Z"]


def databases():
    return [d for d in DBS if os.path.isdir(os.path.join(root, d))]


def data_files():
    return [x for x in glob.glob(root + "/*/data-*.dat") if os.path.exists(x)]


def store(db=None):
    """Samples of some metrics, a few late; now and then a day passes."""
    lines = []
    for i in range(rng.choice([1, 1, 3, 40])):
        clock["now"] += rng.choice([1, 1, 10, 10, 600])
        late = rng.choice([0, 0, 0, 50, 5000])
        for m in rng.sample(METRICS, rng.choice([1, 2, 5])):
            lines.append("%s/%s %s %d\n" % (
                db or rng.choice(DBS), m, rng.choice(["1.5", "20.25", "7.125"]),
                (clock["now"] - late) * 10**9))
    if rng.randrange(6) == 0:
        clock["now"] += rng.choice([20000, 86400])
    ingest(root, "".join(lines), *now())


def link(path):
    """The file elsewhere, and a link to it."""
    to = "%s/linked-%d" % (temp, rng.randrange(10**9))
    os.rename(path, to)
    os.symlink(to, path)


def move(path, to):
    if os.path.exists(path) and not os.path.exists(to):
        os.rename(path, to)


def copy_over(db, to):
    """A copy in place of another database, as a restored backup is."""
    if db == to or not os.path.isdir(root + "/" + db):
        return
    shutil.rmtree(root + "/" + to, ignore_errors=True)
    shutil.copytree(root + "/" + db, root + "/" + to, symlinks=True)
    for end in (".wal", ".cache"):
        move("%s/%s/%s%s" % (root, to, db, end),
             "%s/%s/%s%s" % (root, to, to, end))


def change_bytes(path):
    """Another byte somewhere; or, if one was changed, it is put right."""
    mark = path + ".byte"
    with open(path, "r+b") as f:
        n = os.path.getsize(path)
        if os.path.exists(mark):
            at, byte = open(mark).read().split()
            os.unlink(mark)
        else:
            at = rng.randrange(n) if n else 0
            f.seek(at)
            old = f.read(1) or b"\0"
            with open(mark, "w") as m:
                m.write("%d %d" % (at, old[0]))
            byte = old[0] ^ 1 << rng.randrange(8)
        if int(at) < n:
            f.seek(int(at))
            f.write(bytes([int(byte)]))


def by_hand():
    """Something that no program of the suite does."""
    what = rng.randrange(11)
    db, to = rng.choice(DBS), rng.choice(DBS)
    files = data_files()
    if what == 0 and files:
        os.unlink(rng.choice(files))
    elif what == 1 and files:
        path = rng.choice(files)
        move(path, temp + "/aside-" + os.path.basename(path))
    elif what == 2:
        for path in glob.glob(temp + "/aside-*"):
            if os.path.isdir(root + "/" + db):
                move(path, "%s/%s/%s" % (root, db,
                                         os.path.basename(path)[6:]))
    elif what == 3:
        copy_over(db, to)
    elif what == 4:
        move(root + "/" + db, temp + "/away-" + db)
    elif what == 5:
        move(temp + "/away-" + db, root + "/" + db)
    elif what == 6 and files:
        change_bytes(rng.choice(files))
    elif what == 7 and os.path.exists("%s/%s/%s.wal" % (root, db, db)):
        path = "%s/%s/%s.wal" % (root, db, db)
        # Not a byte in a batch: who has read it goes on to know what it was.
        kind = rng.randrange(3)
        if kind == 0:
            with open(path, "ab") as f:
                f.write(rng.randbytes(rng.randrange(1, 60)))
        elif kind == 1:
            os.truncate(path, rng.randrange(os.path.getsize(path) + 1))
        else:
            shutil.copyfile(path, path + ".x")
            os.rename(path + ".x", path)
    elif what == 8 and files:
        link(rng.choice(files))
    elif what == 9:
        for path in glob.glob(temp + "/linked-*"):
            os.unlink(path)
    elif what == 10 and rng.randrange(3) == 0:
        shutil.rmtree(root + "/" + db, ignore_errors=True)
    return what


def change():
    what = rng.randrange(12)
    if what < 5:
        store()
        return "store"
    if what < 8:
        flush(root, "--force", rng.choice(["--no-seal", "--no-seal", "-q"]),
              *now())
        return "flush"
    if what == 8:
        flush(root, "--seal", *now())
        return "seal"
    return "by hand %d" % by_hand()


SELECTORS = (['%s/%s' % (d, m) for d in DBS for m in METRICS[:3]] +
             ["m", "n", '{x=~"1|3"}', 'm{y!="z"}', '{db="a",x=~".+"}',
              '{__name__=~"m|n"}'])


def some_request():
    query = rng.choice(SELECTORS)
    t = rng.choice([clock["now"], clock["now"], clock["now"] - 1000,
                    T0 + rng.randrange(clock["now"] - T0 + 1)])
    what = rng.randrange(8)
    if what < 2:
        return url("/api/v1/query", query=query)
    if what < 4:
        return url("/api/v1/query", query=query, time=t)
    if what == 4:
        return url("/api/v1/query_range", query=query, start=t - 5000, end=t,
                   step=60)
    if what == 5:
        return url("/api/v1/query_range", query=query, start=t - 200000,
                   end=t)
    if what == 6:
        return url("/api/v1/query_range", query=query, start=t - 100000,
                   end=t, window="1h", aggregate="max,count")
    return rng.choice(["/api/v1/databases", "/api/v1/series?match[]=m",
                       "/api/v1/label/x/values"])


def plain(r):
    return (r.status, r.body)


NOW = now()
kept = Listening(root, *NOW)
connection = kept.connect()
wrong, done_so_far, asked, good = [], [], 0, 0
for i in range(CHANGES):
    done_so_far.append(change())
    if i % (CHANGES // RESTS) == CHANGES // RESTS - 1:
        time.sleep(4.2)
    targets = [some_request() for k in range(5)]
    # Asked again, what was kept by the first question is used.
    targets += rng.sample(targets, 2)
    r = pipe(root, b"".join(request("GET", t, close=k == len(targets) - 1)
                            for k, t in enumerate(targets)), *NOW)
    fresh = responses(r.out)
    for t, want in zip(targets, fresh):
        connection.request("GET", t)
        answer = connection.getresponse()
        body = answer.read()
        asked += 1
        good += answer.status == 200 and len(body) > 70
        if (answer.status, body) != plain(want) or len(fresh) != len(targets):
            wrong.append((i, done_so_far[-3:], t, answer.status, body[:300],
                          plain(want)[0], plain(want)[1][:300]))
    if len(wrong) > 3:
        break
same(wrong[:3], [], "%d answers after %d changes" % (asked, len(done_so_far)))
ok(good > asked / 4, "of which many say something")
connection.close()
same(kept.stop(), 0, "the server ends as it should")
done()
