#!/bin/sh
# A page of Prometheus text is stored and read back: every series, every value;
# once more: nothing new; with fractions where integers were: nothing refused.
# The pages are random, but for that in the file $NTDB_PROM_PAGE, such as what
# node_exporter answers.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOT'
import os
import re
from httpd import *

rng = seed()
temp = tempdir()
root = temp + "/root"
MS = 1795000000000

_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
_LINE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})?[ \t]+(\S+)(?:[ \t]+(-?\d+))?",
                   re.A)
_UNESCAPE = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def series(page):
    """What a page says: {(name, ((label, value), ...)): value}."""
    found = {}
    for line in page.splitlines():
        if not line or line.startswith("#"):
            continue
        name, inner, value, _ = _LINE.fullmatch(line).groups()
        labels = {k: re.sub(r"\\.", lambda m: _UNESCAPE[m.group()], v)
                  for k, v in _LABEL.findall(inner or "")}
        found[name, tuple(sorted((k, v) for k, v in labels.items() if v))] = \
            float(value)
    return found


def stored():
    """The same of the newest sample of each metric, from its stored name."""
    found = {}
    for metric, _, _, value in samples(root, "prometheus/*") or []:
        name, _, inner = metric.partition("/")[2].partition("{")
        labels = [(k, re.sub(r"\\(?:x([0-9a-f]{2})|.)", lambda m:
                             chr(int(m.group(1), 16)) if m.group(1)
                             else _UNESCAPE[m.group()], v))
                  for k, v in _LABEL.findall(inner)]
        if labels != sorted(labels):
            diag("not sorted: " + metric)
        found[name, tuple(labels)] = float(value)
    return found


def stamped(page, ms):
    return "".join(x if x.startswith("#") or not x.strip() else
                   "%s %d\n" % (x.rstrip("\n"), ms)
                   for x in page.splitlines(True))


def random_text():
    return "".join(rng.choice(['\\\\', '\\"', "\\n", " ", "\t", "{", "}", ",",
                               "=", "\u00e9", "a", "B", "/", "#", "7"])
                   for _ in range(rng.randrange(6)))


def random_value():
    return rng.choice([
        lambda: str(rng.randrange(1000)), lambda: repr(rng.random()),
        lambda: "%e" % rng.uniform(-1e9, 1e9), lambda: "+Inf", lambda: "-Inf",
        lambda: str(rng.randrange(2**53)), lambda: "0", lambda: "1e-300"])()


def random_page():
    lines, names = [], set()
    for i in range(300):
        name = "%s_%d" % (rng.choice(["up", "node:x", "_a", "http_total"]),
                          i % 200)
        labels = {"l%d" % rng.randrange(9): random_text()
                  for _ in range(rng.randrange(5))}
        key = (name, tuple(sorted((k, v) for k, v in labels.items() if v)))
        if key in names:
            continue
        names.add(key)
        lines.append("# HELP %s what it is\n" % name)
        inner = ("," + rng.choice(["", " "])).join(
            '%s="%s"' % x for x in labels.items())
        lines.append("%s%s%s%s\n" % (name, "{%s}" % inner if inner or
                                     rng.random() < 0.1 else "",
                                     rng.choice([" ", "\t", "  "]),
                                     random_value()))
    return "".join(lines)


def post(page):
    r = ask(root, "POST", "/api/v1/import/prometheus", page)
    return r.status if r.status == 204 else r


def check(page, what):
    want = series(page)
    diag("%s: %d series" % (what, len(want)))
    same(post(stamped(page, MS)), 204, what + " is stored")
    got = stored()
    same([k for k in want if k not in got], [], "every series is there")
    same([k for k in got if k not in want], [], "and no other")
    same([k for k in want if k in got and got[k] != want[k] and
          want[k] == want[k]], [], "with its value")
    n = len(samples(root, "prometheus/*"))
    same(post(stamped(page, MS)), 204, "once more")
    same(len(samples(root, "prometheus/*")), n, "nothing is new")
    later = re.sub(r"^([^#\n].*[ \t])(\d+)$", r"\1\2.5", page, flags=re.M)
    same(post(stamped(later, MS + 15000)), 204, "fractions for integers")
    want = series(later)
    got = stored()
    same([k for k in want if got.get(k) != want[k] and want[k] == want[k]], [],
         "are stored")
    same(len(samples(root, "prometheus/*")), 2 * n, "beside what was there")


check(random_page(), "a random page")
if "NTDB_PROM_PAGE" in os.environ:
    root = temp + "/other"
    with open(os.environ["NTDB_PROM_PAGE"]) as f:
        check(f.read(), "the page in NTDB_PROM_PAGE")
done()
EOT
