#!/usr/bin/env bash
# caches.sh - caches.sql on a server with assertions, once as it is and once with debug_discard_caches = 1, where every place
# that may receive an invalidation message behaves as if all caches were void: what a function holds on to across such a
# place is freed memory. The two outputs must be equal. Run through assert.sh asserts.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${VXP_TMP:?run test/assert.sh asserts test/caches.sh}"
for mode in ${CACHES_MODES:-0 1}; do
	createdb --template=template0 "caches_$mode"
	psql -Xq -d "caches_$mode" -c 'CREATE EXTENSION vxp_query'
	PGOPTIONS="-c debug_discard_caches=$mode" psql -Xaq -d "caches_$mode" -f test/caches.sql > "$VXP_TMP/caches_$mode.out" 2>&1
	dropdb "caches_$mode"
done
mkdir -p "$VXP_TMP/results"
cp "$VXP_TMP"/caches_?.out "$VXP_TMP/results/"
# the statements that are meant to fail, and no other
failed=$(grep -c 'ERROR:' "$VXP_TMP/caches_0.out" || true)
wanted=$(grep -c -- '-- refused$' test/caches.sql)
statements=$(grep -cE ';$' test/caches.sql)
if [ "$failed" != "$wanted" ]; then
	grep -B 3 -A 3 'ERROR:' "$VXP_TMP/caches_0.out"
	echo "error: $failed statements failed, not $wanted" >&2
	exit 1
fi
if ! diff "$VXP_TMP/caches_0.out" "$VXP_TMP/caches_1.out"; then
	echo "counts: 0 1 0"
	echo "error: the answers differ (see above)" >&2
	exit 1
fi
echo "counts: $statements 0 0"
