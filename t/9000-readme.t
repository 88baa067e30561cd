#!/bin/sh
# README: short, its commands work as they stand, and the files it names are
# there.

. "$(dirname "$0")/lib.sh"
need gzip
readme=$NTDB_SRC/README

ok "README has at most 120 lines" test "$(wc -l <"$readme")" -le 120
for file in $(grep -o -E '(man|examples)/[A-Za-z.-]+[A-Za-z0-9]' "$readme" |
    sort -u); do
	ok "README names $file" test -f "$NTDB_SRC/$file"
done
for command in $(sed -n 's|^ *\./bootstrap \([a-z]*\)$|\1|p' "$readme"); do
	ok "bootstrap has $command" grep -q "^$command)" "$NTDB_SRC/bootstrap"
done

# The commands of the recipes, in their order, in a home of their own; what
# is for cron is run as cron would.
HOME=$TMP/home
export HOME
mkdir "$HOME"
cd "$HOME" || bail "no $HOME"
sed -n '/^Recipes/,/^The manual/s/^    //p' "$readme" |
    sed -e 's/^[*/0-9]* [*] [*] [*] [*] *//' \
    -e "s|/usr/local/share/doc/ntdb|$NTDB_SRC|" >"$TMP/commands"
ok "there are some" test "$(wc -l <"$TMP/commands")" -ge 8
while read -r command; do
	case $command in
	export*)
		eval "$command"
		pass "$command"
		;;
	*)
		run_ok sh -c "$command"
		is "$(cat "$ERR")" "" "nothing on stderr"
		;;
	esac
done <"$TMP/commands"

run ntdb-query home
like "$(cat "$OUT")" '21[.]5 +home/kitchen[.]temp$' "the reading is stored"
cp "$OUT" "$TMP/first"
run ntdb-query -r "$HOME/restored" home
same "$OUT" "$TMP/first" "and restored from its backup"
done_testing
