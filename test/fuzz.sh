#!/usr/bin/env bash
# fuzz.sh [TARGET] [SECONDS] - fuzz targets of test/fuzz (text, binary, request; default: all): replay the committed
# corpus, then search for SECONDS (default 0) each. Findings are left in build/fuzz; each becomes a file of the corpus.
# Needs clang with its sanitizers, and the server's library for clients; built with address and undefined-behaviour checks.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
targets=$(cd test/fuzz && ls -- *_fuzz.c | sed 's/_fuzz\.c$//')
case ${1:-} in '' | [0-9]*) ;; *) targets=$1; shift ;; esac
seconds=${1:-0}
test/prepare.sh clang
owner_instead "$PWD/test/fuzz.sh" $( [ "$(wc -w <<< "$targets")" != 1 ] || echo "$targets") "$seconds"

out=$PWD/build/fuzz
mkdir -p "$out"
libdir=$("$pg_config" --libdir)
[ -f "$libdir/libpgcommon.a" ] || libdir=$("$pg_config" --pkglibdir)
sources() {
	case $1 in
		text) echo src/lineage/lineage_format.c ;;
		binary) echo src/lineage/lineage_{io,format}.c src/common/vxp_error.c test/fuzz/server.c ;;
		request) echo src/dql/dql_{json,parse,parse_value,request,write_parse,relate,ops,print_filter,time,pattern,manual}.c src/common/vxp_error.c test/fuzz/server.c ;;
	esac
}
rc=0
all=0
for target in $targets; do
	clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -fno-sanitize=function -fwrapv -fno-strict-aliasing -w \
		-D_GNU_SOURCE -Isrc -I"$("$pg_config" --includedir-server)" $(sources "$target") "test/fuzz/${target}_fuzz.c" \
		-L"$libdir" -lpgcommon -lpgport -lm -Wl,--allow-multiple-definition \
		-o "$out/$target" || { echo "$target: does not build"; rc=1; continue; }
	found=$(ls test/fuzz/corpus/"$target" | wc -l)
	if "$out/$target" -rss_limit_mb=4096 test/fuzz/corpus/"$target"/* > "$out/$target.log" 2>&1; then all=$((all + found)); echo "fuzz $target: $found inputs replayed, no finding"
	else tail -n 40 "$out/$target.log"; echo "fuzz $target: FINDING in the corpus"; rc=1; continue; fi
	[ "$seconds" != 0 ] || continue
	mkdir -p "$out/$target.new"
	dictionary=
	[ ! -f "test/fuzz/$target.dict" ] || dictionary=-dict=test/fuzz/$target.dict
	if nice "$out/$target" -max_total_time="$seconds" -max_len=4096 -rss_limit_mb=4096 -timeout=20 -artifact_prefix="$out/$target-" $dictionary \
		"$out/$target.new" test/fuzz/corpus/"$target" > "$out/$target.log" 2>&1; then
		echo "fuzz $target: $(sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\) second.*/\1 runs in \2 seconds/p' "$out/$target.log"), no finding"
	else tail -n 40 "$out/$target.log"; echo "fuzz $target: FINDING"; rc=1; fi
done
if [ $rc = 0 ]; then echo "counts: $all 0 0"; else echo "counts: $all 1 0"; fi
exit $rc
