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

# measured ROW: its line ends with target, value and verdict.
measured() {
	if grep -q -F "not measured: no strace" "$TMP/table" &&
	    [ "${1#a day}" != "$1" ]; then
		skip "no strace"
		return
	fi
	ok "$1" grep -q -E \
	    "^$1 +(-|[<>]= [0-9.]+( M| MiB| ms)?) +[0-9.]+( M| MiB| ms)?  (yes|NO|-)\$" \
	    "$TMP/table"
}
measured "ingest to durable pages, samples per CPU second"
measured "ingest, peak memory"
measured "re-import of an export, times the first import"
measured "export, peak memory"
measured "export, rows per second"
measured "data files, bytes per sample"
measured "log, bytes per sample"
measured "one line in, times an empty process"
measured "last value out, times an empty process"
measured "range of one metric, JSON"
measured "5-minute averages of one metric, JSON"
measured "3 years by the day: first last value after a boot"
measured "3 years by the day: last hour, times 3 days"
measured "a day of 100 metrics every 10 s, bytes written"
like "$(cat "$TMP/table")" "200000 lines of 200000 came out" \
    "what was exported is what was imported"
done_testing
