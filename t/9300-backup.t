#!/bin/sh
# examples/backup by steps: what it copies, what it links, what it leaves out,
# the locks that it takes, and restoring as its comment says.
# t/9310-backup-load.t has it run while all else goes on.

. "$(dirname "$0")/lib.sh"
need flock gzip od truncate cmp
plan 31
backup=$NTDB_SRC/examples/backup
cd "$TMP" || bail "no $TMP"
root=$TMP/root
mkdir to
export NTDB_ROOT="$root"

# newest: the last backup.
newest() {
	for newest in to/*Z; do :; done
	echo "$newest"
}
# holds ROOT DB TEXT: an export of the database is this.
holds() {
	run ntdb-query -r "$1" -f lp "$2"
	is "$(cat "$OUT" "$ERR")" "$3" "$1 holds $2"
}
first='a/m 1i 2026-05-01 00:00:00.000000000
a/m 2i 2026-05-01 00:01:00.000000000'
both="$first
a/m 3i 2026-05-01 00:02:00.000000000"

run_fails 64 "$backup" "$root"
run_fails 64 "$backup" -k 0 "$root" to
run_fails 66 "$backup" "$TMP/nothing" to
run_fails 66 "$backup" "$TMP" nowhere

echo "$first" | ntdb-ingest
echo 'b/x{host="a"} 1.5 2026-05-01' | ntdb-ingest
sed 's/^\[rollups\]/&\ncheckpoint_file = far.txt/' "$root/b/manifest.ini" >changed &&
    mv changed "$root/b/manifest.ini"
echo 'x::y,5,1,e70c554c' >"$root/b/far.txt"
run_silent "$backup" "$root" to
one=$(newest)
holds "$one" a "$first"
holds "$one" b 'b/x{host="a"} 1.5 2026-05-01 00:00:00.000000000'
same "$one/b/far.txt" "$root/b/far.txt" "checkpoints are copied by their name"
is "$(find "$one" -name '*.cache' -o -name '*lock')" "" \
    "caches and locks are not"

# What has not changed since is linked; the log's samples, moved, are not.
ntdb-flush --seal
run_silent "$backup" "$root" to
two=$(newest)
echo "a/m 3i 2026-05-01 00:02:00" | ntdb-ingest
run_silent "$backup" "$root" to
three=$(newest)
holds "$one" a "$first"
holds "$two" a "$first"
holds "$three" a "$both"
file=a/data-2026-05-01.dat
ok "a data file that is the same is a link" \
    test "$two/$file" -ef "$three/$file"
ntdb-flush --force
run_silent "$backup" "$root" to
not_ok "one that has grown is not" test "$two/$file" -ef "$(newest)/$file"
holds "$two" a "$first"

# A flush that was killed before its last step: what it wrote is not copied,
# nor is a file that it made.
ntdb-flush --seal
length=$(wc -c <"$root/$file")
printf 'a/m %d %s\n' 4 '2026-05-01 00:03' 5 2026-05-02 | ntdb-ingest
cp "$root/a/a.wal" before
ntdb-flush --force --no-seal
cp before "$root/a/a.wal"
ok "pages are left that do not count" test "$(wc -c <"$root/$file")" -gt \
    "$length"
ntdb-query -f lp a >want
run_silent "$backup" "$root" to
left=$(newest)
is "$(wc -c <"$left/$file")" "$length" "they are not in the copy"
not_ok "nor the file" test -e "$left/a/data-2026-05-02.dat"
ntdb-query -r "$left" -f lp a >got
same got want "it holds what the root does"

# A damaged log is no reason to leave data out.
cp -R root damaged
printf '\377' | dd of=damaged/a/a.wal bs=1 seek=20 conv=notrunc 2>said
run_fails 65 "$backup" "$TMP/damaged" to
bad=$(newest)
is "$(wc -c <"$bad/a/data-2026-05-02.dat")" \
    "$(wc -c <damaged/a/data-2026-05-02.dat)" \
    "without the log's word all of a file is copied"

# The locks.
run_fails 75 flock "$root/a/lock" "$backup" -w 0 "$root" to
run_fails 75 flock "$root/b/maint.lock" "$backup" -w 0 "$root" to

# Restoring, as the comment says; the copy is not touched by what follows.
mv "$root/a" elsewhere
cp -R "$left/a" "$root/.a" && mv "$root/.a" "$root/a"
echo 'a/m 6 2026-05-03' | ntdb-ingest && ntdb-flush --seal
{ cat want; echo 'a/m 6i 2026-05-03 00:00:00.000000000'; } >longer
ntdb-query -f lp a >got
same got longer "a restored database goes on"
ntdb-query -r "$left" -f lp a >got
same got want "and its backup is as it was"

run_silent "$backup" -n -k 2 "$root" to
is "$(echo to/*)" "$bad $(newest)" "-k keeps the newest"
