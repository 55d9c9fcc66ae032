#!/usr/bin/env bash
# bench.sh - what "make bench" does: measure on one throw-away server, print tables and bars
# Three parts: "lineage", our indexes and their peers; "dql", requests against the same SQL; "versions", what versions cost.
# BENCH=dql: this part alone.
# BENCH_ROWS=N resources instead of 1,260,000; BENCH_SHAPE=deep: folders, up to 12 levels; BENCH_ONLY="gist ltree text": these
# contestants only (names in contestants.py); BENCH_ESTIMATES=no: without those. build/results has all numbers (bench.json) and
# the page (performance.md); a run without switches also renews what stands between the marks in docs/performance.md
# (BENCH=dql: between its own marks).
# VERSIONS_ROWS (or BENCH_ROWS): resources of the part versions instead of 200,000, COPY loads five times as many; VERSIONS_ROUNDS;
# VERSIONS_ONLY="present past updates copy move": these of it; TEMPORAL_TABLES=1, or the folder of a make install DESTDIR=:
# the extension temporal_tables takes part (versions.json, versions.md).
# DQL_ROWS, DQL_DOCUMENTS, DQL_ROUNDS: sizes of the part dql; DQL_ONLY="point ten": rows whose names begin so (dql.json has them).
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/lib.sh
export PYTHONDONTWRITEBYTECODE=1
export BENCH=${BENCH:-lineage dql versions}
export DQL_ROWS=${DQL_ROWS:-} DQL_DOCUMENTS=${DQL_DOCUMENTS:-} DQL_ROUNDS=${DQL_ROUNDS:-} DQL_ONLY=${DQL_ONLY:-}
export VERSIONS_ROWS=${VERSIONS_ROWS:-${BENCH_ROWS:-}} VERSIONS_ROUNDS=${VERSIONS_ROUNDS:-} VERSIONS_ONLY=${VERSIONS_ONLY:-} TEMPORAL_TABLES=${TEMPORAL_TABLES:-}
export BENCH_ROWS=${BENCH_ROWS:-} BENCH_SHAPE=${BENCH_SHAPE:-} BENCH_ONLY=${BENCH_ONLY:-} BENCH_ESTIMATES=${BENCH_ESTIMATES:-}
test/prepare.sh
owner_instead "$PWD/test/bench/bench.sh"
export VXP_SERVER_SETTINGS="
shared_buffers = 2GB
work_mem = 64MB
maintenance_work_mem = 512MB
effective_cache_size = 4GB
random_page_cost = 1.1
max_wal_size = 16GB
checkpoint_timeout = 1h
wal_level = minimal
max_wal_senders = 0
autovacuum = off
jit = off
synchronize_seqscans = off
max_parallel_workers_per_gather = 0
max_parallel_maintenance_workers = 0
"
for part in $BENCH; do
	case $part in lineage | dql | versions) ;; *) die "BENCH is \"lineage\", \"dql\", \"versions\" or several of them, not \"$BENCH\"" ;; esac
done
# shellcheck disable=SC2016	# expanded there
test/with_server.sh sh -ec '
	PATH=$PATH:'"$(pg_bin)"'
	case " $BENCH " in *" dql "*) createdb -T template0 dql; PGDATABASE=dql python3 test/bench/dql_bench.py ;; esac
	case " $BENCH " in *" versions "*) python3 test/bench/versions_bench.py ;; esac
	case " $BENCH " in *" lineage "*) python3 test/bench/bench.py ;; esac'
if [ -f build/results/performance.md ] && [ -z "$BENCH_ROWS$BENCH_SHAPE$BENCH_ONLY$BENCH_ESTIMATES" ]; then
	python3 test/bench/report.py --renew build/results/performance.md docs/performance.md
fi
if [ -f build/results/dql.md ] && [ -z "$DQL_ROWS$DQL_DOCUMENTS$DQL_ROUNDS$DQL_ONLY" ]; then
	python3 test/bench/report.py --renew build/results/dql.md docs/performance.md dql
fi
if [ -f build/results/versions.md ] && [ -z "$VERSIONS_ROWS$VERSIONS_ROUNDS$VERSIONS_ONLY" ]; then
	python3 test/bench/report.py --renew build/results/versions.md docs/performance.md versions
fi
