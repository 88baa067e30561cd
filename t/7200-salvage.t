#!/bin/sh
# ntdb-inspect salvage writes all that can be read as line protocol, whatever is
# damaged or gone; what is imported from that is the database, as far as it can
# be read.

. "$(dirname "$0")/lib.sh"
need python3

now="--now 2026-11-30"
good=$TMP/good
root=$TMP/root
NTDB_ROOT=$good
export NTDB_ROOT

# lines DAY FROM TO: three metrics, every ten seconds.
lines() {
	awk -v day="$1" -v from="$2" -v to="$3" 'BEGIN {
		for (i = from; i < to; i++) {
			t = 1777636800 + day * 86400 + i * 10
			printf "home/temp %.1f %d000000000\n", i % 97 / 10, t
			printf "home/count %d %d000000000\n", i * i, t
			odd = i % 9 ? (i + 0.5) / 7 : (i % 2 ? "NaN" : "-Inf")
			printf "home/odd %s %d000000000\n", odd, t
		}
	}'
}

# A sealed day, one with two pages, and a log of three batches, the second of
# which names a new metric.
lines 0 0 300 | ntdb-ingest $now || bail "ingest failed"
ntdb-flush $now --seal home || bail "sealing failed"
lines 1 0 100 | ntdb-ingest $now || bail "ingest failed"
ntdb-flush $now --force --no-seal home || bail "flush failed"
lines 1 100 200 | ntdb-ingest $now || bail "ingest failed"
ntdb-flush $now --force --no-seal home || bail "flush failed"
lines 1 200 210 | ntdb-ingest $now || bail "ingest failed"
echo 'home/door 1 2026-05-03' | ntdb-ingest $now || bail "ingest failed"
lines 2 0 10 | ntdb-ingest $now || bail "ingest failed"
sealed=data-2026-05-01.dat
hot=data-2026-05-02.dat
ntdb-query --format lp home | sort >"$TMP/all"
n=$(wc -l <"$TMP/all")
is "$n" 1561 "the samples that were put in"

fresh() {
	rm -rf "$root" "$TMP/out"
	cp -Rp "$good" "$root"
}

# zero FILE FROM LENGTH: in the copy.
zero() {
	dd if=/dev/zero of="$root/home/$1" bs=1 seek="$2" count="$3" \
	    conv=notrunc 2>/dev/null
}

# imported: the output, imported into a new root and exported again, sorted.
imported() {
	rm -rf "$TMP/again"
	run_silent ntdb-ingest -r "$TMP/again" "$TMP/out"
	ntdb-query -r "$TMP/again" --format lp home | sort >"$TMP/got"
}

# saves_all WHAT: 65, and nothing is missing.
saves_all() {
	run_fails 65 ntdb-inspect salvage -q -r "$root" --out "$TMP/out" home
	imported
	same "$TMP/got" "$TMP/all" "$1: everything is saved"
}

# Nothing is damaged.
fresh
run_silent ntdb-inspect salvage -r "$root" --out "$TMP/out" home
sort "$TMP/out" >"$TMP/got"
same "$TMP/got" "$TMP/all" "a sound database: the same as its export"
imported
same "$TMP/got" "$TMP/all" "and so it is when it is imported"
run_ok ntdb-inspect salvage -r "$root" --out - home
same "$OUT" "$TMP/out" "on standard output"
run_fails 73 ntdb-inspect salvage -r "$root" --out "$TMP/out" home
run_fails 64 ntdb-inspect salvage -r "$root" home
run_fails 64 ntdb-inspect salvage -r "$root" --out "$TMP/none"
run_fails 64 ntdb-inspect verify -r "$root" --out "$TMP/none" home
not_ok "misuse makes no file" test -e "$TMP/none"
run_fails 66 ntdb-inspect salvage -r "$root" --out "$TMP/none" away

# What stands at the beginning of files is gone, and files are gone.
fresh
zero home.wal 0 48
saves_all "no log header"
fresh
zero $sealed 0 64
zero $hot 0 64
saves_all "no headers of data files"
fresh
zero home.wal 0 48
zero $sealed 0 64
zero $hot 0 64
saves_all "no headers at all"
fresh
rm "$root/home/catalog.json"
saves_all "no catalog, but a cache"
fresh
printf 'late\n[' >"$root/home/manifest.ini"
printf 'x' >"$root/engine.ini"
run_fails 78 ntdb-inspect salvage -q -r "$root" --out "$TMP/out" home
imported
same "$TMP/got" "$TMP/all" "broken settings: everything is saved"

