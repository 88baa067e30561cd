#!/bin/sh
# The floors of lib/.  A header says its floor in its first comment; a source
# file has the floor of the header it implements: the one of its own name,
# else that of the part of its name before a hyphen, else the highest of those
# that declare what it defines.  A file includes its own floor and lower ones;
# third-party headers have homes; programs see ntdb.h alone.

. "$(dirname "$0")/lib.sh"
cd "$NTDB_SRC" || bail "no $NTDB_SRC"

# Third-party headers and who may include them.
homes='
	snappy-c.h lib/compress.c
	zlib.h lib/checksum.c lib/compress.c bin/gzip.c
	ini.h lib/inifile.c
	jansson.h lib/catalog.c bin/api-backfill.c
'

floor() {
	sed -n '1,/\*\//s/.*Floor \([0-5]\)\..*/\1/p' "lib/$1" | head -n 1
}

# defines FILE.c: the functions that others can call.
defines() {
	awk '/^[a-z][a-z0-9_]*\(/ && last !~ /^static/ {
		sub(/\(.*/, "")
		print
	}
	{ last = $0 }' "lib/$1"
}

# header_of FILE.c
header_of() {
	stem=${1%.c}
	while :; do
		if [ -f "lib/$stem.h" ]; then
			echo "$stem.h"
			return
		fi
		case $stem in
		*-*) stem=${stem%-*} ;;
		*) break ;;
		esac
	done
	defines "$1" | sed 's/.*/[ *]&(/' >"$TMP/calls"
	grep -l -f "$TMP/calls" lib/*.h | sed 's|^lib/||' |
	    while read -r header; do
		[ "$header" = ntdb.h ] || echo "$(floor "$header") $header"
	done | sort -n | tail -n 1 | sed 's/^[^ ]* //'
}

includes() {
	sed -n 's/^# *include *"\(.*\)".*/\1/p' "$1"
}

for path in lib/*.h lib/*.c; do
	file=${path#lib/}
	[ "$file" = ntdb.h ] && continue
	case $file in
	*.h) header=$file ;;
	*) header=$(header_of "$file") ;;
	esac
	# What implements ntdb.h itself has no header of its own.
	own=5
	[ -n "$header" ] && own=$(floor "$header")
	if [ -z "$own" ]; then
		fail "$path: lib/$header says its floor"
		continue
	fi
	above=$(includes "$path" | while read -r other; do
		[ "$other" = ntdb.h ] && continue
		level=$(floor "$other" 2>/dev/null)
		[ "${level:-9}" -le "$own" ] || echo "$other"
	done)
	is "$above" "" "$path (floor $own) includes nothing above it"
done

# Sources without a header implement ntdb.h: they define what it declares.
for path in lib/*.c; do
	[ -z "$(header_of "${path#lib/}")" ] || continue
	ok "$path implements a header" grep -q '^ntdb_' "$path"
done

for path in bin/*.c bin/*.h; do
	[ -f "$path" ] || continue
	foreign=$(includes "$path" | while read -r other; do
		[ "$other" = ntdb.h ] || [ -f "bin/$other" ] || echo "$other"
	done)
	is "$foreign" "" "$path includes ntdb.h and headers of bin/ only"
done

strangers=$(grep -H -E '^# *include *<(snappy-c|zlib|ini|jansson)\.h>' \
    lib/*.[ch] bin/*.[ch] 2>/dev/null |
    sed 's/:.*</ /; s/>.*//' | while read -r file header; do
	echo "$homes" | awk -v file="$file" -v header="$header" '
	    $1 == header { for (i = 2; i <= NF; i++) if ($i == file) ok = 1 }
	    END { exit !ok }' || echo "$file: $header"
done)
is "$strangers" "" "third-party headers are included at home only"

if command -v cc >/dev/null 2>&1; then
	CC=$(sed -n 's/^CC = //p' "$NTDB_BUILD/Makefile" 2>/dev/null)
	for path in lib/*.h; do
		echo "#include \"${path#lib/}\"" >"$TMP/alone.c"
		ok "$path stands alone" "${CC:-cc}" -std=gnu11 -D_GNU_SOURCE \
		    -Wall -Wextra -Werror -Ilib -fsyntax-only "$TMP/alone.c"
	done
fi
done_testing
