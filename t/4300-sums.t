#!/bin/sh
# Sums of integers that leave int64, of metrics of both classes in one query,
# from the log and, where statistics of whole runs are used, from pages.

. "$(dirname "$0")/lib.sh"
plan 7
cd "$TMP" || bail "no $TMP"

# 200 integers of 9 * 10^18, so 1.8 * 10^21, and 200 floats of 0.5.
for metric in a.float b.int c.float d.int; do
	value=0.5
	case $metric in
	*.int) value=9000000000000000000 ;;
	esac
	awk -v metric="$metric" -v value="$value" 'BEGIN {
		for (i = 0; i < 200; i++)
			print "x/" metric, value, 1700000000 + i
	}'
done >input
run_silent ntdb-ingest -r root -p s input
cat >want <<'EOT'
metric,aggregate,start,end,type,value
x/a.float,sum,1700000000000,1700000199000,float64,100.0
x/b.int,sum,1700000000000,1700000199000,float64,1.8e+21
x/c.float,sum,1700000000000,1700000199000,float64,100.0
x/d.int,sum,1700000000000,1700000199000,float64,1.8e+21
EOT
sum() {
	run_ok ntdb-query -r root -s 1700000000 -e 1700000199 -a sum -f csv \
	    --time-format ms x
	sed 's/,100$/,100.0/' "$OUT" >got
	same got want "the sums, from $1"
}
sum "the log"
run_silent ntdb-flush -r root --force
sum pages
run ntdb-query -r root -s 1700000000 -e 1700000199 -a avg -f csv x
is "$(sed 1d "$OUT" | cut -d, -f6 | tr '\n' ' ')" \
    "0.5 9000000000000000000 0.5 9000000000000000000 " "the means, from pages"
