#!/bin/sh
# The HTTP API as a CGI program, for web servers that have no other way of
# setting a root: the API is below its URL, as in /cgi-bin/ntdb.cgi/api/v1/query.
exec /usr/local/bin/ntdb-httpd -r /var/lib/ntdb
