#!/usr/bin/env bash
# isolation.sh [SPEC...] - isolation tests on a throw-away server: the named specs, or all; prints the differences
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${VXP_TMP:-}" ] || exec test/with_server.sh test/isolation.sh "$@"
[ $# -gt 0 ] || set -- $(cd test/isolation/specs && ls -- *.spec | sed 's/\.spec$//')
pg_config=${PG_CONFIG:-pg_config}
out=$VXP_TMP/isolation
mkdir -p "$out" "$VXP_TMP/results"
rc=0
"$(dirname "$("$pg_config" --pgxs)")/../test/isolation/pg_isolation_regress" --inputdir=test/isolation --outputdir="$out" \
	--bindir="$("$pg_config" --bindir)" --dbname=isolation_regression --load-extension=vxp_query "$@" || rc=$?
[ ! -f "$out/regression.diffs" ] || cat "$out/regression.diffs"
[ ! -d "$out/results" ] || cp -r "$out/results" "$VXP_TMP/results/isolation"
exit $rc
