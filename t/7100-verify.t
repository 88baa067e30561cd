#!/bin/sh
# Damage of every kind in every file: ntdb-inspect verify names the file and
# ends with 65, finds nothing where there is nothing, and what is not damaged
# is still answered.
# shellcheck disable=SC1091,SC2086

. "$(dirname "$0")/lib.sh"
need python3 jq

now="--now 2026-06-01"
good=$TMP/good
root=$TMP/root
NTDB_ROOT=$good
export NTDB_ROOT

# edit FILE PYTHON: change the file's bytes, which are in b; sum is zlib's
# CRC-32, word(n) its four bytes.
edit() {
	python3 - "$1" "$2" <<'END'
import sys, zlib
b = bytearray(open(sys.argv[1], 'rb').read())
sum = zlib.crc32
def word(n):
    return n.to_bytes(4, 'little')
scope = {'b': b, 'sum': sum, 'word': word, 'len': len}
exec(sys.argv[2], scope)
open(sys.argv[1], 'wb').write(scope['b'])
END
}

# fresh: a copy of the good root, to be damaged.
fresh() {
	rm -rf "$root"
	cp -Rp "$good" "$root"
}

# finds FILE REASON PYTHON: so changed, the file is reported, with a reason
# like that; the status is 65, and nothing but messages is different.
finds() {
	fresh
	edit "$root/home/$1" "$3"
	finds_in "$1" "$2"
}

finds_in() {
	run_fails 65 ntdb-inspect verify -r "$root" home
	like "$(cat "$ERR")" "^ntdb-inspect: home/$1: .*$2" "$1: $2"
}

# one_finding NAME: and nothing else was found.
one_finding() {
	is "$(grep -c . "$ERR")" 1 "$1: one finding"
}

lines() {
	awk -v from="$1" -v to="$2" 'BEGIN {
		for (i = from; i < to; i++) {
			t = 1777593600 + i * 60
			printf "home/temp %.1f %d000000000\n", i % 97 / 10, t
			printf "home/count %d %d000000000\n", i * i, t
			printf "home/ratio %.17g %d000000000\n", (i + 0.5) / 7, t
		}
	}'
}

# Two days in two files, each file with pages of two flushes; then a log
# with three batches.
lines 0 400 | ntdb-ingest $now || bail "ingest failed"
ntdb-flush $now --force home || bail "flush failed"
lines 400 2000 | ntdb-ingest $now || bail "ingest failed"
ntdb-flush $now --force home || bail "flush failed"
for at in 2000 2010 2020; do
	lines $at $((at + 10)) | ntdb-ingest $now || bail "ingest failed"
done
echo 'other/x 1 2026-05-01' | ntdb-ingest $now || bail "ingest failed"
first=data-2026-05-01.dat
second=data-2026-05-02.dat
if ! [ -f "$good/home/$first" ] || ! [ -f "$good/home/$second" ]; then
	bail "not the files that were expected"
fi

# Nothing is damaged.
run_silent ntdb-inspect verify
ntdb-inspect verify --json home >"$OUT" 2>"$ERR"
is "$(jq -c '.[] | [.samples, .batches, .damaged, .pages > 2, .files]' \
    "$OUT")" "[6090,3,0,true,6]" \
    "everything is read: engine, manifest, catalog, log, two data files"

# Data files: file header, page header, directory, columns.
finds $first "file header has a wrong checksum" 'b[30] ^= 1'
one_finding "file header"
one_finding "file header, one bit"
is "$(ntdb-query -r "$root" -f csv -s 2026-05-01 -e now $now home/count \
    2>&1 | wc -l)" 2031 "which costs nothing"
finds $first "file header has a wrong checksum" 'b[30] ^= 3'
finds $first "not a data file" 'b[0] ^= 3'
finds $first "that of another partition" \
    'b[16] ^= 1; b[60:64] = word(sum(b[:60]))'
finds $first "offset 64: page header: bad checksum .*bytes passed over" \
    'b[64 + 12] ^= 1'
one_finding "page header"
is "$(ntdb-query -r "$root" -f csv -s 2026-05-02 -e now $now home/count \
    2>"$TMP/told" | wc -l)" 591 "the other day is answered all the same"
finds $first "offset 64: not a page" 'b[64] ^= 1'
finds $first "offset 64: directory of a page: bad checksum \(1200 samples\)" \
    'b[64 + b[64 + 7]] ^= 16'
one_finding "directory"
finds $first "columns of a page: bad checksum \([0-9]+ samples\)" \
    'b[b.index(b"NTPG", 65) - 1] ^= 128'
one_finding "columns"
is "$(ntdb-query -r "$root" -f csv home/temp home/count home/ratio \
    2>/dev/null | wc -l)" 4 "the last values are answered all the same"

# What checksums cannot show: epochs, partitions, statistics, names.
# In the header are the first time, what the last is later, the epoch.
numbers='ends = [k for k in range(72, 160) if b[k] < 128]'
head_sum='n = 64 + b[64 + 7]; b[n - 4:n] = word(sum(b[64:n - 4]))'
finds $first "page has epoch 99, which is not below the log" \
    "$numbers; b[ends[1] + 1] = 99; $head_sum"
finds $first "directory of a page: bad agreement with the header" \
    "$numbers; b[ends[0] + 1] ^= 4; $head_sum"
finds $first "page has times outside the file's partition" \
    "b[64 + 8 + 3] ^= 1; $head_sum"
finds $first "page header: impossible values" \
    "b[64 + 6] |= 2; $head_sum"

