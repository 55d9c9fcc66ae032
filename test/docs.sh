#!/usr/bin/env bash
# docs.sh - what "make docs" does: write docs/reference.md and the outputs in README.md from a real run
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
test/prepare.sh test
owner_instead "$PWD/test/docs.sh"
test/with_server.sh perl test/docs.pl
cp build/results/docs/README.md README.md
cp build/results/docs/reference.md docs/reference.md
