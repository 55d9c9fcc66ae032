#!/usr/bin/env bash
# regress.sh [TEST...] - pg_regress on a throw-away server: the named tests, or all; prints the differences
# With VXP_TMP set (with_server.sh does), it uses the server that PGHOST names.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${VXP_TMP:-}" ] || exec test/with_server.sh test/regress.sh "$@"
[ $# -gt 0 ] || set -- $(cd sql && ls -- *.sql | sed 's/\.sql$//')
pg_config=${PG_CONFIG:-pg_config}
rc=0
"$(dirname "$("$pg_config" --pgxs)")/../test/regress/pg_regress" --inputdir=. --outputdir="$VXP_TMP" \
	--bindir="$("$pg_config" --bindir)" --dbname=contrib_regression --load-extension=vxp_query "$@" || rc=$?
[ ! -f "$VXP_TMP/regression.diffs" ] || cat "$VXP_TMP/regression.diffs"
exit $rc
