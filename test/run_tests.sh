#!/usr/bin/env bash
# run_tests.sh - all suites on the server that with_server.sh started; ends with the runners' closing lines and
# "N passed, N failed": one for each regression script (those of the lineage indexes twice), isolation spec, TAP file and page.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${VXP_TMP:?start me through with_server.sh}"
passed=0 failed=0 skipped=0
: > "$VXP_TMP/closing"

# suite NAME PATTERN-OF-A-PASS PATTERN-OF-THE-CLOSING-LINE SCRIPT TEST...
suite() {
	local name=$1 pass=$2 closing=$3 script=$4 out=$VXP_TMP/output.$1 rc=0 ok skip
	shift 4
	[ $# -gt 0 ] || return 0
	printf '\n== %s (%s)\n' "$name" "$#"
	"$script" "$@" 2>&1 | tee "$out" || rc=$?
	ok=$(grep -cE "$pass" "$out" || true)
	skip=$(grep -cE '^test/t/[^ ]+ \.+ skipped: ' "$out" || true)
	[ $((ok + skip)) -le $# ] || { echo "error: $name: more passes than tests" >&2; ok=0 skip=0; }
	# what did not say that it passed has failed; a runner that complains is never a pass
	passed=$((passed + ok)) skipped=$((skipped + skip)) failed=$((failed + $# - ok - skip))
	[ $rc = 0 ] || [ $(($# - ok - skip)) -gt 0 ] || failed=$((failed + 1))
	grep -E "$closing" "$out" | sed "s/^/$name: /" >> "$VXP_TMP/closing" || true
}
# names FOLDER EXTENSION EXPECTED-FOLDER: the tests that have an answer; pg_regress gives up at the first that has none
names() {
	local f name
	for f in "$1"/*."$2"; do
		name=$(basename "$f" ".$2")
		if [ -e "$3/$name.out" ]; then echo "$name"; fi
	done
}
unanswered() {
	local f name
	for f in "$1"/*."$2"; do
		name=$(basename "$f" ".$2")
		[ ! -e "$f" ] || [ -e "$3/$name.out" ] || { echo "$f: no $3/$name.out to compare with" >> "$VXP_TMP/closing"; failed=$((failed + 1)); }
	done
}

# pg_regress before 16: "test x ... ok"; from 16 on: "ok 1 - x"
regress_pass='^(test|    ) .*\.\.\. ok +[0-9]+ ms|^ok [0-9]+ '
regress_closing='^(# )?( ?All [0-9]+ tests passed| ?[0-9]+ of [0-9]+ tests (passed|failed))'
suite regression "$regress_pass" "$regress_closing" test/regress.sh $(names sql sql expected)
unanswered sql sql expected
suite isolation "$regress_pass" "$regress_closing" test/isolation.sh $(names test/isolation/specs spec test/isolation/expected)
unanswered test/isolation/specs spec test/isolation/expected
suite tap '^test/t/[^ ]+ \.+ ok$' '^(All tests successful|Files=|Result:)' test/tap.sh $(for f in test/t/*.pl; do [ ! -e "$f" ] || echo "$f"; done)
suite collisions "$regress_pass" "$regress_closing" test/collisions.sh
suite documents '^page .* ok$' '^$' test/docs_check.sh README.md docs/*.md

echo
cat "$VXP_TMP/closing"
summary="$passed passed, $failed failed"
[ $skipped = 0 ] || summary="$summary, $skipped skipped"
echo "$summary"
[ $failed = 0 ] && [ $passed -gt 0 ]
