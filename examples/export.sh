#!/bin/sh
# Write each database of a root to a compressed file of line protocol, which
# any release reads: gzip -dc FILE | ntdb-ingest.  A copy of the files is made
# faster by examples/backup.
# usage: export.sh ROOT DIRECTORY

set -eu
if [ $# -ne 2 ]; then
	echo "usage: export.sh ROOT DIRECTORY" >&2
	exit 64
fi
root=$1 to=$2

for dir in "$root"/*/; do
	db=$(basename "$dir")
	[ -f "$dir/catalog.json" ] || continue
	# A file appears under its name only when it is whole.
	ntdb-query -r "$root" --format lp "$db" > "$to/$db.lp.part"
	gzip -9 -f "$to/$db.lp.part"
	mv "$to/$db.lp.part.gz" "$to/$db.lp.gz"
done
