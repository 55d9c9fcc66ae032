#!/usr/bin/env bash
# coverage.sh - which C lines do regression, isolation and TAP tests run? Builds a copy with gcov's counters, runs the
# suites (VXP_COVERAGE_SUITES="regress isolation tap"), and prints a table of files; what no test ran stands, line by
# line, in build/coverage/uncovered. Fails below 90 %, and when a block that was not run is not explained in
# test/coverage.explained (see coverage.pl).
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
test/prepare.sh test
owner_instead "$PWD/test/coverage.sh"
unset VXP_TMP TEMP_CONFIG VXP_SERVER_SETTINGS
tree=$PWD
copy=$(scratch vxpc)
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM
tar --exclude=./.git --exclude=./build --exclude='*.o' --exclude='*.so' -cf - . | tar --no-same-owner -xf - -C "$copy"
chmod -R a+rwX "$copy"
out=$PWD/build/coverage
rm -rf "$out"
mkdir -p "$out"
# -O1: a line that the compiler moved or merged is counted wrongly; counters are added atomically, since processes share the files
(cd "$copy" && PROFILE='--coverage -O1 -fprofile-update=atomic' test/with_server.sh bash -c '
	for suite in ${VXP_COVERAGE_SUITES:-regress isolation tap}; do test/$suite.sh > "$VXP_TMP/$suite.log" 2>&1 || true; grep -E "tests (passed|failed)|^Result|^Files" "$VXP_TMP/$suite.log" || true; done') | tee "$out/suites"
cd "$copy"
for file in src/*.c src/*/*.c; do
	gcov -o "$(dirname "$file")" "$file" > /dev/null 2>&1 || true
	gcov_file=$(basename "$file").gcov
	[ -f "$gcov_file" ] || { echo "$file 0 0"; continue; }
	awk -F: -v file="$file" -v uncovered="$out/uncovered" '
		$1 ~ /#####|=====/ {missed++; print file ":" $2 + 0 ":" substr($0, index($0, $3)) >> uncovered; next}
		$1 ~ /[0-9]/ {hit++}
		END {print file, hit + 0, hit + missed}' "$gcov_file"
	# two areas may have a file of one name
	mv "$gcov_file" "$out/$(dirname "$file" | tr / -)-$gcov_file"
	rm -f ./*.gcov
done | awk -v table="$out/table" '
	{hit += $2; all += $3; printf "| %s | %d | %d | %.1f %% |\n", $1, $2, $3, $3 ? 100 * $2 / $3 : 0 > table}
	END {printf "| all | %d | %d | %.1f %% |\n", hit, all, 100 * hit / all > table; exit hit < 0.9 * all}' || rc=1
cat "$out/table"
cd "$tree"
perl test/coverage.pl "$out" | tee "$out/blocks" || rc=1
sed -nE 's/^\| all \| ([0-9]+) \| ([0-9]+) \| (.*) \|/says: \3 of \2 lines/p' "$out/table"
grep -q 'Result: PASS' "$out/suites" || { echo "coverage: a suite failed"; rc=1; }
exit ${rc:-0}
