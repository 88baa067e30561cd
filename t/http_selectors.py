"""Selectors over HTTP: see t/6310-selectors.t."""

import glob
import re

from httpd import *

rng = seed()
root = tempdir() + "/root"
without_own_metrics(root)
NOW = ["--now", "2026-02-02T03:00:00Z"]
T = 1770000000
NAMES = ["up", "http_requests_total", "a:b", "my.metric", "größe"]
LABELS = ["job", "code", "path", "db", "odd name", "größe"]
VALUES = ["a", "b", "ab", "200", "404", "/x/y", "ä", "two words", 'q"q',
          "back\\slash", "line\nfeed", "x{y=z}", "tab\there", "1"]


def exposition(name, labels):
    """As a page of Prometheus text has it; UTF-8 names are in quotes."""
    def value(v):
        return v.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    def quoted(n):
        return n if re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", n) else '"%s"' % n
    inner = ['%s="%s"' % (quoted(k), value(v)) for k, v in labels.items()]
    if re.fullmatch("[a-zA-Z_:][a-zA-Z0-9_:]*", name):
        return name + "{%s}" % ",".join(inner)
    return "{%s}" % ",".join(['"%s"' % name] + inner)


def shown(db, name, labels):
    """A series as the API shows it."""
    s = {("exported_db" if k == "db" else k): v for k, v in labels.items()}
    s["__name__"] = name
    s["db"] = db
    return s


series = []
for db in ("one", "two"):
    page, seen = "", set()
    for i in range(60):
        name = rng.choice(NAMES)
        labels = {k: rng.choice(VALUES) for k in
                  rng.sample(LABELS, rng.randrange(5))}
        key = (name, tuple(sorted(labels.items())))
        if key in seen:
            continue
        seen.add(key)
        page += "%s %d %d\n" % (exposition(name, labels), i, T * 1000)
        series.append(shown(db, name, labels))
    r = ask(root, "POST", "/api/v1/import/prometheus?db=" + db, page,
            args=NOW)
    same((r.status, r.body), (204, b""), "samples of " + db)


def literal(text):
    """A string literal, in one of the ways there are."""
    kind = rng.randrange(3)
    if kind == 0 and "`" not in text:
        return "`%s`" % text
    quote = rng.choice("\"'")
    out = ""
    for c in text:
        if c in (quote, "\\"):
            out += "\\" + c
        elif c == "\n":
            out += "\\n"
        elif rng.randrange(8) == 0:
            out += rng.choice(["".join("\\x%02x" % b for b in c.encode()),
                               "".join("\\%03o" % b for b in c.encode()),
                               "\\u%04x" % ord(c), "\\U%08x" % ord(c)])
        else:
            out += c
    return quote + out + quote


# Regular expressions that mean the same to POSIX and to Python.
REGEXES = ["a|b", "a.*", ".+", ".*", "[0-9]+", "[a-c]{1,2}", "(a|ab)(b)?",
           "", "4..|2..", "/x/.*", "[^a]*", "u|up", "x\\{y=z\\}", "..", "one",
           "(on|tw).?"]


def matcher():
    """Text, and what it says of a series."""
    label = rng.choice(LABELS + ["exported_db", "none", "__name__", "db"])
    op = rng.choice(["=", "!=", "=~", "!~"])
    pool = {"__name__": NAMES, "db": ["one", "two", "none"]}.get(
        label, VALUES + [""])
    value = rng.choice(REGEXES if "~" in op else pool)
    name = label if re.fullmatch("[a-z_]+", label) and rng.randrange(4) else \
        literal(label)

    def holds(s):
        have = s.get(label, "")
        # A `.' is any byte.
        hit = re.fullmatch(value.encode(), have.encode(), re.S) is not None \
            if "~" in op else have == value
        return hit == (op in ("=", "=~"))
    return (name + rng.choice(["", " "]) + op + rng.choice(["", " "]) +
            literal(value), holds)


