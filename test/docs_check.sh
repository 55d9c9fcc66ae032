#!/usr/bin/env bash
# docs_check.sh - are docs/reference.md and the outputs in README.md what a real run gives? One line for each page.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${VXP_TMP:?start me through with_server.sh}"
perl test/docs.pl
rc=0
for page in README.md docs/reference.md; do
	if diff -u "$page" "$VXP_TMP/results/docs/$(basename "$page")"; then echo "page $page ... ok"
	else echo "page $page ... differs: see \"make docs\""; rc=1; fi
done
exit $rc
