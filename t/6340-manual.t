#!/bin/sh
# The curl lines of READING in ntdb-httpd(1): each is answered with 200.

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
    section = f.read().split("\n.Sh READING\n")[1].split("\n.Sh ")[0]
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
s.stop()
done()
EOS
