#!/usr/bin/env bash
# bench.sh - what "make bench" does: measure our indexes and their peers on one throw-away server, print tables and bars
# BENCH_ROWS=N resources instead of 1,260,000; BENCH_SHAPE=deep: folders, up to 12 levels; BENCH_ONLY="gist ltree text": these
# contestants only (names in contestants.py); BENCH_ESTIMATES=no: without those. build/results has all numbers (bench.json) and
# the page (performance.md); a run without switches also renews what stands between the marks in docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/lib.sh
export PYTHONDONTWRITEBYTECODE=1
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
test/with_server.sh python3 test/bench/bench.py
[ -z "$BENCH_ROWS$BENCH_SHAPE$BENCH_ONLY$BENCH_ESTIMATES" ] || exit 0
python3 test/bench/report.py --renew build/results/performance.md docs/performance.md
