#!/bin/sh
# The examples that speak HTTP: a client in shell, and a crontab that stores
# pages of Prometheus text.

. "$(dirname "$0")/lib.sh"
need curl python3
cd "$NTDB_SRC/examples" || bail "no examples"
plan 17

mkdir "$TMP/root" "$TMP/www"
printf 'read r-token\nwrite w-token\n' >"$TMP/root/tokens"
chmod 600 "$TMP/root/tokens"
printf '[httpd]\nauth_file = tokens\n' >"$TMP/root/engine.ini"

# serve NAME COMMAND...: in the background; its port, which it tells on stderr,
# is in PORT.
serve() {
	name=$1
	shift
	"$@" >/dev/null 2>"$TMP/$name" </dev/null &
	pids="$! ${pids-}"
	poll 20 grep -q '[0-9]' "$TMP/$name" || bail "$name does not start"
	PORT=$(head -n 1 "$TMP/$name" | sed 's/.*://')
}
# shellcheck disable=SC2086 # a list of processes
trap 'kill $pids; wait; tap_cleanup' 0

serve httpd ntdb-httpd -r "$TMP/root" --listen=127.0.0.1:0 \
    --now 2026-11-01T12:00:00Z
NTDB_URL=http://127.0.0.1:$PORT
NTDB_TOKEN=w-token
export NTDB_URL NTDB_TOKEN

# ---- ntdb-client

echo 'home/kitchen.temp 21.5 2026-11-01 11:59:30' >"$TMP/lines"
ok "lines are written" ./ntdb-client write <"$TMP/lines"
is "$(ntdb-query -r "$TMP/root" -f lp home)" \
    "home/kitchen.temp 21.5 2026-11-01 11:59:30.000000000" "and are there"
run ./ntdb-client last home/kitchen.temp
is "$STATUS $(sed 's/.*"value"://' "$OUT")" '0 [1793534370,"21.5"]}]}}' \
    "the last value"
run ./ntdb-client range home/kitchen.temp 2026-11-01T11:59:00Z 1m
is "$STATUS $(sed 's/.*"values"://' "$OUT")" '0 [[1793534400,"21.5"]]}]}}' \
    "a range"
run ./ntdb-client export home
is "$(cat "$OUT")" "$(ntdb-query -r "$TMP/root" -f lp home)" "an export"
run_fails 65 ./ntdb-client last '{'
like "$(cat "$ERR")" '^ntdb-client: 400: .*bad_data' "what is wrong is told"
run_fails 65 sh -c 'echo home/kitchen.temp | ./ntdb-client write'
like "$(cat "$ERR")" '^ntdb-client: 400: .*1 of 1 lines refused' \
    "so is what was not stored"
NTDB_TOKEN=r-token run_fails 65 sh -c 'echo home/x 1 | ./ntdb-client write'
like "$(cat "$ERR")" '^ntdb-client: 403: ' "a token for reading"
NTDB_TOKEN='' run_fails 65 ./ntdb-client export home
like "$(cat "$ERR")" '^ntdb-client: 401: ' "no token"
NTDB_URL=http://127.0.0.1:1 run_fails 69 ./ntdb-client export home
run_fails 64 ./ntdb-client

# ---- crontab.node

cat >"$TMP/www/metrics" <<'END'
# HELP node_load1 1m load average.
# TYPE node_load1 gauge
node_load1 0.25
node_cpu_seconds_total{cpu="0",mode="idle"} 12345.67
END
rm "$TMP/root/engine.ini"
# The server is to read that anew.
kill -HUP "${pids%% *}"
serve page python3 -u -c '
import http.server, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args):
        super().__init__(*args, directory=sys.argv[1])
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, file=sys.stderr, flush=True)
server.serve_forever()
' "$TMP/www"
PAGE=http://127.0.0.1:$PORT/metrics NTDB=$NTDB_URL
export PAGE NTDB
command=$(sed -n 's/^\* \* \* \* \* *//p' crontab.node)
run_silent sh -c "$command"
is "$(ntdb-query -r "$TMP/root" -f lp node)" \
    'node/node_cpu_seconds_total{cpu="0",mode="idle"} 12345.67 2026-11-01 12:00:00.000000000
node/node_load1 0.25 2026-11-01 12:00:00.000000000' "the page is stored"
