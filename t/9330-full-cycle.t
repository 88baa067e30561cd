#!/bin/sh
# examples/rollup-full-cycle-check: it passes, leaves what it promises, and
# fails when rollups or exports are not what they should be.
# t/long/full-cycle is the long form.

. "$(dirname "$0")/lib.sh"
need python3
plan 24
check=$NTDB_SRC/examples/rollup-full-cycle-check
cd "$TMP" || bail "no $TMP"

run_ok "$check" --help
like "$(cat "$OUT")" "^usage: .*seed N" "the help has the usage"
run_fails 64 "$check" x hours
run_fails 64 "$check" x 0
run_fails 64 "$check" x 1 2 10 3
run_fails 64 "$check" --seed
touch file
run_fails 73 "$check" file
mkdir -p other/data
run_fails 73 "$check" other

run_ok "$check" --seed 7 root 8 5 60 2
is "$(tail -n 1 "$OUT")" "PASS; see root/work/SCENARIO.md" "it says so"
is "$(cd root/work && echo *)" "SCENARIO.md expected_daily.lp\
 expected_hourly.lp expected_raw.lp export_daily.lp export_hourly.lp\
 export_raw.lp input.lp known_gaps.csv scenario_summary.json" \
    "the files are there"
is "$(cd root/data && echo *)" "daily engine.ini hourly internal raw" \
    "and the root"

# By hand: 8 hours of 5 metrics each minute are 2400 samples but for those in
# the gaps, of which known_gaps.csv tells.
gone=$(awk -F, 'NR > 1 { n += $4 / 60 - 1 } END { print n }' \
    root/work/known_gaps.csv)
ok "there are gaps" test "$gone" -gt 0
is "$(wc -l <root/work/expected_raw.lp)" $((2400 - gone)) \
    "all other samples are expected"
# The third metric is one of numbers with one digit; its first hour again.
awk '$1 == "raw/site.k2.m002" && $4 ~ /^18/ { n++; sum += $2 * 10 }
END { printf "%d %.6f\n", n, sum / 10 / n }' root/work/expected_raw.lp >want
awk '$1 ~ /^hourly\/site.k2.m002\.(avg|count)$/ && $4 ~ /^18/ {
	v[$1] = $2
}
END { printf "%d %.6f\n", v["hourly/site.k2.m002.count"],
    v["hourly/site.k2.m002.avg"] }' root/work/export_hourly.lp >got
same got want "an hour by another computation"
sort root/work/input.lp | uniq -d >twice
ok "some samples were sent twice" test -s twice

run_ok "$check" --seed 7 root 2 1 30 0
is "$(wc -l <root/work/expected_raw.lp)" 240 \
    "a second time, the first is removed"

# pretend PROGRAM BODY: it fails with a script of that name in place of the
# program.
pretend() {
	rm -rf fake && mkdir fake
	printf '#!/bin/sh\nreal=%s\n%s\n' "$NTDB_BUILD/bin/$1" "$2" >"fake/$1"
	chmod +x "fake/$1"
	run env PATH="$TMP/fake:$PATH" "$check" root 4 5 60 1
	is "$STATUS $(tail -n 1 "$OUT" | cut -c 1-4)" "1 FAIL" "$3"
}
# shellcheck disable=SC2016 # $ is for the scripts
{
pretend ntdb-rollup 'exec "$real" "$@" raw' "it fails without the days"
pretend ntdb-rollup 'sed -i s/sum,/first,/ "$2/raw/manifest.ini"
exec "$real" "$@"' \
    "with another aggregate"
pretend ntdb-rollup '"$real" "$@" || exit
manifest=$2/hourly/manifest.ini
grep -q late "$manifest" || printf "[metrics]\nlate = accept\n" >>"$manifest"
echo "hourly/site.k2.m002.max 7.25 2100-03-01 19:00:00" |
ntdb-ingest -r "$2" --now 2100-03-02' "with a bucket that is there twice"
pretend ntdb-query '"$real" "$@" | sed "/hourly.*avg/{x;s/^/x/;/^x\{3\}$/{x;d};x}"' \
    "without one value"
pretend ntdb-query '"$real" "$@" | sed "/hourly.*count/s/ 60i/ 61i/"' \
    "with one too many counted"
pretend ntdb-inspect 'exit 65' "if verifying fails"
}
