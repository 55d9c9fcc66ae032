#!/usr/bin/env bash
# check.sh - what "make check" does: install what is missing, build, run every suite on throw-away servers
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
test/prepare.sh test
owner_instead "$PWD/test/check.sh"
say "building and testing with $("$pg_config" --version)"
exec test/with_server.sh test/run_tests.sh
