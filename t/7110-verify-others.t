#!/bin/sh
# What ntdb-inspect verify says of files that no sample of the database
# depends on: archives, rollup checkpoints, the state cache, settings, and what
# was put aside.
# Guards no law.
# shellcheck disable=SC1091,SC2086

. "$(dirname "$0")/lib.sh"
need python3 jq tar
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

now="--now 2026-12-15"
good=$TMP/good
root=$TMP/root
home=$root/home
tar=archive-2026-05.tar

# edit FILE PYTHON: change the file's bytes, which are in b.
edit() {
	python3 - "$1" "$2" <<'END'
import sys, zlib
b = bytearray(open(sys.argv[1], 'rb').read())
scope = {'b': b, 'zlib': zlib}
exec(sys.argv[2], scope)
open(sys.argv[1], 'wb').write(scope['b'])
END
}

fresh() {
	rm -rf "$root"
	cp -Rp "$good" "$root"
}

# finds FILE REASON PYTHON: so changed, the file is reported, and nothing else.
finds() {
	fresh
	edit "$home/$1" "$3"
	finds_in "$1" "$2"
}

finds_in() {
	run_fails 65 ntdb-inspect verify -r "$root" home
	like "$(cat "$ERR")" "^ntdb-inspect: home/$1: .*$2" "$1: $2"
	is "$(grep -c . "$ERR")" 1 "and nothing else"
}

# Three days, of which two are archived, one with a hot page behind sealed
# ones; rollups.
mkdir -p "$good/home"
cat >"$good/home/manifest.ini" <<'END'
[retention]
partition = day
[rollup.ten]
source_metric = temp
interval = 10m
destination_db = r
END
put() {
	awk -v from="$1" -v to="$2" 'BEGIN {
		for (i = from; i < to; i++) {
			t = 1777593600 + i * 600
			printf "home/temp %.1f %d\n", i % 97 / 10, t
			printf "home/count %d %d\n", i * i, t
		}
	}' | ntdb-ingest -p s $now -r "$good" || bail "ingest failed"
}
put 0 100
ntdb-flush -r "$good" $now --seal home || bail "flush failed"
put 100 430
ntdb-flush -r "$good" $now --force --no-seal home || bail "flush failed"
ntdb-rollup -r "$good" $now || bail "rollup failed"
sed -i 's/^partition = day/&\nretention_days = 31\nretention_action = archive/' \
    "$good/home/manifest.ini"
ntdb-flush -r "$good" $now home || bail "retention failed"
echo 'home/temp 5 2026-05-04' | ntdb-ingest $now -r "$good"
is "$(cd "$good/home" && tar tf $tar | sed 's|.*/||' | sort -u | tr '\n' ' ')" \
    "catalog.json data-2026-05-01.dat data-2026-05-02.dat manifest.ini " \
    "two days are archived"
fresh
run_silent ntdb-inspect verify -r "$root"
ntdb-inspect verify --json -r "$root" home >"$OUT"
is "$(jq -c '.[] | [.samples, .aside, .damaged]' "$OUT")" "[861,[],0]" \
    "the samples in archives are among those that are read"

# What tar unpacks is where verify says that it is: offsets by Python's.
where() {
	python3 -c '
import sys, tarfile
for m in tarfile.open(sys.argv[1]):
    if m.name.endswith(sys.argv[2]):
        print(m.offset_data + int(sys.argv[3]))
        break' "$good/home/$tar" "$1" "$2"
}
second=$(where /data-2026-05-02.dat 0)
finds $tar "no header of a member" "b[$second - 512 + 130] ^= 1"
like "$(cat "$ERR")" "offset $((second - 512)): " "and where"
finds $tar "file header has a wrong checksum.*in home.2026-05/data-2026-05-02" \
    "b[$second + 30] ^= 3"
like "$(cat "$ERR")" "offset $second: " "and where"
finds $tar "one bit is wrong" "b[$second + 30] ^= 1"
finds $tar "page header: bad checksum" "b[$second + 64 + 12] ^= 1"
like "$(cat "$ERR")" "offset $((second + 64)): " "and where"
finds $tar "directory of a page: bad checksum.*in home.2026-05/.*samples" \
    "b[$second + 64 + b[$second + 64 + 7]] ^= 16"
catalog=$(where /catalog.json 0)
finds $tar "in home.2026-05/catalog.json" "b[$catalog + 15] ^= 1"
finds $tar "last member is cut short" "del b[$second + 100:]"
fresh
ntdb-inspect verify --json -r "$root" home >/dev/null
edit "$home/$tar" "b[$second + 64 + 12] ^= 1"
ntdb-inspect verify --json -r "$root" home >"$OUT" 2>/dev/null
is "$(jq -c '.[].findings[] | [.file, .offset]' "$OUT")" \
    "[\"home/$tar\",$((second + 64))]" "JSON says so too"
# What a killed program leaves behind the members is no damage.
fresh
edit "$home/$tar" "b += bytes(1024) + b'x' * 300"
run_silent ntdb-inspect verify -r "$root"
edit "$home/$tar" "del b[len(b) - 1500:]"
run_silent ntdb-inspect verify -r "$root"

# A header with a wrong bit goes into the archive without it.
rm -rf "$root"
mkdir -p "$home"
printf '[retention]\npartition = day\n' >"$home/manifest.ini"
for day in 01 02 03; do
	echo "home/x 1 2026-05-$day"
