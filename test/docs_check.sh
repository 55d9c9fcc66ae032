#!/usr/bin/env bash
# docs_check.sh [PAGE...] - do README.md and the pages of docs/ say what a real run gives? One line for each page. A page with
# statements that fail, or that are not marked as such, differs too: docs.pl names them.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${VXP_TMP:?start me through with_server.sh}"
[ $# -gt 0 ] || set -- README.md docs/*.md
rc=0
faults=$(perl test/docs.pl "$@") || rc=$?
[ -z "$faults" ] || printf '%s\n' "$faults"
for page; do
	if diff -u "$page" "$VXP_TMP/results/docs/$page" && ! grep -qF "$page: " <<< "$faults"; then echo "page $page ... ok"
	else echo "page $page ... differs: see \"make docs\""; rc=1; fi
done
exit $rc
