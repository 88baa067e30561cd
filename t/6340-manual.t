#!/bin/sh
# The curl lines of WRITING and READING in ntdb-httpd(1): each is answered with
# 200 or 204.

. "$(dirname "$0")/lib.sh"
need curl python3
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOS'
import re

from httpd import *

root = tempdir() + "/root"
without_own_metrics(root)
ingest(root, "".join("home/%s.temp %d.5 %d\n" % (m, i, 1770000000 + 60 * i)
                     for i in range(60) for m in ("kitchen", "hall")),
       "-p", "s", "--now", "2026-02-02T04:00:00Z")
s = Listening(root, "--now", "2026-02-02T03:40:00Z")
with open(os.environ["NTDB_SRC"] + "/man/ntdb-httpd.1") as f:
    page = f.read()
section = page.split("\n.Sh READING\n")[1].split("\n.Sh ")[0]
section = section.replace("\\e\n", "")
commands = [line.replace("\\e", "\\") for line in section.split("\n")
            if line.startswith("curl ")]
paths = set()
for command in commands:
    paths.add(re.search(r"8428(/[^ ?']*)", command).group(1))
    asked = command.replace(":8428/", ":%d/" % s.port)
    r = run(["sh", "-c", asked.replace("curl ", "curl -sf ") +
             (" && cat home.lp" if ">home.lp" in asked else "")],
            cwd=root)
    ok(r.status == 0 and re.search(b'kitchen|"result":\\["|"version"|__name__',
                                   r.out) is not None, command) or diag(r)
endpoints = set(re.findall(r"^\.It (/api/\S+)(?: Ns Ar NAME Ns (\S+))?$",
                           section, re.M))
same({a + ("__name__" + b if b else "") for a, b in endpoints}, paths,
     "each endpoint has one")

# WRITING, with the files that its lines name.
s.stop()
s = Listening(root, "--now", "2027-01-01T00:00:00Z")
section = page.split("\n.Sh WRITING\n")[1].split("\n.Sh ")[0]
with open(root + "/home.lp", "w") as f:
    f.write("home/cellar.temp 8.5\n")
with open(root + "/page", "w") as f:
    f.write("node_load1 0.5\n")
endpoints = set(re.findall(r"^\.It (/\S+)$", section, re.M))
for command in re.findall(r"^curl .*", section, re.M):
    endpoints.discard(re.search(r"8428(/[^ ?']*)", command).group(1))
    r = run(["sh", "-c", command.replace(":8428/", ":%d/" % s.port).replace(
        "curl ", "curl -s -w '%{http_code}' ")], cwd=root)
    ok(r.out[-3:] in (b"200", b"204"), command) or diag(r)
same(endpoints, set(), "each endpoint has one")
same([x[0] for x in samples(root, "home/cellar.temp", "node/*") or []],
     ["home/cellar.temp", "node/node_load1"], "what was written is there")
s.stop()
done()
EOS
