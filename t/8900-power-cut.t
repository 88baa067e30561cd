#!/bin/sh
# The power fails while programs run: every disk that may be left answers, has
# all that was synced, lost at most what the policy says and nothing from the
# middle, shows nothing twice, under another name or never sent, and verify
# finds nothing that is not so; from there the same input and a flush make it
# complete.  power_disk.py says what may be left.  NTDB_LONG=1: all moments,
# more random disks, more chains of crashes; NTDB_ONLY=WORD,WORD: cases so
# named, and chains, if it is one of the words.
# Guards laws 1, 4, 5, 6, 7, 9, 14, 18, 22, 24 and 27.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"
# What is synced here is not to wait for a disk.
if [ -z "${TMPDIR-}" ] && [ -w /dev/shm ]; then
	rm -rf "$TMP"
	TMP=$(mktemp -d /dev/shm/ntdb-test.XXXXXX) || exit 255
fi
export TMP

python3 - <<'EOT'
import power_suite

power_suite.main()
EOT
