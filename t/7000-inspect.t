#!/bin/sh
# What ntdb-inspect shows, as text and as JSON, against what was put in.
# shellcheck disable=SC1091,SC2016,SC2086

. "$(dirname "$0")/lib.sh"
need jq cksum od dd

root=$TMP/root
NTDB_ROOT=$root
export NTDB_ROOT
now="--now 2026-06-01"

# inspect_json FILTER COMMAND...: what jq makes of the output.
inspect_json() {
	filter=$1
	shift
	ntdb-inspect "$@" --json >"$OUT" 2>"$ERR"
	jq -cr "$filter" "$OUT" 2>&1
}

# text AWK COMMAND...: what awk makes of the output.
text() {
	filter=$1
	shift
	ntdb-inspect "$@" 2>"$ERR" | awk "$filter"
}

# sums: every file under the root but the caches and locks.
sums() {
	find "$root" -type f ! -name '*.cache' ! -name '*lock' \
	    -exec cksum {} + | sort
}

plan 52

run_fails 66 ntdb-inspect db
run_fails 66 ntdb-inspect verify home
not_ok "looking makes no root" test -e "$root"

ntdb-ingest $now <<'END' || bail "ingest failed"
home/temp 21.5 2026-05-01 12:00:00
home/temp 8.3 2026-05-01 12:00:10
home/count 42 2026-05-01 12:00:00.25
other/x{code="200"} 3000000000 2026-05-02
internal/mine 0.123456789 2026-05-02
END
sums >"$TMP/before"

# The catalog.
is "$(text '$NF == "home/temp" { print $2, $3, $4, $5 }' catalog home)" \
    "float32 2026-05-01 12:00:10.000000000 8.3" "catalog: a float metric"
is "$(text '$NF == "home/count" { print $2, $3, $4, $5 }' catalog)" \
    "int32 2026-05-01 12:00:00.250000000 42" "catalog: an integer metric"
is "$(text 'NR == 1' catalog home | tr -s ' ')" " ID TYPE LAST VALUE METRIC" \
    "catalog: headings"
is "$(text 'END { print NR }' catalog)" 4 \
    "catalog: a heading and three metrics, not those of internal"
is "$(text 'NR > 1 { print $2, $NF }' catalog internal)" \
    "float64 internal/mine" "catalog: internal when it is named"
is "$(inspect_json '.[] | [.database, .metric, .type, .last, .value]' \
    catalog other)" \
    '["other","x{code=\"200\"}","int64","2026-05-02T00:00:00.000000000Z",3000000000]' \
    "catalog: JSON"
is "$(inspect_json '[.[].id] | unique | length' catalog home)" 2 \
    "catalog: ids differ"
is "$(inspect_json 'map(.metric) | sort | join(",")' catalog home)" \
    "count,temp" "catalog: JSON has all metrics"

# The log.
is "$(text '$2 == "sample" { print $3, $4, $5, $6 }' wal home)" \
    "2026-05-01 12:00:00.000000000 21.5 home/temp
2026-05-01 12:00:10.000000000 8.3 home/temp
2026-05-01 12:00:00.250000000 42 home/count" "wal: a row for each sample"
is "$(text '$2 == "metric" { print $4, $5 }' wal home | sort)" \
    "float32 home/temp
int32 home/count" "wal: names and types are in the log"
is "$(inspect_json '.[] | select(.kind == "sample") | [.metric, .time, .value]' \
    wal home | tail -n 1)" \
    '["count","2026-05-01T12:00:00.250000000Z",42]' "wal: JSON"
is "$(inspect_json '[.[] | select(.kind == "sample") | .offset >= 0] | all' \
    wal home)" true "wal: JSON has offsets"

# The database.
is "$(text '$1 == "log_samples" || $1 == "page_samples" || $1 == "samples" \
    { print $1, $2 }' db home | sort)" \
    "log_samples 3
page_samples 0
samples 3" "db: samples in the log"
is "$(text '$1 == "database" { print $2 }' db)" "home
other" "db: all databases but internal"
is "$(inspect_json '.[] | [.metrics, .types.int32, .types.float32, .first, .last]' \
    db home)" \
    '[2,1,1,"2026-05-01T12:00:00.000000000Z","2026-05-01T12:00:10.000000000Z"]' \
    "db: metrics by type, first and last time"
is "$(inspect_json '.[0].manifest["retention.partition"]' db home)" \
    "$(text '$1 == "retention.partition" { print $2 }' db home)" \
    "db: the manifest in force, as text and as JSON"