# A log with one batch cannot be told from what is no log.
fresh
zero home.wal 0 48
python3 - "$root/home/home.wal" <<'END'
import sys
b = open(sys.argv[1], 'rb').read()
at = b.index(b'NTB\n', b.index(b'NTB\n') + 1)
open(sys.argv[1], 'wb').write(b[:at])
END
run_fails 65 ntdb-inspect salvage -q -r "$root" --out "$TMP/out" home
is "$(wc -l <"$TMP/out")" 1500 "one batch without a header is not believed"

# The log is gone: the pages.
fresh
rm "$root/home/home.wal"
run_fails 65 ntdb-inspect salvage -q -r "$root" --out "$TMP/out" home
imported
ntdb-query -r "$good" --format lp -e 2026-05-02T12:33:10 home | sort >"$TMP/want"
same "$TMP/got" "$TMP/want" "no log: all that was flushed"

# Names that are nowhere: comments, which nobody imports unseen.
fresh
rm "$root/home/catalog.json" "$root/home/home.cache"
run_fails 65 ntdb-inspect salvage -r "$root" --out "$TMP/out" home
like "$(cat "$ERR")" "home: 1560 samples of metrics without a name" "told"
is "$(grep -c '^# home/#[123] ' "$TMP/out")" 1560 "as comments"
imported
is "$(cat "$TMP/got")" "home/door 1i 2026-05-03 00:00:00.000000000" \
    "what the log names is imported"
sed -i 's,^# home/#1 ,home/temp ,' "$TMP/out"
imported
is "$(wc -l <"$TMP/got")" 521 "the rest once somebody has named it"

# The cache of another database gives no names.
fresh
rm "$root/home/catalog.json"
sed -i 's/temp/heat/' "$root/home/home.cache"
run_fails 65 ntdb-inspect salvage -q -r "$root" --out "$TMP/out" home
is "$(grep -c '^home' "$TMP/out")" 1 "a cache that is damaged is not believed"

# One page, one batch: all around it.
fresh
python3 - "$root/home/$hot" "$root/home/home.wal" <<'END'
import sys
b = bytearray(open(sys.argv[1], 'rb').read())
b[64 + b[64 + 7]] ^= 3
open(sys.argv[1], 'wb').write(b)
b = bytearray(open(sys.argv[2], 'rb').read())
b[b.index(b'NTB\n') + 20] ^= 3
open(sys.argv[2], 'wb').write(b)
END
ntdb-query -r "$root" --format lp home 2>/dev/null | sort >"$TMP/readable"
run_fails 65 ntdb-inspect salvage -r "$root" --out "$TMP/out" home
like "$(cat "$ERR")" "home/$hot: offset 64: .*\(300 samples\)" "what is lost"
imported
is "$(wc -l <"$TMP/got")" $((n - 300 - 30)) "a page and a batch are missing"
same "$TMP/got" "$TMP/readable" "the rest is what can be read"

# Files that were put aside are read if that is wanted.
mv "$root/home/$sealed" "$root/home/$sealed.stray-0123456789abcdef"
cp "$good/home/home.wal" "$root/home/home.wal.damaged-4"
rm "$TMP/out"
run_fails 65 ntdb-inspect salvage -q -r "$root" --out "$TMP/out" home
is "$(grep -c . "$TMP/out")" $((n - 300 - 30 - 900)) "not what was put aside"
rm "$TMP/out"
run_fails 65 ntdb-inspect salvage -q --aside -r "$root" --out "$TMP/out" home
imported
is "$(wc -l <"$TMP/got")" $((n - 300)) "but if it is wanted"

# A root that cannot be written is enough, and nothing is changed.
fresh
before=$(cd "$root" && find . -type f -exec cksum {} + | sort)
chmod -R a-w "$root"
run_silent ntdb-inspect salvage -r "$root" --out "$TMP/out" home
chmod -R u+w "$root"
is "$(cd "$root" && find . -type f -exec cksum {} + | sort)" "$before" \
    "salvage changes nothing"
done_testing
