#!/bin/sh
# Lines for a new database whose samples spare the log wait for more of their
# kind: they are counted, stored and refused once all the same.

. "$(dirname "$0")/lib.sh"
plan 8

# More lines than one commit takes; the third one is late.
awk 'BEGIN {
	for (i = 1; i <= 13000; i++)
		printf "a/b %d %d\n", i, 1700000000 + i + (i == 3 ? -9 : 0)
}' >"$TMP/lines"

# try NAME SETTING: with this setting in [wal] of a manifest.
try() {
	mkdir "$TMP/$1"
	printf '[manifest_defaults.wal]\n%s\n' "$2" >"$TMP/$1/engine.ini"
	run ntdb-ingest -v -r "$TMP/$1" -p s --reject "$TMP/$1.rejected" \
	    "$TMP/lines"
	is "$STATUS" 65 "$1: a line is refused"
	like "$(cat "$ERR")" \
	    "13000 lines, 12999 samples, 0 duplicates, .* 1 refused" \
	    "$1: each line counts once"
	is "$(cat "$TMP/$1.rejected")" "$(sed -n 3p "$TMP/lines")" \
	    "$1: and is rejected once"
	is "$(ntdb-query -r "$TMP/$1" -f lp a | wc -l)" 12999 \
	    "$1: what counts is stored"
}
try no-log 'enabled = no'
try old-samples 'skip_before = 1d'
