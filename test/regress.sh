#!/usr/bin/env bash
# regress.sh [TEST...] - pg_regress on a throw-away server: the named tests, or all; prints the differences
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${VXP_TMP:-}" ]; then exec test/with_server.sh "$0" "$@"; fi
[ $# -gt 0 ] || set -- $(cd sql && ls *.sql | sed 's/\.sql$//')
rc=0
"$(dirname "$(${PG_CONFIG:-pg_config} --pgxs)")/../test/regress/pg_regress" --inputdir=. --outputdir="$VXP_TMP" \
	--bindir="$(${PG_CONFIG:-pg_config} --bindir)" --dbname=contrib_regression --load-extension=vxp_query "$@" || rc=$?
[ ! -f "$VXP_TMP/regression.diffs" ] || cat "$VXP_TMP/regression.diffs"
exit $rc