def key(s):
    return sorted(s.items())


bad, chosen, refused = [], 0, 0
asked = []  # targets, and how their series are told
for i in range(300):
    parts = [matcher() for j in range(rng.randrange(4))]
    tests = [h for t, h in parts]
    texts = [t for t, h in parts]
    text = "{%s%s}" % (rng.choice([",", ", ", " ,\n"]).join(texts),
                       "," if texts and rng.randrange(4) == 0 else "")
    # A name in front, if no matcher has one.
    if not any("__name__" in t or "\\" in t for t in texts) and \
            rng.randrange(2):
        name = rng.choice(NAMES[:3])
        text = name + text
        tests.append(lambda s, name=name: s["__name__"] == name)
    r = ask(root, "GET", url("/api/v1/query", query=text, time=T), args=NOW)
    if len(tests) == len(parts) and all(h({}) for h in tests):
        refused += 1
        if r.status != 400:
            bad.append((text, r))
        continue
    asked.append((url("/api/v1/query", query=text, time=T), tests))
    want = sorted(key(s) for s in series if all(h(s) for h in tests))
    chosen += len(want)
    got = None
    if r.status == 200:
        got = sorted(key(x["metric"]) for x in r.json()["data"]["result"])
    if got != want:
        bad.append((text, r.status, got, want))
same(bad[:3], [], "300 selectors choose what they should")
diag("%d series chosen, %d selectors refused" % (chosen, refused))
ok(chosen > 100 and refused < 150, "and that says something")

# The same again and again on one connection, some of them much more often, and
# with more and more series: what is kept of selectors must not show.
data, wants, grown = b"", [], list(series)
often = rng.sample(asked, 10)
for i in range(1200):
    if i % 100 == 50:
        labels = {"job": rng.choice(VALUES), "round": str(i)}
        name = rng.choice(NAMES[:3])
        grown.append(shown("one", name, labels))
        data += request("POST", "/api/v1/import/prometheus?db=one",
                        exposition(name, labels) + " 1 %d\n" % (T * 1000),
                        close=False)
        wants.append(None)
    target, tests = rng.choice(often if rng.randrange(2) else asked)
    data += request("GET", target, close=i == 1199)
    wants.append(sorted(key(s) for s in grown if all(h(s) for h in tests)))
r = pipe(root, data, *NOW)
found = responses(r.out)
same((r.status, r.err, len(found)), (0, b"", len(wants)),
     "%d requests on one connection" % len(wants))
same([x for x in found if x is None or x.status not in (200, 204)], [],
     "none is refused")
same(sum(w is not None and sorted(key(s["metric"]) for s in
         x.json()["data"]["result"]) != w for x, w in zip(found, wants)), 0,
     "each chooses what it should")

# What such expressions take is not kept.
server = Listening(root, *NOW)
c = server.connect()
found = []
for i in range(20):
    for label in ("job", "db"):
        c.request("GET", url("/api/v1/query", query="up{%s}" % ",".join(
            [label + '=~"[ab]{999}"'] * 60 + ['x!="%d"' % i])))
        r = c.getresponse()
        r.read()
        found.append(r.status)
same(set(found), {200}, "40 selectors with 60 large regular expressions each")
rss = []
for path in glob.glob("/proc/[0-9]*/status"):
    try:
        with open(path) as f:
            status = f.read()
    except OSError:
        continue
    if re.search(r"^PPid:\s*%d$" % server.p.pid, status, re.M):
        rss += map(int, re.findall(r"VmRSS:\s*(\d+)", status))
diag("RSS of workers in KiB: %s" % rss)
with open(program("ntdb-httpd"), "rb") as f:
    sanitized = b"__asan_init" in f.read()
if sanitized:
    skip("memory of a worker", "a sanitizer's memory is not ours")
else:
    ok(0 < max(rss) <= 16384, "leave a worker below 16 MiB")
c.close()
same(server.stop(), 0, "and it ends as it should")
done()
