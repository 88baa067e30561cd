#!/bin/sh
# examples/crontab and the systemd units: their syntax, as an independent
# reader has it, and that what they start runs and says nothing.

. "$(dirname "$0")/lib.sh"
need python3 flock
plan 15
cd "$NTDB_SRC/examples" || bail "no examples"
NTDB_ROOT=$TMP/root
export NTDB_ROOT

# The entries of a crontab as crontab(5) has them: five fields, each a list of
# numbers, ranges or *, with a step or without, within bounds; `%' would end
# the command.
cat >"$TMP/cron.py" <<'END'
import re
import sys

BOUNDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]
FIELD = re.compile(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?\Z")


def field_ok(text, low, high):
    for part in text.split(","):
        m = FIELD.match(part)
        if m is None:
            return False
        first, last, step = (x and int(x) for x in m.groups())
        if first is not None and not low <= first <= (
                high if last is None else last) <= high:
            return False
        if step is not None and (step < 1 or first is not None and
                                 last is None):
            return False
    return True


for number, line in enumerate(sys.stdin, 1):
    line = line.strip()
    if not line or line.startswith("#"):
        continue
    if re.match(r"[A-Za-z_]\w*\s*=", line):
        name, value = line.split("=", 1)
        if "$" in value:
            sys.exit("line %d: cron expands nothing here" % number)
        print("set", name)
        continue
    words = line.split(None, 5)
    if len(words) < 6 or not all(field_ok(w, *b)
                                 for w, b in zip(words, BOUNDS)):
        sys.exit("line %d: not an entry" % number)
    if "%" in words[5]:
        sys.exit("line %d: %% ends the command" % number)
    print("run", words[5])
END
run_ok python3 "$TMP/cron.py" <./crontab
grep '^run ' "$OUT" | sed 's/^run //' >"$TMP/commands"
is "$(sed -n 's/^set //p' "$OUT" | tr '\n' ' ')" \
    "PATH NTDB_ROOT EXAMPLES BACKUPS " "what it sets is set below"
for wrong in '* * * * echo' '60 * * * * true' '*/0 * * * * true' \
    '0 24 * * * true' '0 4 * * 1 date +%s'; do
	echo "$wrong" | python3 "$TMP/cron.py" >/dev/null 2>&1 &&
	    bail "the reader takes: $wrong"
done

EXAMPLES=$PWD BACKUPS=$TMP/backups
export EXAMPLES BACKUPS
mkdir "$BACKUPS"
while read -r command; do
	run_silent sh -c "$command"
done <"$TMP/commands"
is "$(ntdb-query -r "$BACKUPS"/2* -f csv host/load.1m | wc -l)" 2 \
    "what was collected is in the backup"

# The units, with the programs of this build.  (ntdb-httpd has a socket.)
mkdir "$TMP/units"
for file in *.service *.timer *.socket; do
	sed "s|/usr/local/bin|$NTDB_BUILD/bin|" "$file" >"$TMP/units/$file"
done
for file in *.service; do
	unit=${file%.service}
	unit=${unit%@}
	is "$(sed -n 's|^ExecStart=/usr/local/bin/||p' "$file")" \
	    "$unit" "$file starts what it is named after"
	[ -e "$unit.timer" ] || [ -e "$unit.socket" ] ||
	    fail "$file has a timer or a socket"
done
if command -v systemd-analyze >/dev/null 2>&1; then
	run_silent systemd-analyze verify --man=no "$TMP"/units/*.service \
	    "$TMP"/units/*.timer "$TMP"/units/*.socket
	run_ok systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' \
	    ntdb-flush.timer)" "$(sed -n 's/^OnCalendar=//p' \
	    ntdb-rollup.timer)"
else
	skip "no systemd-analyze" 2
fi

# What the programs ask of the kernel is in the set that the units allow.
if command -v systemd-analyze >/dev/null 2>&1 &&
    command -v strace >/dev/null 2>&1 &&
    strace -o "$TMP/trace" true 2>/dev/null; then
	systemd-analyze syscall-filter >"$TMP/sets"
	printf '%s\r\n' 'POST /api/v1/import HTTP/1.1' 'Host: h' \
	    'Content-Length: 10' '' 'host/new 1' >"$TMP/request"
	for program in ntdb-flush ntdb-rollup ntdb-httpd; do
		arg=
		[ "$program" = ntdb-flush ] && arg=--seal
		strace -f -o "$TMP/trace" "$NTDB_BUILD/bin/$program" $arg \
		    <"$TMP/request" >"$TMP/answer"
		run python3 - "$TMP/sets" "$TMP/trace" <<'END'
import re
import sys

sets, name = {}, None
for line in open(sys.argv[1]):
    word = line.strip()
    if line.startswith("@"):
        name = word
        sets[name] = []
    elif name and word and not word.startswith("#"):
        sets[name].append(word)


def members(name):
    for word in sets[name]:
        yield from members(word) if word.startswith("@") else [word]


allowed = set(members("@system-service"))
used = {m.group(1) for m in (re.match(r"\d* *(\w+)\(", line)
                             for line in open(sys.argv[2])) if m}
print(len(used) > 10, *sorted(used - allowed))
END
		is "$(cat "$OUT" "$ERR")" True "$program needs nothing else"
	done
else
	skip "no systemd-analyze and strace" 3
fi
