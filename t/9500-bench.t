#!/bin/sh
# The benchmark in its short form: that it measures all its rows, not what it
# measures.

. "$(dirname "$0")/lib.sh"
need python3 readelf cc
if grep -q __asan_init "$NTDB_BUILD/bin/ntdb-ingest"; then
	skip_all "a sanitizer's costs are not ours"
fi
bench=$NTDB_SRC/t/bench/run

# The made input is the same everywhere, and looks as it should.
run cc -std=gnu11 -D_GNU_SOURCE -o "$TMP/gen" "$NTDB_SRC/t/bench/gen.c" || show
"$TMP/gen" -m 10 -n 7 -i 60 -s 5 -t 1777593600 >"$TMP/a"
"$TMP/gen" -m 10 -n 7 -i 60 -s 5 -t 1777593600 >"$TMP/b"
same "$TMP/a" "$TMP/b" "one seed, one input"
not_ok "another seed, another input" sh -c \
    '"$1/gen" -m 10 -n 7 -i 60 -s 6 -t 1777593600 | cmp -s - "$1/a"' sh "$TMP"
is "$(awk '{ print $3 }' "$TMP/a" | uniq -c | sed -n '2p; $p')" \
    "     10 1777593660000000000
     10 1777593960000000000" "ten metrics a minute, for seven minutes"
is "$(grep -c -v -E '^bench/node0[01]\.[a-z]+ [0-9]+(\.[0-9]{1,3})? [0-9]{19}$' \
    "$TMP/a")" 0 "each line is as it should be"

run_fails 64 "$bench" --no-such-option
run_fails 64 "$bench" --runs many
run_ok "$bench" --quick --runs 5
cp "$OUT" "$TMP/table"
diag "$(cat "$TMP/table")"

# measured ROW: a line of the table begins with ROW and ends with target, value
# and verdict; or with none, where what it takes is not here.
measured() {
	if grep -A 1 -F "$1  " "$TMP/table" | grep -q -E \
	    "not measured: no (strace|victoria-metrics)$"; then
		skip "not here: $1"
		return
	fi
	if [ -z "$seals" ] && grep -A 1 -F "$1  " "$TMP/table" |
	    grep -q "not measured: this release does not seal"; then
		skip "this release does not seal: $1"
		return
	fi
	ok "$1" grep -q -E \
	    "^$1 +(-|[<>]= [0-9.]+( M| MiB| ms| ns)?) +[0-9.]+( M| MiB| ms| ns)?  (yes|NO|-)\$" \
	    "$TMP/table"
}
seals=$(ntdb-flush --help | grep -e --seal)
measured "ingest to durable pages, samples per CPU second"
measured "ingest, times VictoriaMetrics, the same lines"
measured "ingest, times VictoriaMetrics, brought by metric"
measured "ingest, peak memory"
measured "re-import of an export, times the first import"
measured "export, peak memory"
measured "export, rows per second"
measured "flushed, bytes per sample"
measured "sealing, CPU per sample"
measured "sealing, peak memory"
measured "sealed, bytes per sample"
measured "sealed, all but locks and caches"
measured "log, bytes per sample"
measured "one line in, times an empty process"
measured "last value out, times an empty process"
measured "range of one metric, JSON"
measured "range of one metric, JSON, sealed"
measured "5-minute averages of one metric, JSON"
measured "5-minute averages of one metric, JSON, sealed"
measured "3 years by the day: first last value after a boot"
measured "3 years, sealed: first last value after a boot"
measured "3 years by the day: last hour, times 3 days"
measured "3 years, sealed: last hour, times 3 days"
measured "a day of 100 metrics every 10 s, bytes written"
measured "a month of it, by the month, bytes written"
measured "a month of it, for ever in one file, bytes written"
measured "a year of one metric a minute, bytes written"
measured "a year of one metric a minute, bytes stored"
like "$(cat "$TMP/table")" "200000 lines of 200000 came out" \
    "what was exported is what was imported"
like "$(cat "$TMP/table")" "^ingest, times NanoTDB .* -  -$" \
    "what cannot be measured here has a row too"
not_ok "no peer lost samples" grep "it kept" "$TMP/table"
for peer in VictoriaMetrics:victoria-metrics RRDtool:rrdtool SQLite:sqlite3; do
	if command -v "${peer#*:}" >/dev/null 2>&1; then
		ok "${peer%:*} has a row" grep -q -E \
		    "^${peer%:*}.* [0-9.]+ M( +[0-9.]+){2}( +[0-9.]+, [0-9.]+ ms){3}$" \
		    "$TMP/table"
	else
		like "$(cat "$TMP/table")" \
		    "^${peer%:*}: not measured: no ${peer#*:}" \
		    "${peer%:*} is told to be missing"
	fi
done

# A file of one's own, packed, takes the place of made input.
xz -k "$TMP/a" && mv "$TMP/a.xz" "$TMP/own.lp.xz"
run_ok "$bench" --quick --only-input "$TMP/own.lp.xz"
like "$(cat "$OUT")" "70 lines of 70 came out" "a file is taken, packed too"
done_testing
