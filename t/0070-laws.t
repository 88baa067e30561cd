#!/bin/sh
# Each law of HACKING is named by a test that guards it, and each test of what
# is kept by laws names those that it guards, or says that it guards none.

. "$(dirname "$0")/lib.sh"
cd "$NTDB_SRC" || bail "no $NTDB_SRC"

laws=$(sed -n '/^The laws/,/^How to/s/^ *\([0-9][0-9]*\)\. .*/\1/p' HACKING)
count=$(echo "$laws" | wc -l)
is "$laws" "$(seq "$count")" "laws are numbered from 1 on"
ok "there are some" test "$count" -gt 25

# named FILE...: the numbers that follow `law' or `laws' in comments, with
# nothing between them but commas and `and'.
named() {
	grep -h '^ *\(#\|\*\|/\*\)' "$@" | sed 's|^ *[#*/ ]*||' | tr '\n' ' ' |
	    grep -o -i -E '\<laws? [0-9]+((,| and|, and) [0-9]+)*' |
	    grep -o '[0-9]*' | sort -nu
}

# heading FILE: the comment that it begins with.
heading() {
	awk 'NR > 1 && !/^#/ { exit } NR > 1' "$1"
}

for test in t/3*.t t/5*.t t/8*.t; do
	heading "$test" >"$TMP/heading"
	if grep -q -i '^# guards no law\.$' "$TMP/heading"; then
		pass "$test says that it guards none"
	else
		ok "$test names what it guards" \
		    test -n "$(named "$TMP/heading")"
	fi
done

named t/*.t t/*.py t/unit/*.c >"$TMP/named"
is "$(echo "$laws" | grep -v -x -F -f "$TMP/named")" "" \
    "each law is named by a test"
is "$(echo "$laws" | grep -v -x -F -f - "$TMP/named")" "" \
    "each that is named is one"

# The mutations that take guards out fit the sources as they are now.
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=t python3 - >"$TMP/unfit" <<'EOF'
import mutate

for path in "t/mutations/guards", "t/mutations/values":
    for m in mutate.read(path):
        for why in mutate.unfit(".", m):
            print("%s: %s" % (m.name, why))
EOF
is "$(cat "$TMP/unfit")" "" "mutations fit the sources"
done_testing
