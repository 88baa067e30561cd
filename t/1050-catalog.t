#!/bin/sh
# catalog.json as programs write it: one metric a line, without indentation,
# for jq and for whoever reads a line at a time.

. "$(dirname "$0")/lib.sh"
need python3
plan 8

root=$TMP/root
catalog=$root/d/catalog.json
cat >"$TMP/lines" <<'END'
d/plain 1 2026-01-01
d/requests{code="200",path="\x"} 1.5 2026-01-01
d/größe/2 3000000000 2026-01-01
END
printf 'd/odd\302\205name 0.1 2026-01-01\n' >>"$TMP/lines"
run ntdb-ingest -r "$root" "$TMP/lines"
# A control character in a name is refused, the rest is stored.
is "$STATUS" 65 "four metrics, one with a name that is none"
run_silent ntdb-flush -r "$root" --force
cat >"$TMP/want" <<'END'
{"metrics":[
{"name":"plain","id":1,"type":"int32","crc":1749210998},
{"name":"requests{code=\"200\",path=\"\\x\"}","id":2,"type":"float32","crc":2984004882},
{"name":"größe/2","id":3,"type":"int64","crc":2840936575}
]}
END
same "$catalog" "$TMP/want" "one line for each metric, in order of id"

# Each line between the first and the last, less its comma, is an object.
sed '1d; $d; s/,$//' "$catalog" >"$TMP/objects"
python3 -c 'import json, sys
for line in open(sys.argv[1], encoding="utf-8"):
    m = json.loads(line)
    print(m["id"], m["type"], m["name"])' "$TMP/objects" >"$TMP/got"
cat >"$TMP/want" <<'END'
1 int32 plain
2 float32 requests{code="200",path="\x"}
3 int64 größe/2
END
same "$TMP/got" "$TMP/want" "read a line at a time"
if command -v jq >/dev/null 2>&1; then
	jq -r '.metrics[] | "\(.id) \(.type) \(.name)"' "$catalog" >"$TMP/got"
	same "$TMP/got" "$TMP/want" "read by jq"
else
	skip "no jq"
fi

# It grows by lines: what was there stays as it was but for its comma.
cp "$TMP/objects" "$TMP/before"
run_silent ntdb-ingest -r "$root" - <<'END'
d/more 1 2026-01-01
END
run_silent ntdb-flush -r "$root" --force
sed '1d; $d; s/,$//' "$catalog" | sed 3q >"$TMP/objects"
same "$TMP/objects" "$TMP/before" "another metric changes no other line"
