#!/bin/sh
# Makefile.am names every file that is there and none that is not, and what
# make install puts somewhere make uninstall takes away.

. "$(dirname "$0")/lib.sh"
need make
plan 10

# The build that runs this test must not steer the ones inside it.
unset MAKEFLAGS MFLAGS MAKELEVEL
cd "$NTDB_SRC" || bail "no $NTDB_SRC"

# listed FILE...: those that Makefile.am does not name as words.
tr -s ' \t\\' '\n' <Makefile.am >"$TMP/words"
unlisted() {
	for file in "$@"; do
		[ -e "$file" ] || continue
		grep -q -x -F -e "$file" "$TMP/words" || echo "$file"
	done
}
tests() {
	for file in t/unit/*.t.c; do
		[ -e "$file" ] && unlisted_name=${file%.c} &&
		    { grep -q -x -F -e "$unlisted_name" "$TMP/words" ||
		    echo "$file"; }
	done
}
is "$(unlisted lib/*.c lib/*.h)" "" "the library's sources are listed"
is "$(unlisted bin/*.c bin/*.h)" "" "the programs' sources are listed"
is "$(unlisted man/*.[1-8] examples/*)" "" "manual and examples are listed"
is "$(unlisted t/*.t t/*.py t/long/* t/bench/*; tests)" "" \
    "the tests are listed"
gone=$(grep -E '^(lib|bin|man|t|examples)/.*\.(c|h|[1-8]|t|py)$' \
    "$TMP/words" | while read -r file; do
	[ -e "$file" ] || [ -e "$file.c" ] || echo "$file"
done)
is "$gone" "" "no file is listed that is not there"

run_ok make -s -C "$NTDB_BUILD" install DESTDIR="$TMP/root"
find "$TMP/root" ! -type d | sed 's|.*/||' | sort >"$TMP/installed"
want=$(for file in bin/ntdb-*.c; do
	[ -x "$NTDB_BUILD/${file%.c}" ] && basename "$file" .c
done
for file in man/*.[1-8] examples/*; do
	basename "$file"
done
printf '%s\n' ntdb.h ntdb.pc)
is "$(echo "$want" | grep -v -x -F -f "$TMP/installed")" "" \
    "programs, manual, examples, header and ntdb.pc are installed"
is "$(grep -E '\.h$' "$TMP/installed")" ntdb.h "one header is installed"
run_ok make -s -C "$NTDB_BUILD" uninstall DESTDIR="$TMP/root"
is "$(find "$TMP/root" ! -type d)" "" "uninstall leaves nothing"
