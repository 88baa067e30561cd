#!/bin/sh
# Which metrics an argument means: names, globs, regular expressions, what is
# missing, and the database `internal'.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOF'
import os
from blackbox import *

temp = tempdir()
root = temp + "/root"
NAMES = """\
home/a*b
home/aXb
home/axxb
home/kitchen.humidity
home/kitchen.temp
home/room/1.temp
home/room/2.temp
home/room/10.temp
home/température
home/[x]
home/x
home/q?
home/qq
home/back\\slash
home/.hidden
homes/kitchen.temp
internal/mine
other/temp
""".split("\n")[:-1]
ALL = sorted((n for n in NAMES if not n.startswith("internal")),
             key=lambda n: n.encode())
NOW = ["--now", "2030-01-01"]
plan(62)
r = ingest(root, "".join(n + " 1\n" for n in NAMES), *NOW)
same((r.status, r.err), (0, b""), "ingest")


def chosen(*args):
    r = query(root, *NOW, "-f", "csv", *args)
    if r.status != 0:
        return r
    return [row[0] for row in csv_rows(r.out)]


def means(args, names, what):
    want = sorted(names, key=lambda n: n.encode())
    return same(chosen(*args), want, "%s: %s" % (what, " ".join(args)))


HOME = [n for n in ALL if n.startswith("home/")]
TEMPS = [n for n in HOME if n.endswith(".temp")]
means(["home"], HOME, "a database")
means(["*"], ALL, "all but internal")
means(["*/*"], ALL, "all but internal")
means(["h*"], [n for n in ALL if n.startswith("h")], "glob of databases")
means(["home?"], ["homes/kitchen.temp"], "? is one character")
means(["home*/kitchen.temp"], ["home/kitchen.temp", "homes/kitchen.temp"],
      "globs of both")
means(["[ho]*/*temp"], [n for n in ALL if n.endswith("temp")], "set")
means(["[!h]*"], ["other/temp"], "negated set")
means(["home/kitchen.temp"], ["home/kitchen.temp"], "name")
means(["home/room/1.temp"], ["home/room/1.temp"], "name with a slash")
means(["home/*.temp"], TEMPS, "* matches a slash")
means(["home/room*"], [n for n in HOME if n.startswith("home/room")],
      "* matches a slash")
means(["home/room/?.temp"], ["home/room/1.temp", "home/room/2.temp"], "?")
means(["home/room/[12].temp"], ["home/room/1.temp", "home/room/2.temp"],
      "set")
means(["home/room/[!2].temp"], ["home/room/1.temp"], "negated set")
means(["home/room/[0-1]*"], ["home/room/1.temp", "home/room/10.temp"],
      "range")
means(["home/temp?rature"], ["home/température"], "? is a character")
means(["home/*hidden"], ["home/.hidden"], "a leading dot is matched")
means(["home/a*b"], ["home/a*b"], "a name with a star means that metric")
means(["home/a?*b"], ["home/a*b", "home/aXb", "home/axxb"], "a pattern")
means(["home/a\\*b"], ["home/a*b"], "an escaped star")
means(["home/[x]"], ["home/[x]"], "a name with brackets")
means(["home/[x]*"], ["home/x"], "brackets in a pattern")
means(["home/\\[x]"], ["home/[x]"], "an escaped bracket")
means(["home/q?"], ["home/q?"], "a name with ?")
means(["home/q[?]"], ["home/q?"], "? in a set")
means(["home/back\\slash"], ["home/back\\slash"], "a name with a backslash")
means(["home/kitchen.*", "home/*.temp"],
      set(TEMPS + ["home/kitchen.humidity"]), "each metric once")
means(["other", "home/x", "home/x", "home/aXb"],
      ["home/aXb", "home/x", "other/temp"], "order is by bytes")
means(["home/nothing*"], [], "a pattern without a match is empty")
means(["nothing*"], [], "likewise of databases")
means(["nothing*/x"], [], "likewise of databases")
means(["nothing*", "home/x"], ["home/x"], "and does not spoil others")

# Regular expressions.
means(["-E", "home/^room/[0-9]+[.]temp$"],
      ["home/room/1.temp", "home/room/10.temp", "home/room/2.temp"], "-E")
means(["-E", "home/oom"], [n for n in HOME if "oom" in n], "unanchored")
means(["-E", "home/(humid|rat)"], ["home/kitchen.humidity",
                                   "home/température"], "alternatives")
means(["-E", "home/^a.*b$"], ["home/a*b", "home/aXb", "home/axxb"],
      "anchors")
means(["-E", "home/x{2}"], ["home/axxb"], "interval")
means(["-E", "h*/kit"], ["home/kitchen.humidity", "home/kitchen.temp",
                         "homes/kitchen.temp"], "DB is a glob")
means(["-E", "home/zzz"], [], "no match is an empty result")
means(["--regex", "home/^q"], ["home/q?", "home/qq"], "--regex")
same(query(root, "-E", "home/(").status, 64, "a bad expression is misuse")

# What is missing.
for args in (["nothing"], ["nothing/x"], ["home/nothing"], ["home/"],
             ["home/kitchen.tem"], ["home/x", "home/nothing"]):
    r = query(root, *NOW, "-f", "csv", *args)
    same(r.status, 66, "missing: " + " ".join(args))
r = query(root, *NOW, "-f", "csv", "home/nothing")
ok(r.err.startswith(b"ntdb-query: ") and b"nothing" in r.err
   and r.err.count(b"\n") == 1, "and is named in one line") or diag(r)
r = query(temp + "/none", "home")
same(r.status, 66, "no root: 66")
ok(not os.path.exists(temp + "/none"), "and it is not made")
r = query(temp + "/none", "*")
same(r.status, 66, "no root is no pattern's fault")
query(root, "nothing")
ok(not os.path.exists(root + "/nothing"), "a read makes no database")
for name in ("../root", "..", ".", "a:b", "-x", ".home", ""):
    r = run(["ntdb-query", "-r", root, "--", name])
    ok(r.status in (64, 66) and not r.out, "not a database: " + repr(name)
       ) or diag(r)

# internal.
means(["internal"], ["internal/mine"], "internal when named")
done()
EOF