# Lengths.
finds $first "page is cut short" 'del b[-5:]'
finds $first "bytes shorter than its committed length" 'del b[64:]'
finds $first "not a data file" 'del b[10:]'
finds $first "not a data file" 'del b[:]'
fresh
edit "$root/home/$first" 'b += b[64:]'
run_silent ntdb-inspect verify -r "$root"
fresh
edit "$root/home/$first" 'b += bytes(100)'
run_silent ntdb-inspect verify -r "$root"

# The log.
finds home.wal "log header has a wrong checksum" 'b[16] ^= 1'
is "$(ntdb-query -r "$root" -f csv -s 2026-05-01 -e now $now home/count \
    2>&1 | wc -l)" 2031 "one bit, which costs nothing"
finds home.wal "log header has a wrong checksum" 'b[16] ^= 3'
finds home.wal "not a log" 'b[0] ^= 3'
finds home.wal "not a log" 'del b[30:]'
finds home.wal "offset [0-9]+: not a valid batch \([0-9]+ bytes.*30 samples" \
    'b[b.index(b"NTB\n") + 20] ^= 1'
one_finding "log batch"
is "$(ntdb-query -r "$root" -f csv -s 2026-05-02T09:00 -e 2026-05-03 \
    home/count 2>/dev/null | wc -l)" 41 "the other batches are answered"
fresh
edit "$root/home/home.wal" 'del b[-3:]'
run_silent ntdb-inspect verify -r "$root"
is "$(ntdb-inspect verify -v -r "$root" home 2>&1)" \
    "$(ntdb-inspect verify -v home | sed 's/ 3 batches, 6090/ 2 batches, 6060/')" \
    "a torn tail is no finding, and does not count"
fresh
rm "$root/home/home.wal"
finds_in home.wal "the log is missing"

# An old log, and newer pages.
fresh
cp "$root/home/home.wal" "$TMP/old.wal"
NTDB_ROOT=$root ntdb-flush $now --force home
lines 2030 2100 | NTDB_ROOT=$root ntdb-ingest $now
NTDB_ROOT=$root ntdb-flush $now --force home
run_silent ntdb-inspect verify -r "$root"
cp "$TMP/old.wal" "$root/home/home.wal"
finds_in home.wal "the log is older than pages in $second"

# The catalog: names are gone, or given twice.
finds catalog.json "line 2: " 'b[b.index(b"type")] ^= 1'
finds catalog.json "line 3: metric has a wrong checksum" \
    'b[:] = b.replace(b"\"count\"", b"\"coumt\"")'
finds catalog.json "two names|name of another" 'import re
b[:] = re.sub(rb",.crc.:[0-9]*", b"", b).replace(b"\"count\"", b"\"temp\"")'
finds catalog.json "does not end" 'del b[-2:]'
finds catalog.json "type" 'b[:] = b.replace(b"float64", b"float65")'
fresh
sed '/"count"/d' "$good/home/catalog.json" >"$root/home/catalog.json"
finds_in $first "offset 64: metric id [0-9]+ has no name \(400 samples\)"
like "$(cat "$ERR")" "home.wal: offset [0-9]+: metric id .* \(10 samples\)" \
    "home.wal: samples without a name"
fresh
rm "$root/home/catalog.json"
finds_in catalog.json "is missing"
one_finding "no catalog"

# Settings.
fresh
echo 'late' >>"$root/home/manifest.ini"
run_fails 78 ntdb-inspect verify -r "$root" home
like "$(cat "$ERR")" '^ntdb-inspect: home/manifest.ini: line [0-9]+: ' \
    "manifest.ini: file and line"

# Several at once, each told; other databases are checked all the same.
fresh
edit "$root/home/$first" 'b[64 + b[64 + 7]] ^= 1'
edit "$root/home/$second" 'b[-1] ^= 1'
edit "$root/home/home.wal" 'b[b.index(b"NTB\n") + 20] ^= 1'
run_fails 65 ntdb-inspect verify --json -r "$root"
is "$(jq -c '[.[] | [.database, .damaged]]' "$OUT")" \
    '[["home",3],["other",0]]' "three findings in one database"
is "$(jq -r '.[0].findings | map(.file) | sort | join(" ")' "$OUT")" \
    "home/$first home/$second home/home.wal" "each with its file"

# Newer versions are no damage.
for case in "$first b[8]=2;b[60:64]=word(sum(b[:60]))" \
    "$first b[64+4]=2;n=64+b[64+7];b[n-4:n]=word(sum(b[64:n-4]))" \
    "home.wal n=b[12]+b[13]*256;b[8]=2;b[n-4:n]=word(sum(b[:n-4]))"; do
	fresh
	edit "$root/home/${case%% *}" "${case#* }"
	run_fails 76 ntdb-inspect verify -r "$root" home
	like "$(cat "$ERR")" "^ntdb-inspect: home/${case%% *}: .*version" \
	    "${case%% *}: newer"
done

# Samples that came late are no damage, whatever the manifest says by now.
fresh
cp "$good/home/manifest.ini" "$TMP/manifest.ini"
sed 's/^.*\blate *=.*/late = accept/' "$TMP/manifest.ini" \
    >"$root/home/manifest.ini"
echo 'home/temp 5.5 2026-05-01 00:00:30' |
    NTDB_ROOT=$root ntdb-ingest $now || bail "late sample refused"
cp "$TMP/manifest.ini" "$root/home/manifest.ini"
run_silent ntdb-inspect verify -r "$root"
NTDB_ROOT=$root ntdb-flush $now --force home
run_silent ntdb-inspect verify -r "$root"
done_testing
