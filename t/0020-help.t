#!/bin/sh
# Each program's help against its manual page: the same options, with and
# without arguments, in the synopsis and in the description.  What all
# programs have in common is described in ntdb(7).

. "$(dirname "$0")/lib.sh"
cd "$NTDB_SRC" || bail "no $NTDB_SRC"

# Options as words: `-s', `--start', with `=' if they take an argument.

# help_options: from the help, where they begin a line.
help_options() {
	awk '/^ +(-[A-Za-z]|--[a-z-]+)/ {
		$0 = substr($0, 1, 25)	# the words beside it begin there
		n = 0
		for (i = 1; i <= NF && $i ~ /^-/; i++) {
			word = $i
			sub(/,$/, "", word)
			may = sub(/\[=[A-Z]+\]$/, "", word)
			words[n++] = word
		}
		arg = may || $i ~ /^[A-Z]+$/ ? "=" : ""
		for (i = 0; i < n; i++)
			print words[i] arg
	}' "$1" | sort
}

# listed_options: from the `.It Fl s , -start Ar TIME' of a page.
listed_options() {
	sed -n 's/^\.It Fl //p' "$1" | awk '{
		arg = $0 ~ / (Ar|Cm) / ? "=" : ""
		sub(/ (Ns|Ar|Cm) .*/, "")
		for (i = 1; i <= NF; i++)
			if ($i != "," && $i != "Fl")
				print "-" $i arg
	}' | sort
}

# synopsis_options: from the `.Op Fl s Ar TIME' there, or without `Op'.
synopsis_options() {
	sed -n '/^\.Sh SYN/,/^\.Sh DESC/s/^\.\(Op \)\{0,1\}Fl //p' "$1" | awk '{
		arg = $0 ~ / (Ar|Cm) / ? "=" : ""
		if ($1 ~ /^-/ || length($1) == 1)
			print "-" $1 arg
		else
			for (i = 1; i <= length($1); i++)
				print "-" substr($1, i, 1)
	}' | sort
}

programs=
for source in bin/ntdb-*.c; do
	program=$(basename "$source" .c)
	[ -x "$NTDB_BUILD/bin/$program" ] && programs="$programs $program"
done

listed_options man/ntdb.7 >"$TMP/common"
for program in $programs; do
	page=man/$program.1
	if ! [ -f "$page" ]; then
		fail "$page is there"
		continue
	fi
	run_ok "$program" --help
	cp "$OUT" "$TMP/help"
	is "$(cat "$ERR")" "" "$program: nothing on stderr"
	like "$(head -n 1 "$TMP/help")" "^Usage: $program " "and its usage"
	is "$(wc -L <"$TMP/help" | awk '{ print $1 <= 80 }')" 1 \
	    "no line of it is too long"
	run_ok "$program" -h
	same "$OUT" "$TMP/help" "-h is --help"

	help_options "$TMP/help" >"$TMP/got"
	listed_options "$page" | sort -u - "$TMP/common" >"$TMP/want"
	same "$TMP/got" "$TMP/want" "$program: help and manual: options"
	synopsis_options "$page" >"$TMP/synopsis"
	is "$(comm -23 "$TMP/synopsis" "$TMP/got")" "" \
	    "$program: all options of the synopsis are in the help"

	# A long form alone, or a letter, stands for both in the synopsis.
	missing=$(awk '/^ +-/' "$TMP/help" | while read -r first second _; do
		letter=${first%,}
		case $letter in
		-h | -V) continue ;;
		esac
		case $second in --*) ;; *) second=$letter ;; esac
		grep -q -x -e "$letter=\{0,1\}" -e "$second=\{0,1\}" \
		    "$TMP/synopsis" || echo "$letter"
	done)
	is "$missing" "" "$program: all options of the help are in the synopsis"

	run_ok "$program" --version
	version=$(sed -n 's/^#define NTDB_VERSION "\(.*\)"$/\1/p' lib/ntdb.h)
	like "$(cat "$OUT")" "^$program .*$(echo "$version" |
	    sed 's/\./[.]/g')\$" "$program: the version is the header's"
	run_ok "$program" -V
	run_fails 64 "$program" --no-such-option
	is "$(wc -l <"$ERR" | tr -d ' ') $(wc -c <"$OUT" | tr -d ' ')" "1 0" \
	    "misuse is one line on stderr"
	like "$(cat "$ERR")" "^$program: .*no-such-option" "which says what"
done

for page in man/*.[1-8]; do
	if command -v mandoc >/dev/null 2>&1; then
		ok "mandoc -Tlint $page" mandoc -Tlint -W warning "$page"
	else
		skip "no mandoc"
	fi
	for name in $(sed -n 's/^\.Xr \(ntdb[a-z-]*\|libntdb\) \([1-8]\).*/\1.\2/p' \
	    "$page" | sort -u); do
		ok "$page refers to $name" test -f "man/$name"
	done
	case $page in
	*.1)
		for section in EXAMPLES "EXIT STATUS"; do
			ok "$page: $section" grep -q "^\.Sh $section" "$page"
		done
		;;
	esac
done
done_testing
