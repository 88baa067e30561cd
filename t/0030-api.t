#!/bin/sh
# The interface: the shared library exports what ntdb.h declares, the header
# stands alone in C and C++, and a program builds from what is installed.

. "$(dirname "$0")/lib.sh"
need make cc nm pkg-config
plan 11

unset MAKEFLAGS MFLAGS MAKELEVEL
CC=$(sed -n 's/^CC = //p' "$NTDB_BUILD/Makefile")
FLAGS=
grep -q '^NTDB_LDFLAGS =.*-fsanitize' "$NTDB_BUILD/Makefile" &&
    FLAGS=-fsanitize=address,undefined
strict="-Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wconversion
    -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wpedantic -Werror"
cd "$TMP" || bail "no $TMP"
cp "$NTDB_SRC/lib/ntdb.h" .

# shellcheck disable=SC2086 # lists of words
compile() {
	echo '#include <ntdb.h>' >"alone.$1"
	shift
	run_ok $CC -I. $strict -fsyntax-only "$@"
}
compile c -std=c11 alone.c
compile c -std=c17 alone.c
if command -v g++ >/dev/null 2>&1; then
	cp alone.c alone.cc
	run_ok g++ -I. -Wall -Wextra -Wconversion -Werror -std=c++11 \
	    -fsyntax-only alone.cc
else
	skip "no C++ compiler"
fi

# Prototypes are what is declared and not inline.
$CC -E -P -I. alone.c | tr '\n' ' ' |
    sed 's/static inline [^{]*{[^}]*}//g' | tr ';{}' '\n\n\n' |
    sed -n 's/^[^(]*[ *]\(ntdb_[a-z0-9_]*\) *(.*/\1/p' | sort -u >declared
lib=$NTDB_BUILD/.libs/libntdb.so
nm -D --defined-only "$lib" | awk '$2 ~ /^[TDBRVWi]$/ { print $3 }' |
    sed 's/@.*//' | sort -u >exported
ok "ntdb.h declares functions" test "$(wc -l <declared)" -gt 20
same exported declared "what is exported is what is declared"
is "$(nm -D "$lib" | grep -w -E 'exit|abort|printf|puts|setlocale|signal' |
    sed 's/@.*//')" "" "the library does not print, exit or catch signals"

run_ok make -s -C "$NTDB_BUILD" install DESTDIR="$TMP/root"
PKG_CONFIG_SYSROOT_DIR=$TMP/root
PKG_CONFIG_PATH=$(dirname "$(find "$TMP/root" -name ntdb.pc)")
export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_PATH
is "$(pkg-config --modversion ntdb)" \
    "$(sed -n 's/^#define NTDB_VERSION "\(.*\)"$/\1/p' ntdb.h)" \
    "ntdb.pc has the header's version"
# shellcheck disable=SC2046,SC2086 # words
run_ok $CC $FLAGS -std=c11 -o embed "$NTDB_SRC/examples/embed.c" \
    $(pkg-config --cflags --libs ntdb)
LD_LIBRARY_PATH=$TMP/root$(unset PKG_CONFIG_SYSROOT_DIR
    pkg-config --variable=libdir ntdb)
export LD_LIBRARY_PATH
run_ok ./embed "$TMP/data"
like "$(cat "$OUT")" '^stored 120, duplicates 0, refused 1$' \
    "and that stores what it should"
