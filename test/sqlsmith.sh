#!/usr/bin/env bash
# sqlsmith.sh QUERIES - random SQL, as a plain role, on the server of with_server.sh, with every object of the extension and
# tables that use it. Errors are what random SQL gets; a crash, a failed assertion or an internal error that was raised in
# our own files is a finding. (The server's own functions raise internal errors for OIDs that mean nothing.)
set -euo pipefail
cd "$(dirname "$0")/.."
: "${VXP_TMP:?start me through with_server.sh}"
queries=${1:?number of queries}
log=$VXP_TMP/../log
psql -Xq -v ON_ERROR_STOP=1 <<'SQL'
CREATE EXTENSION vxp_query;
ALTER SYSTEM SET log_error_verbosity = verbose;
ALTER SYSTEM SET statement_timeout = '2s';
ALTER SYSTEM SET log_min_error_statement = error;
SELECT pg_reload_conf();
CREATE ROLE smith LOGIN;
GRANT CREATE ON DATABASE postgres TO smith;
CREATE SCHEMA smith AUTHORIZATION smith;
SQL
psql -Xq -U smith -v ON_ERROR_STOP=1 > /dev/null <<'SQL'
SET search_path = smith, vxp;
SELECT create_resource_type('Dataset', 'title text, n int', versioned => false);
SELECT create_resource_type('Item', 'title text, n int, d jsonb', parents => '{Dataset,Item}', versioned => false);
INSERT INTO dataset (identifier, title, n) SELECT 'dataset/' || g, 't' || g % 3, g FROM generate_series(1, 20) g;
INSERT INTO item (identifier, parent_identifier, title, n, d) SELECT 'item/' || g, CASE WHEN g < 50 THEN 'dataset/' || 1 + g % 20 ELSE 'item/' || g / 2 END,
	'i' || g % 5, g, jsonb_build_object('a', g, 'b', jsonb_build_array(g, 'x')) FROM generate_series(1, 300) g;
CREATE TABLE document (doc jsonb);
INSERT INTO document SELECT jsonb_build_object('id', 'd' || g, 'n', g % 4, 'tags', jsonb_build_array('a', g)) FROM generate_series(1, 50) g;
SELECT register('Document', 'document', document => 'doc');
CREATE TABLE saved (request dql, path lineage, label identifier);
INSERT INTO saved VALUES ('{"resource":"Item","filter":{"n":{"$gt":5}}}', 'a > b', 'a'), ('{}', NULL, 'b'), (NULL, 'x', NULL);
CREATE INDEX ON saved USING gist (path);
CREATE VIEW calls AS SELECT v.*, i.title AS above FROM vxp.query(NULL::item, '{"filter":{"n":{"$lt":100}}}') v LEFT JOIN dataset i ON has_ancestor(v.lineage, i.identifier);
ANALYZE;
SQL
rc=0
sqlsmith --exclude-catalog --max-queries="$queries" --seed="${SQLSMITH_SEED:-1}" \
	--target="host=$PGHOST port=$PGPORT dbname=postgres user=smith" > "$VXP_TMP/sqlsmith.out" 2>&1 || rc=$?
psql -XqAt -c 'SELECT 1' > /dev/null || { echo "error: the server is gone"; exit 1; }
found=$(grep -A 12 -E '\] XX[0-9A-Z]{3} ERROR' "$log" | grep -E 'LOCATION: .*\b(vxp|dql|lineage|catalog|validity)_[a-z_]+\.c:' | sort | uniq -c || true)
if [ -n "$found" ]; then
	echo "error: internal errors of ours:"
	echo "$found"
	grep -B 1 -A 12 -E '\] XX[0-9A-Z]{3} ERROR' "$log" | head -n 60
	rc=1
fi
[ $rc = 0 ] || tail -n 5 "$VXP_TMP/sqlsmith.out"
[ $rc != 0 ] && echo "counts: 0 1 0" || echo "counts: $queries 0 0"
echo "sqlsmith $queries queries, $(grep -c ' ERROR: ' "$log" || true) refused, $(grep -c -E '\] XX[0-9A-Z]{3} ERROR' "$log" || true) internal errors of the server's own"
exit $rc
