#!/usr/bin/env bash
# collisions.sh [TEST...] - regression tests of the lineage indexes with a library whose label hashes have 8 values only
# Indexes hold hashes of labels; here nearly all of them collide, and the expected answers are those of the usual library:
# a collision may cost a recheck, never a row. Not for tests of estimates, since statistics tell labels apart by their
# hashes, too. Builds in a copy, on a throw-away server of its own; ends with the closing lines of pg_regress.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
owner_instead "$PWD/test/collisions.sh" "$@"
[ $# -gt 0 ] || set -- lineage_gist lineage_gin lineage_condition lineage_tables
# also when called by what another server runs
unset VXP_TMP TEMP_CONFIG VXP_SERVER_SETTINGS
copy=$(scratch vxp)
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM
tar --exclude=./.git --exclude=./build -cf - . | tar -xf - -C "$copy"
# objects are copied along where they are; with the note on their compiler, make builds but the one file that hashes
[ ! -f build/server ] || { mkdir "$copy/build" && cp -p build/server "$copy/build/"; }
chmod -R a+rX "$copy"
cd "$copy"
sed -i '1i #define VXP_TEST_COLLISIONS' src/lineage/lineage_path.c
cat > collide.sql <<'END'
CREATE EXTENSION vxp_query;
CREATE TABLE node AS SELECT vxp.lineage(ARRAY['datasource/' || g, 'patient/' || g]) AS path FROM generate_series(1, 5000) g;
CREATE INDEX ON node USING gist (path);
SET enable_seqscan = off;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT path FROM node WHERE vxp.has_ancestor(path, 'datasource/7');
END
# without rows removed by a recheck the tests below would prove nothing
test/with_server.sh bash -c '
	psql -XqAt -v ON_ERROR_STOP=1 -f collide.sql > "$VXP_TMP/plan" || exit 1
	grep -E "Rows Removed by Index Recheck: [0-9]{3}" "$VXP_TMP/plan" || { cat "$VXP_TMP/plan"; echo "error: no label collides" >&2; exit 1; }
	psql -XqAt -c "DROP TABLE node; DROP EXTENSION vxp_query CASCADE"
	exec test/regress.sh "$@"' collisions "$@"
