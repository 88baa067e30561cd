#!/bin/sh
# CGI/1.1 as RFC 3875 has it, and descriptors as inetd gives them.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
exec python3 "$NTDB_SRC/t/http_cgi.py"