like "$(text '{ print $1 }' db home)" '^page\.max_records$' \
    "db: the manifest in force has all keys"

# No pages yet.
is "$(inspect_json . dat home)" "[]" "dat: no pages, an empty array"
is "$(text 'END { print NR }' dat home)" 1 "dat: no pages, a heading"
run_silent ntdb-inspect verify
sums >"$TMP/after"
same "$TMP/after" "$TMP/before" "looking changes nothing"

# Pages.
run_silent ntdb-flush $now --force home
is "$(text 'NR > 1 { print $3, $4, $5, $8, $9, $10, $11, $12, $13 }' dat home |
    sed 's,data-.*,FILE,')" \
    "snappy 3 2 unsealed 2026-05-01 12:00:00.000000000 2026-05-01 12:00:10.000000000 home/FILE" \
    "dat: a row for the page"
is "$(text '$1 == "-" && $2 != "ID" { print $5, $6, $NF }' dat -v home | sort)" \
    "1 int32 home/count
2 float32 home/temp" "dat -v: a row for each run"
is "$(inspect_json '.[] | [.samples, .metrics, .sealed, .committed]' dat home)" \
    "[3,2,false,true]" "dat: JSON"
is "$(inspect_json '[.[].runs[] | [.metric, .type, .samples]] | sort | .[]' \
    dat -v home)" '["count","int32",1]
["temp","float32",2]' "dat -v: JSON has the runs"
is "$(inspect_json '.[0] | has("runs")' dat home)" false \
    "dat: JSON without -v has none"
size=$(wc -c <"$(echo "$root"/home/data-*.dat)")
is "$(inspect_json '.[-1] | .offset + .bytes <= '"$size" dat home)" true \
    "dat: the page lies in its file"
is "$(inspect_json '.[] | [.page_samples, .log_samples, .samples, .pages]' \
    db home)" "[3,0,3,1]" "db: samples in pages"
is "$(inspect_json '[.[] | select(.kind == "sample")] | length' wal home)" 0 \
    "wal: empty after the flush"
is "$(text '$NF == "home/temp" { print $2, $3, $4, $5 }' catalog home)" \
    "float32 2026-05-01 12:00:10.000000000 8.3" \
    "catalog: the last value after the flush"
run_silent ntdb-inspect verify home
like "$(text 1 verify -v home)" '^home: .* 3 samples, 0 damaged$' \
    "verify -v sums up"
is "$(inspect_json '.[] | [.database, .damaged, .pages, (.findings | length)]' \
    verify home)" '["home",0,1,0]' "verify: JSON"
is "$(inspect_json '[.[].database] | join(" ")' verify)" \
    "home internal other" "verify: all databases, internal too"

# A log that breaks off.
printf 'xxxxxx' >>"$root/other/other.wal"
is "$(text '$2 == "tail" { print $4, $5, $6 }' wal other)" \
    "6 bytes other" "wal: the tail"
is "$(inspect_json '.[] | select(.kind == "tail") | .bytes' wal other)" 6 \
    "wal: the tail in JSON"
is "$(inspect_json '.[] | select(.kind == "sample") | .value' wal other)" \
    3000000000 "wal: what is before the tail"

# A flipped bit.
file=$(echo "$root"/home/data-*.dat)
at=$((size - 3))
byte=$(od -An -tu1 -j "$at" -N 1 "$file" | tr -d ' ')
# shellcheck disable=SC2059
printf "\\$(printf %03o $((byte ^ 1)))" |
    dd of="$file" bs=1 seek="$at" conv=notrunc 2>/dev/null
run_fails 65 ntdb-inspect verify home
like "$(cat "$ERR")" '^ntdb-inspect: .*data-.*\.dat: .*' \
    "verify: the finding names the file"
is "$(grep -c . "$ERR")" 1 "verify: one finding, one line"
run_fails 65 ntdb-inspect verify --json home
is "$(jq -c '.[] | [.damaged, (.findings | length),
    (.findings[0].file | test("data-.*[.]dat$"))]' "$OUT")" "[1,1,true]" \
    "verify: the finding in JSON"
run_fails 65 ntdb-inspect verify

# Misuse and failures.
run_fails 64 ntdb-inspect
run_fails 64 ntdb-inspect pages home
run_fails 66 ntdb-inspect catalog home nowhere
is "$(awk 'NR > 1 { print $NF }' "$OUT" | sort | tr '\n' ' ')" \
    "home/count home/temp " "the others are shown all the same"
run_fails 74 sh -c 'exec ntdb-inspect catalog home >/dev/full'
