#!/usr/bin/env bash
# regress_some.sh - the regression tests that VXP_TESTS names and that exist here, or all; see regress.sh
set -euo pipefail
cd "$(dirname "$0")/.."
tests=
for t in ${VXP_TESTS:-$(cd sql && ls -- *.sql | sed 's/\.sql$//')}; do
	if [ -f "sql/$t.sql" ] && [ -f "expected/$t.out" ]; then tests="$tests $t"; fi
done
exec test/regress.sh $tests
