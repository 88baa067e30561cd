#!/bin/sh
# A log that is older than the pages has samples that they do not have.  When
# it cannot be read to its end, the run that takes them over says so; whatever
# fails, and wherever the run is killed, the next one takes them over.
#
# Guards laws 29 and 30.

. "$(dirname "$0")/lib.sh"
need strace
# LeakSanitizer does not work under strace.
ASAN_OPTIONS=detect_leaks=0
export ASAN_OPTIONS
plan 8

# The log of two days; then pages of both, and more of the first; then the
# second file is lost, and the old log put back.
make_root() {
	rm -rf "$1"
	printf 'a/x 1 2026-05-01\na/y 2 2026-05-02\n' | ntdb-ingest -r "$1"
	cp "$1/a/a.wal" "$TMP/old.wal"
	ntdb-flush --force -r "$1"
	echo 'a/x 3 2026-05-01 12:00' | ntdb-ingest -r "$1"
	ntdb-flush --force -r "$1"
	rm "$1/a/data-2026-05-02.dat" "$1/a/a.cache"
	cp "$TMP/old.wal" "$1/a/a.wal"
}

have() {
	ntdb-query -f csv -r "$1" a | grep -c '^a/y,'
}

make_root "$TMP/root"
run_ok sh -c "echo 'a/x 4 2026-05-01 13:00' | ntdb-ingest -r '$TMP/root'"
is "$(have "$TMP/root")" 1 "the old log's sample is taken over"

# at_each CALLS WHAT: the writer meets WHAT at each of these calls in turn; then
# comes another one.  Sets $n, $failed, $wrong and $lost.
at_each() {
	wrong=0 failed=0 lost=0 n=0
	while n=$((n + 1)) && [ "$n" -le 200 ]; do
		make_root "$TMP/root"
		echo 'a/x 4 2026-05-01 13:00' >"$TMP/line"
		run strace -o "$TMP/trace" -e trace="$1" \
		    -e inject="$1:$2:when=$n" \
		    ntdb-ingest -r "$TMP/root" "$TMP/line"
		grep -q -e INJECTED -e 'killed by' "$TMP/trace" || break
		if [ "$STATUS" -ne 0 ]; then
			failed=$((failed + 1))
		elif [ "$(have "$TMP/root")" -ne 1 ]; then
			diag "$2 at $n of $1, and status 0"
			wrong=$((wrong + 1))
		fi
		ntdb-ingest -r "$TMP/root" "$TMP/line" 2>"$TMP/err"
		if [ "$(have "$TMP/root")" -ne 1 ]; then
			diag "$2 at $n of $1: lost after the next run"
			lost=$((lost + 1))
		fi
	done
	diag "$failed of $((n - 1)) runs failed"
}

# `pread' of the log is what counts.
at_each pread64 error=EIO
is "$wrong" 0 "when reads fail, no sample goes without a word"
ok "reads have failed" test "$failed" -gt 2
is "$lost" 0 "and none goes for ever"

calls=pwrite64,rename,renameat,renameat2,fsync,fdatasync,openat
at_each "$calls" error=EIO
is "$wrong $lost" "0 0" "no more when writing fails"
at_each "$calls" signal=KILL
ok "runs were killed" test "$failed" -gt 8
is "$lost" 0 "nor where the run is killed"
