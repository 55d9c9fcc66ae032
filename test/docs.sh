#!/usr/bin/env bash
# docs.sh [PAGE...] - what "make docs" does: write docs/reference.md, and the answers in README.md and docs/*.md, from a real
# run; or in these pages only
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
test/prepare.sh test
owner_instead "$PWD/test/docs.sh" "$@"
rc=0
test/with_server.sh perl test/docs.pl "$@" || rc=$?
for page in README.md docs/*.md; do
	[ ! -e "build/results/docs/$page" ] || cmp -s "build/results/docs/$page" "$page" || cp "build/results/docs/$page" "$page"
done
exit $rc
