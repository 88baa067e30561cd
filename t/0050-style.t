#!/bin/sh
# What can be checked of the style by a script: sizes, calls that a library
# must not make or that depend on the locale, shell scripts.

. "$(dirname "$0")/lib.sh"
cd "$NTDB_SRC" || bail "no $NTDB_SRC"

sources=$(ls lib/*.[ch] bin/*.[ch] t/*.[ch] t/unit/*.c t/fuzz/*.[ch] \
    t/long/*.c t/bench/*.c examples/*.c 2>/dev/null)

# grep_code REGEX FILE...: matches outside comments and strings.
grep_code() {
	regex=$1
	shift
	for file in "$@"; do
		sed -e 's/"\([^"\\]\|\\.\)*"/""/g' -e 's|/\*.*\*/||g' \
		    -e '/\/\*/,/\*\//d' "$file" |
		    grep -n -E -e "$regex" | sed "s|^|$file:|"
	done
}

# shellcheck disable=SC2086 # a list of files
{
long=$(wc -l $sources | awk '$2 != "total" && $1 > 800')
is "$long" "" "no file is longer than 800 lines"

# A function's body is what stands between braces at the left margin.
awk 'FNR == 1 { start = 0 }
/^{/ { start = FNR }
/^}$/ && start {
	print FNR - start - 1, FILENAME ":" start
	start = 0
}' $sources | sort -n >"$TMP/functions"
is "$(awk '$1 > 120' "$TMP/functions")" "" \
    "no function is longer than 120 lines"
grep ' lib/\| bin/' "$TMP/functions" | awk '{ n[NR] = $1 }
    END { print n[int((NR + 1) / 2)] + 0 }' >"$TMP/median"
ok "their median is below 25 lines" test "$(cat "$TMP/median")" -lt 25
diag "the median of $(wc -l <"$TMP/functions") is $(cat "$TMP/median") lines"

is "$(grep -n -E '[[:blank:]]$' $sources)" "" "no blanks at ends of lines"
is "$(grep -n "$(printf '\r')" $sources)" "" "no carriage returns"
wide=$(for file in $sources; do
	expand "$file" | awk -v file="$file" 'length($0) > 100 {
		print file ":" FNR
	}'
done)
is "$wide" "" "no line is longer than 100 columns"
is "$(grep -n '^ \{8\}' $sources)" "" "tabs, not eight blanks, indent"

is "$(grep_code '\<(setlocale|strto(d|f|ld)|atof|localtime(_r)?|ctime)\(' \
    lib/*.c bin/*.c)" "" "nothing depends on the locale or the time zone"
is "$(grep -n -E '%[-+ #0-9.*]*L?[aAeEfFgG]("|[^A-Za-z])' lib/*.c)" \
    "" "the library formats no floats by printf"
is "$(grep_code '\<(printf|vprintf|fprintf|puts|putchar|perror|exit|_exit|abort|signal|sigaction|chdir|umask|system|popen)\(' \
    lib/*.c)" "" "the library does not print, exit or change the process"
is "$(grep_code '\<(gets|strcat|sprintf|vsprintf|alloca|strtok|tmpnam|mktemp)\(' \
    lib/*.c bin/*.c)" "" "no calls that cannot be made safely"
is "$(grep_code '\<PATH_MAX\>|\<__int128\>' lib/*.c bin/*.c |
    grep -v SIZEOF_INT128)" "" "no arrays of PATH_MAX, no __int128"
is "$(grep_code '^(typedef +)?struct .*__attribute__.*packed' lib/*.[ch])" "" \
    "no packed structures"
}

scripts=$(grep -l '^#!/bin/sh' bootstrap .ci/run t/*.t t/long/* t/bench/* \
    examples/* 2>/dev/null)
for script in $scripts t/lib.sh; do
	if command -v shellcheck >/dev/null 2>&1; then
		ok "shellcheck $script" shellcheck -S warning -e SC1091 "$script"
	else
		skip "no shellcheck"
	fi
	ok "$script is executable, as what is run must be" \
	    test -x "$script" -o "$script" = t/lib.sh
done
done_testing
