#!/usr/bin/env bash
# check.sh - what "make check" does: install what is missing, build, run every suite on throw-away servers, and the
# regression tests on PostgreSQL 17 in a chroot that is made once. One total at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
test/prepare.sh test
mkdir -p build
out=$(mktemp)
trap 'rm -f "$out"' EXIT
say "building and testing with $("$pg_config" --version)"
rc=0
test/with_server.sh test/run_tests.sh 2>&1 | tee "$out" || rc=$?
count() { sed -nE "s/^([0-9]+) passed, ([0-9]+) failed.*/\\$1/p" "$out" | tail -n 1; }
passed=$(count 1) failed=$(count 2)
skipped=$(sed -nE 's/^[0-9]+ passed, [0-9]+ failed, ([0-9]+) skipped/\1/p' "$out" | tail -n 1)
passed=${passed:-0} failed=${failed:-1} skipped=${skipped:-0}
[ $rc = 0 ] || [ "$failed" != 0 ] || failed=1
lines="PostgreSQL $(pg_major): $passed passed, $failed failed"

if [ "$(pg_major)" != 17 ]; then
	printf '\n== regression on PostgreSQL 17\n'
	rc=0
	test/matrix.sh 17 test/regress.sh 2>&1 | tee "$out" || rc=$?
	ok=$(grep -cE '^ok [0-9]+ ' "$out" || true)
	bad=$(grep -cE '^not ok [0-9]+ ' "$out" || true)
	if [ $rc = 75 ]; then
		# no root, or no archive: said in the closing lines, and no fault of the code
		skipped=$((skipped + 1))
		lines="$lines
PostgreSQL 17: SKIPPED, there is no server of it to test with (see above)"
	else
		[ $rc = 0 ] || [ "$bad" != 0 ] || bad=1
		lines="$lines
PostgreSQL 17: $ok passed, $bad failed"
	fi
	passed=$((passed + ok)) failed=$((failed + bad))
fi
printf '\n%s\n' "$lines"
summary="$passed passed, $failed failed"
[ "$skipped" = 0 ] || summary="$summary, $skipped skipped"
echo "$summary"
[ "$failed" = 0 ]
