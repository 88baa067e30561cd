#!/bin/sh
# A log that is older than the pages has samples that they do not have.  When
# it cannot be read to its end, the run that takes them over says so.
#
# Guards law 30.

. "$(dirname "$0")/lib.sh"
need strace
if grep -q __asan_init "$NTDB_BUILD/bin/ntdb-ingest"; then
	skip_all "LeakSanitizer does not work under strace"
fi
plan 4

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

# Each read in turn fails; `pread' of the log alone is what counts.
wrong=0 failed=0 n=0
while n=$((n + 1)) && [ "$n" -le 200 ]; do
	make_root "$TMP/root"
	echo 'a/x 4 2026-05-01 13:00' >"$TMP/line"
	run strace -o "$TMP/trace" -e trace=pread64 \
	    -e inject=pread64:error=EIO:when="$n" \
	    ntdb-ingest -r "$TMP/root" "$TMP/line"
	grep -q INJECTED "$TMP/trace" || break
	if [ "$STATUS" -ne 0 ]; then
		failed=$((failed + 1))
	elif [ "$(have "$TMP/root")" -ne 1 ]; then
		diag "read $n failed, and status 0"
		wrong=$((wrong + 1))
	fi
done
diag "$failed of $((n - 1)) failed reads were errors"
is "$wrong" 0 "none of its samples goes without a word"
ok "reads have failed" test "$failed" -gt 2
