#!/usr/bin/env bash
# tap.sh [FILE...] - TAP tests: the named files, or all of test/t. Each starts servers of its own, which find the
# extension through TEMP_CONFIG; with_server.sh builds it and gives an unprivileged user.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${VXP_TMP:-}" ] || exec test/with_server.sh test/tap.sh "$@"
[ $# -gt 0 ] || set -- test/t/*.pl
pg_config=${PG_CONFIG:-pg_config}
tools=$(dirname "$("$pg_config" --pgxs)")/..
tmp=$VXP_TMP/tap
mkdir -p "$tmp"
# servers before 16 read TESTDIR, later ones the other two
export TESTDIR=$tmp TESTLOGDIR=$tmp/tmp_check/log TESTDATADIR=$tmp/tmp_check
export PG_REGRESS=$tools/test/regress/pg_regress PERL5LIB=$tools/test/perl:$PWD/test/t${PERL5LIB:+:$PERL5LIB}
export PATH=$("$pg_config" --bindir):$PATH
rc=0
prove "$@" || rc=$?
if [ $rc != 0 ]; then
	for log in "$tmp"/tmp_check/log/*; do
		[ -f "$log" ] || continue
		printf '\n-- end of %s\n' "${log##*/}"
		tail -n 25 "$log"
	done
fi
exit $rc
