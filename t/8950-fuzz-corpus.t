#!/bin/sh
# Fuzz targets run the inputs that searches have kept (t/fuzz), built as the
# programs are.
#
# Guards no law.

. "$(dirname "$0")/lib.sh"
need python3 make
export PYTHONDONTWRITEBYTECODE=1
fuzz=$NTDB_SRC/t/fuzz

unset MAKEFLAGS MFLAGS MAKELEVEL
run make -s -C "$NTDB_BUILD" fuzz-targets || bail "the targets do not build"

targets=$(cd "$fuzz" && grep -l '^LLVMFuzzerTestOneInput(' ./*.c |
    sed 's|^\./\(.*\)\.c$|\1|' | sort)
is "$(cd "$fuzz/corpus" && ls)" "$targets" "each target has a corpus"
is "$(sed -n '/^#/!s/ .*//p' "$fuzz/files")" "$targets" \
    "each target says which files it is for"

for target in $targets; do
	run python3 "$fuzz/corpus.py" unpack "$fuzz/corpus/$target" \
	    "$TMP/$target" || show
	ok "$target" "$NTDB_BUILD/t/fuzz/$target" "$TMP/$target"
	is "$(cat "$OUT")" "$(find "$TMP/$target" -type f | wc -l) inputs" \
	    "$target: all of them"
done

# Text and files are the same inputs.
run python3 "$fuzz/corpus.py" pack "$TMP/log"
same "$OUT" "$fuzz/corpus/log" "packing gives the text again"
run_fails 66 "$NTDB_BUILD/t/fuzz/line" "$TMP/nothing"
run_fails 66 "$NTDB_BUILD/t/fuzz/line"
done_testing
