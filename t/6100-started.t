#!/bin/sh
# The same requests give the same answers however ntdb-httpd is started: on a
# pipe, by inetd, socat, systemd, stunnel, by web servers through CGI, and on its
# own.  What starts it comes from examples/.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
PATH=$PATH:/usr/sbin:/sbin
exec python3 "$NTDB_SRC/t/http_started.py"
