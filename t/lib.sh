# What the shell tests share; read it with `. "$(dirname "$0")/lib.sh"'.
# t/README says how to write a test.
# shellcheck shell=sh

# Where the sources are and where the programs were built.
NTDB_SRC=${NTDB_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
if [ -z "${NTDB_BUILD-}" ]; then
	for NTDB_BUILD in "$PWD" "$NTDB_SRC" "$NTDB_SRC/build"; do
		[ -x "$NTDB_BUILD/bin/ntdb-ingest" ] && break
	done
fi
PATH=$NTDB_BUILD/bin:$PATH
LC_ALL=C
ASAN_OPTIONS=${ASAN_OPTIONS-abort_on_error=1}
UBSAN_OPTIONS=${UBSAN_OPTIONS-abort_on_error=1:print_stacktrace=1}
export NTDB_SRC NTDB_BUILD PATH LC_ALL ASAN_OPTIONS UBSAN_OPTIONS
unset NTDB_ROOT

# TMP goes when the test ends.  The number of results is kept in a file, so
# that a result given in a pipeline counts too.
TMP=$(mktemp -d "${TMPDIR:-/tmp}/ntdb-test.XXXXXX") || exit 255
tap_cleanup() {
	tap_status=$?
	chmod -R u+rwx "$TMP" 2>/dev/null
	rm -rf "$TMP"
	exit $tap_status
}
trap tap_cleanup 0
trap 'exit 129' 1
trap 'exit 130' 2
trap 'exit 143' 15
OUT=$TMP/.out
ERR=$TMP/.err
STATUS=0
echo 0 >"$TMP/.count"

# plan N: that many results will come.
plan() {
	echo "1..$1"
}

# done_testing: the plan, at the end, where it is not known before.
done_testing() {
	read -r tap_n <"$TMP/.count"
	echo "1..$tap_n"
}

# skip_all REASON: nothing can be tested here.
skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

# need PROGRAM...: skip the whole test if one is missing.
need() {
	for tap_program in "$@"; do
		command -v "$tap_program" >/dev/null 2>&1 ||
		    skip_all "no $tap_program"
	done
}

# bail REASON: the test cannot go on.
bail() {
	echo "Bail out! $*"
	exit 255
}

# diag TEXT...: a remark.
diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

# tap_result ok|"not ok" NAME
tap_result() {
	read -r tap_n <"$TMP/.count"
	tap_n=$((tap_n + 1))
	echo "$tap_n" >"$TMP/.count"
	tap_name=$(printf '%.200s' "$2" | tr '#\n' '_ ')
	printf '%s %d - %s\n' "$1" "$tap_n" "$tap_name"
}

pass() {
	tap_result "ok" "$*"
}

fail() {
	tap_result "not ok" "$*"
	return 1
}

# skip REASON [N]: count one result, or N, as skipped.
skip() {
	tap_left=${2:-1}
	while [ "$tap_left" -gt 0 ]; do
		read -r tap_n <"$TMP/.count"
		tap_n=$((tap_n + 1))
		echo "$tap_n" >"$TMP/.count"
		echo "ok $tap_n # SKIP $1"
		tap_left=$((tap_left - 1))
	done
}

# run COMMAND...: its output goes to the files OUT and ERR, its status to
# STATUS.  Fails if it crashed: by a signal, with a sanitizer's report, or
# because it could not be started.
run() {
	STATUS=0
	"$@" >"$OUT" 2>"$ERR" || STATUS=$?
	[ "$STATUS" -lt 126 ] || return 1
	! grep -q -e 'ERROR: [A-Za-z]*Sanitizer' -e ': runtime error: ' "$ERR"
}

# show: what the last command said, as remarks.
show() {
	diag "status $STATUS"
	sed 's/^/# out: /; 20q' "$OUT"
	sed 's/^/# err: /; 40q' "$ERR"
}

# run_ok COMMAND...: it ends with 0.
run_ok() {
	if run "$@" && [ "$STATUS" -eq 0 ]; then
		pass "$*"
	else
		fail "$*"
		show
		return 1
	fi
}

# run_silent COMMAND...: it ends with 0 and says nothing.
run_silent() {
	if run "$@" && [ "$STATUS" -eq 0 ] && ! [ -s "$OUT" ] &&
	    ! [ -s "$ERR" ]; then
		pass "$* (silently)"
	else
		fail "$* (silently)"
		show
		return 1
	fi
}

# run_fails STATUS COMMAND...: it ends with just that status.
run_fails() {
	tap_want=$1
	shift
	if run "$@" && [ "$STATUS" -eq "$tap_want" ]; then
		pass "$tap_want: $*"
	else
		fail "$tap_want: $*"
		show
		return 1
	fi
}

# ok NAME COMMAND...: it succeeds.
ok() {
	tap_title=$1
	shift
	if run "$@" && [ "$STATUS" -eq 0 ]; then
		pass "$tap_title"
	else
		fail "$tap_title"
		show
		return 1
	fi
}

# not_ok NAME COMMAND...: it fails, without crashing.
not_ok() {
	tap_title=$1
	shift
	if run "$@" && [ "$STATUS" -ne 0 ]; then
		pass "$tap_title"
	else
		fail "$tap_title"
		show
		return 1
	fi
}

# is GOT WANT NAME
is() {
	if [ "$1" = "$2" ]; then
		pass "$3"
	else
		fail "$3"
		printf '%s\n' "$1" | sed 's/^/#  got: /; 20q'
		printf '%s\n' "$2" | sed 's/^/# want: /; 20q'
		return 1
	fi
}

# like TEXT REGEX NAME: a line of the text matches the extended regex.
like() {
	if printf '%s\n' "$1" | grep -E -q -e "$2"; then
		pass "$3"
	else
		fail "$3"
		printf '%s\n' "$1" | sed 's/^/#  got: /; 20q'
		diag "want: /$2/"
		return 1
	fi
}

# same FILE1 FILE2 NAME: got and wanted contents.
same() {
	if cmp -s "$1" "$2"; then
		pass "$3"
	else
		fail "$3"
		diff "$1" "$2" 2>&1 | sed 's/^/# /; 20q'
		return 1
	fi
}

# poll SECONDS COMMAND...: until it succeeds; fails if it never does.
poll() {
	tap_tries=$(($1 * 20))
	shift
	until "$@" >/dev/null 2>&1; do
		tap_tries=$((tap_tries - 1))
		[ "$tap_tries" -gt 0 ] || return 1
		sleep 0.05
	done
}
