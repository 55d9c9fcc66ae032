#!/usr/bin/env bash
# check_all.sh [PART...] - the release gate: all parts (or the named ones), each with a log in build/check-all, a table at
# the end: part, server, passed, failed and skipped tests. A part passes, fails, or is "not run" (what it needs cannot be had
# here); only a gate without either of the latter is passed. "report" in front of a result: it does not count. Parts that are
# run one by one leave their rows in build/check-all, and build/check-all/table has each part as it was last run.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
logs=$PWD/build/check-all
mkdir -p "$logs"
export VXP_SAY_SERVER=1

#  name       time    what
parts='
compile       short   gcc and clang, -Werror, headers of 15, 17, 18
lint          short   rules of the layout, each promise with its test
pg15          long    all suites on 15
pg17          long    all suites on 17
pg18          long    all suites on 18
pg19          long    all suites on 19 (reported only)
asserts       long    all suites on a server with assertions
asan          long    all suites with address and undefined-behaviour sanitizers
valgrind      long    the tests that parse and index, under memcheck
caches        long    a statement of each kind, without and with debug_discard_caches
generic       long    regression tests, plan_cache_mode = force_generic_plan
parallel      long    regression tests but five, every plan that can be parallel is
fuzz          short   replay of the corpus (FUZZ_SECONDS=600: and a search)
sqlsmith      long    random SQL as a plain role on a server with assertions
crash         long    kill -9 in 20 rounds, replica, promotion
dump          short   dump, restore, update paths on 15
upgrade17     short   pg_upgrade 15 to 17, dump and restore to it
upgrade18     short   pg_upgrade 15 to 18, dump and restore to it
coverage      long    lines of C that the suites run, at least 90 %, each other block explained
soak          long    ten minutes of load, kill -9 in the middle
clients       long    the client programs
packages      long    Debian packages and the file for PGXN
'
part_compile() { make -s compile-matrix; }
part_lint() { make -s lint && test/promises.sh; }
part_pg15() { [ "$(pg_major)" = 15 ] || return 75; test/with_server.sh test/run_tests.sh; }
part_pg17() { test/matrix.sh 17 test/with_server.sh test/run_tests.sh; }
part_pg18() { test/matrix.sh 18 test/with_server.sh test/run_tests.sh; }
part_pg19() { test/matrix.sh 19 test/with_server.sh test/run_tests.sh; }
part_asserts() { VXP_EVENTS=20000 test/assert.sh asserts test/run_tests.sh; }
part_asan() { VXP_EVENTS=20000 test/assert.sh asan test/run_tests.sh; }
# what takes input apart or builds an index; not the tests with a hundred thousand rows, ten minutes and more there
part_valgrind() { VXP_TESTS="install lineage_io lineage_errors lineage_advise lineage_gist_small lineage_gin dql_parse dql_errors dql_filters dql_requests dql_matches dql_sort dql_write dql_page dql_fields catalog catalog_lineage verify" test/assert.sh valgrind test/regress_some.sh; }
part_caches() { test/assert.sh asserts test/caches.sh; }
part_generic() { VXP_SERVER_SETTINGS='plan_cache_mode = force_generic_plan' test/with_server.sh test/regress_some.sh; }
part_parallel() {
	# without those that ask thousands of small questions: each would start workers, for hours
	local slow=' dql_oracle dql_fuzz dql_rights dql_cursor dql_requests '
	VXP_TESTS=$(for t in sql/*.sql; do t=$(basename "$t" .sql); case $slow in *" $t "*) ;; *) echo "$t" ;; esac; done)
	export VXP_TESTS
	# "regress": EXPLAIN does not show the Gather that is forced; a session that looks at leaks or plans turns it off
	VXP_SERVER_SETTINGS="$([ "$(pg_major)" -ge 16 ] && echo debug_parallel_query || echo force_parallel_mode) = regress" test/with_server.sh test/regress_some.sh
}
part_fuzz() { test/fuzz.sh "${FUZZ_SECONDS:-0}"; }
part_sqlsmith() { test/prepare.sh sqlsmith && VXP_ALLOW_INTERNAL=1 test/assert.sh asserts test/sqlsmith.sh "${SQLSMITH_QUERIES:-10000}"; }
part_crash() { CRASH_ROUNDS=${CRASH_ROUNDS:-20} test/tap.sh test/t/*_crash_replica.pl; }
part_dump() { test/tap.sh test/t/*_dump_restore.pl test/t/*_update_paths.pl; }
part_upgrade17() { VXP_MATRIX_OLD=15 test/matrix.sh 17 test/pg_upgrade.sh; }
part_upgrade18() { VXP_MATRIX_OLD=15 test/matrix.sh 18 test/pg_upgrade.sh; }
part_coverage() { VXP_EVENTS=20000 test/coverage.sh; }
part_soak() { test/soak.sh; }
part_clients() { test/clients.sh; }
part_packages() { test/package.sh; }

names=$(awk 'NF {print $1}' <<< "$parts")
[ $# -gt 0 ] || set -- $names
for part; do grep -qx -- "$part" <<< "$names" || die "no part \"$part\"; there are: $(echo $names)"; done
test/prepare.sh test

# what the log of a part says: the server it ran on
server_of() {
	local v
	v=$(sed -nE 's/^-- server: (.*)$/\1/p; s/^-- Debian .*, postgres \(PostgreSQL\) ([^ ]+).*/\1/p' "$1" | sort -u | paste -sd, | sed 's/,/, /g')
	[ -n "$v" ] || v=$(sed -nE 's/^(PostgreSQL [0-9]+), (gcc|clang): .*/\1/p' "$1" | sort -u | sed 's/^PostgreSQL //' | paste -sd, | sed 's/,/, /g')
	echo "${v:--}"
}
# passed, failed, skipped of a part: the total that run_tests.sh prints, or else tests of pg_regress, TAP files, builds, and
# lines "counts: PASSED FAILED SKIPPED" of the others
counts() {
	awk '/^(test|    ) .*\.\.\. ok +[0-9]+ ms/ || /^ok [0-9]+ +- / {ok++} /\.\.\. FAILED/ || /^not ok [0-9]+ +- / {bad++}
		/^test\/t\/[^ ]+ \.+ ok$/ {ok++} /^test\/t\/[^ ]+ \.+ skipped: / {skip++} /^test\/t\/.* Failed [0-9]+\/[0-9]+ subtests|^test\/t\/.*Dubious/ {bad++}
		/^counts: / {ok += $2; bad += $3; skip += $4}
		/^[0-9]+ passed, [0-9]+ failed/ {total = 1; p += $1; f += $3; s += $5}
		END {if (total) print p + 0, f + 0, s + 0; else print ok + 0, bad + 0, skip + 0}' "$1"
}
row_of() {	# PART RESULT LOG
	local passed failed skipped
	read -r passed failed skipped < <(counts "$3")
	printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$1" "$(awk -v p="$1" '$1 == p {$1 = $2 = ""; sub(/^ +/, ""); print}' <<< "$parts")" \
		"$(server_of "$3")" "$2$(sed -nE 's/^says: (.*)/: \1/p' "$3" | tail -n 1)" "$passed" "$failed" "$skipped"
}
# the rows of these parts as they were last run, each in a file of its own
table() {
	local part
	echo "| part | what | PostgreSQL | result | passed | failed | skipped |"
	echo "| --- | --- | --- | --- | ---: | ---: | ---: |"
	for part; do if [ -f "$logs/$part.row" ]; then cat "$logs/$part.row"; else printf '| %s | | | not run yet | | | |\n' "$part"; fi; done
}
bad_parts=0
for part; do
	started=$SECONDS
	printf -- '-- %s ... ' "$part"
	rc=0
	rm -f "$logs/$part.row"
	(set -euo pipefail; "part_$part") > "$logs/$part.log" 2>&1 < /dev/null || rc=$?
	case $rc in 0) result=passed ;; 75) result='not run' ;; *) result=FAILED ;; esac
	if [ "$part" = pg19 ]; then result="report: $result"; elif [ $rc != 0 ]; then bad_parts=$((bad_parts + 1)); fi
	printf '%s (%s s)\n' "$result" $((SECONDS - started))
	case $result in *FAILED) grep -E '^(not ok|test .*FAILED|error:)|FINDING|[1-9][0-9]* findings?|Failed test' "$logs/$part.log" | head -n 12 | sed 's/^/     /' || true ;; esac
	row_of "$part" "$result" "$logs/$part.log" > "$logs/$part.row"
done
echo
table "$@"
# what is kept has each part as it was last run
table $names > "$logs/table"
echo
echo "$("$pg_config" --version), $(gcc --version | head -n 1), $(command -v clang >/dev/null && clang --version | head -n 1 || echo no clang)"
echo "$(($# - bad_parts)) parts passed, $bad_parts failed or not run"
[ $bad_parts = 0 ]
