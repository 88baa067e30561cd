#!/bin/sh
# Pages that were written by hand from ntdb-format(5), t/fixtures/pages: those
# called good- hold the values that they say, in ntdb and in the reader written
# from the manual; bad- ones are damage (65), unsupported- ones newer (76),
# and nothing of either is shown.
# Guards law 28.

. "$(dirname "$0")/lib.sh"
need python3
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - "$NTDB_SRC/t/fixtures/pages" <<'END'
import glob
import json
import os
import shutil
import struct
import sys
import zlib
from blackbox import *
from format_reader import Corrupt, Database, Newer

START, STEP = 1777636800 * 10**9, 10**10
CODES = {"good": 0, "bad": 65, "unsupported": 76}
root = os.path.join(tempdir(), "root")


def read(path):
    """({id: type}, {id: values as text}, bytes)"""
    types, values, data = {}, {}, b""
    with open(path) as f:
        for line in f:
            words = line.partition("#")[0].split()
            if words[:1] == ["metric"]:
                types[int(words[1])] = words[2]
            elif words[:1] == ["value"]:
                values.setdefault(int(words[1]), []).append(words[2])
            else:
                data += bytes.fromhex("".join(words))
    return types, values, data


def summed(data):
    return data + struct.pack("<I", zlib.crc32(data))


def build(types, page):
    """A database of one sealed file with this page, and an empty log."""
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root + "/db")
    metrics = ",\n".join(json.dumps({"name": "m%d" % i, "id": i, "type": t})
                         for i, t in sorted(types.items()))
    with open(root + "/db/catalog.json", "w") as f:
        f.write('{"metrics":[\n%s\n]}\n' % metrics)
    with open(root + "/db/data-forever.dat", "wb") as f:
        f.write(summed(struct.pack(
            "<8sHHIiIQQQQI", b"NTDBDAT\n", 1, 0, 3, 0, 0, 64 + len(page), 1,
            0x1234, 0, 0)) + page)
    with open(root + "/db/db.wal", "wb") as f:
        f.write(summed(struct.pack(
            "<8sHHIQQIIII", b"NTDBWAL\n", 1, 0, 52, 2, 0x5678,
            max(types), max(types), 0, 0)))


def by_reader():
    """0, 65 or 76, and the samples."""
    try:
        return 0, Database(root + "/db").samples
    except Corrupt:
        return 65, {}
    except Newer:
        return 76, {}


def number(text):
    return float(text) if "." in text or "e" in text else int(text)


for path in sorted(glob.glob(sys.argv[1] + "/*.hex")):
    name = os.path.basename(path)[:-4]
    code = CODES[name.partition("-")[0]]
    types, values, page = read(path)
    build(types, page)
    want = {b"m%d" % i: [(START + k * STEP, number(v)) for k, v in
                         enumerate(values[i])] for i in values}
    same(by_reader(), (code, want), name + ": the independent reader")
    r = query(root, "-f", "csv", "--time-format", "ns", *EVER, "db")
    got = {}
    for metric, t, kind, value in csv_rows(r.out):
        got.setdefault(metric[3:].encode(), []).append(
            (int(t), number(value)))
    same((r.status, got), (code, want), name + ": ntdb-query")
    r = run(["ntdb-inspect", "verify", "-r", root, "db"])
    same((r.status, r.err.count(b"\n") > 0), (code, code != 0),
         name + ": ntdb-inspect verify")
done()
END
