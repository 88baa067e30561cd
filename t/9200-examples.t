#!/bin/sh
# The examples work as a user would have them: embed.c is built against the
# installed library with pkg-config alone, and export.sh makes what restores the
# databases.

. "$(dirname "$0")/lib.sh"
CC=${CC:-cc}
need make pkg-config "$CC" gzip
grep -q -e '-fsanitize' "$NTDB_BUILD/config.status" &&
    skip_all "a library with sanitizers needs programs with them"
plan 11

# The build that runs this test must not steer the one inside it.
unset MAKEFLAGS MFLAGS MAKELEVEL
run_ok make -s -C "$NTDB_BUILD" install DESTDIR="$TMP/inst"
PC=$(find "$TMP/inst" -name ntdb.pc)
PKG_CONFIG_PATH=$(dirname "$PC")
PKG_CONFIG_SYSROOT_DIR=$TMP/inst
LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH")
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR LD_LIBRARY_PATH

# shellcheck disable=SC2046 # the flags are words
run_silent "$CC" -std=c11 -Wall -Wextra -Werror -o "$TMP/embed" \
    "$NTDB_SRC/examples/embed.c" $(pkg-config --cflags --libs ntdb)

# Quarters of the hour, worked by hand: the level rises from 20 by 0.5 each
# minute for 30 minutes and falls again; the pump starts every 7 minutes.
cat >"$TMP/rows" <<'END'
2026-05-01T12:00:00.000000000Z pump.starts avg 0.6
2026-05-01T12:00:00.000000000Z pump.starts max 2
2026-05-01T12:15:00.000000000Z pump.starts avg 2.7333333333333334
2026-05-01T12:15:00.000000000Z pump.starts max 4
2026-05-01T12:30:00.000000000Z pump.starts avg 4.866666666666666
2026-05-01T12:30:00.000000000Z pump.starts max 6
2026-05-01T12:45:00.000000000Z pump.starts avg 7
2026-05-01T12:45:00.000000000Z pump.starts max 8
2026-05-01T12:00:00.000000000Z tank.level avg 23.5
2026-05-01T12:00:00.000000000Z tank.level max 27
2026-05-01T12:15:00.000000000Z tank.level avg 31
2026-05-01T12:15:00.000000000Z tank.level max 34.5
2026-05-01T12:30:00.000000000Z tank.level avg 31.5
2026-05-01T12:30:00.000000000Z tank.level max 35
2026-05-01T12:45:00.000000000Z tank.level avg 24
2026-05-01T12:45:00.000000000Z tank.level max 27.5
END
{ echo "stored 120, duplicates 0, refused 1"; cat "$TMP/rows"; } >"$TMP/first"
{ echo "stored 0, duplicates 120, refused 1"; cat "$TMP/rows"; } >"$TMP/again"
run_ok "$TMP/embed" "$TMP/root"
same "$OUT" "$TMP/first" "embed prints what it should"
is "$(sed 's/: .*: type/: type/' "$ERR" | cut -c 1-12)" "embed: type " \
    "and tells of the refused sample"
run_ok "$TMP/embed" "$TMP/root"
same "$OUT" "$TMP/again" "a second time everything is a duplicate"
run_fails 64 "$TMP/embed"

# A backup restores to the same.
echo 'other/a 1i 2026-05-01' | ntdb-ingest -r "$TMP/root"
mkdir "$TMP/backup"
run_silent "$NTDB_SRC/examples/export.sh" "$TMP/root" "$TMP/backup"
gzip -dc "$TMP/backup/"*.lp.gz | ntdb-ingest -r "$TMP/restored"
ntdb-query -r "$TMP/root" -f csv -s 2026-01-01 embed other >"$TMP/want"
run ntdb-query -r "$TMP/restored" -f csv -s 2026-01-01 embed other
same "$OUT" "$TMP/want" "what export.sh saves restores the databases"
is "$(wc -l <"$TMP/want")" 122 "all of them"