done | ntdb-ingest $now -r "$root" || bail "ingest failed"
ntdb-flush -r "$root" $now --seal home || bail "flush failed"
edit "$home/data-2026-05-01.dat" 'b[9] ^= 4'
run_fails 65 ntdb-inspect verify -r "$root" home
printf 'retention_days = 31\nretention_action = archive\n' \
    >>"$home/manifest.ini"
run ntdb-flush -r "$root" $now home
ok "it is archived" test ! -f "$home/data-2026-05-01.dat"
run_silent ntdb-inspect verify -r "$root"

# The same in a sealed file that no log lists: --seal writes it anew, once.
fresh
ntdb-flush -r "$root" $now --seal home || bail "flush failed"
sealed=$home/data-2026-05-03.dat
edit "$sealed" 'b[40] ^= 4'
ntdb-query -r "$root" -f lp home >"$TMP/before" 2>/dev/null
run_fails 65 ntdb-inspect verify -r "$root" home
run_silent ntdb-flush -r "$root" $now --seal home
run_silent ntdb-inspect verify -r "$root"
ntdb-query -r "$root" -f lp home >"$TMP/after"
same "$TMP/before" "$TMP/after" "with what was in it"
cp "$sealed" "$TMP/sealed"
run_silent ntdb-flush -r "$root" $now --seal home
same "$sealed" "$TMP/sealed" "and not a second time"

# Checkpoints: a digit, a torn end.
points=rollup.checkpoints.log
finds $points "line 1: no checkpoint, or one with a wrong checksum.*1 lines" \
    'b[b.index(b",") + 3] ^= 1'
fresh
edit "$home/$points" 'del b[-5:]'
run_silent ntdb-inspect verify -r "$root"
edit "$home/$points" 'b[b.index(b",") + 3] ^= 1'
echo 'home/temp 6 2026-05-05' | ntdb-ingest $now -r "$root"
run_silent ntdb-rollup -r "$root" $now
run_silent ntdb-inspect verify -r "$root"

# A cache that claims to be valid, and is not what the files say.  In each
# slot: time, value, offset, hash, length, type, scale, flags (ntdb-format).
fresh
run_silent ntdb-flush -r "$root" $now --force --no-seal home
run_silent ntdb-inspect verify -r "$root"
cp "$home/home.cache" "$TMP/cache"
slot='s = 104 + 32 * 2; n = int.from_bytes(b[12:16], "little")
end = 104 + 32 * n + int.from_bytes(b[16:20], "little")'
sum='b[end:end + 4] = zlib.crc32(bytes(b[:end])).to_bytes(4, "little")'
in_cache() {
	cp "$TMP/cache" "$home/home.cache"
	edit "$home/home.cache" "$slot
$2
$sum"
	finds_in home.cache "$1"
}
in_cache "older last sample of a metric: id 2" 'b[s + 6] -= 1'
in_cache "another last value of a metric: id 2" 'b[s + 8] ^= 1'
in_cache "another type of a metric: id 2" 'b[s + 26] ^= 3'
in_cache "lacks a metric: id 2" 'b[s + 28] = 0'
in_cache "another name of a metric: id 2" 'b[end - 1] ^= 1'
cp "$TMP/cache" "$home/home.cache"
edit "$home/home.cache" 'b[104 + 64] ^= 1'
run_silent ntdb-inspect verify -r "$root"
# A data file may be removed: the cache then knows more.
cp "$TMP/cache" "$home/home.cache"
rm "$home/data-2026-05-03.dat"
run_silent ntdb-inspect verify -r "$root"

# What was put aside is no damage, but is mentioned.
fresh
: >"$home/data-2026-05-01.dat.damaged-00000000deadbeef"
: >"$home/home.wal.damaged-7"
: >"$home/notes"
run_silent ntdb-inspect verify -r "$root"
run ntdb-inspect verify -v -r "$root" home
is "$(grep -c 'was put aside, and is not read' "$OUT")" 2 "-v mentions them"
ntdb-inspect verify --json -r "$root" home >"$OUT"
is "$(jq -c '.[] | [.aside, .damaged]' "$OUT")" \
    '[["home/data-2026-05-01.dat.damaged-00000000deadbeef","home/home.wal.damaged-7"],0]' \
    "JSON lists them"

# Settings that cannot be read.
for file in home/manifest.ini engine.ini; do
	fresh
	rm "$root/$file"
	mkdir "$root/$file"
	run ntdb-inspect verify -r "$root" home
	like "$STATUS $(cat "$ERR")" "^(65|78) ntdb-inspect: $file: " \
	    "$file: a directory"
	fresh
	printf '[retention]\nretention_days = x\n' >"$root/$file"
	edit "$root/$file" 'b += bytes(20)'
	run_fails 78 ntdb-inspect verify -r "$root" home
	like "$(cat "$ERR")" "^ntdb-inspect: $file: line [0-9]+: " \
	    "$file: zeros"
	fresh
	edit "$home/data-2026-05-03.dat" 'b[70] ^= 1'
	echo nonsense >>"$root/$file"
	run ntdb-inspect verify -r "$root" home
	like "$(cat "$ERR")" "data-2026-05-03.dat: " \
	    "$file: what is behind it is looked at"
done
done_testing
