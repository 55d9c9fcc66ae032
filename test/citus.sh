#!/usr/bin/env bash
# citus.sh - the part for Citus: a coordinator and two workers on this machine, throw-away, with a resource type distributed
# by datasource (test/citus.sql). Says "skipped" where the server has no Citus. CITUS_DEST: a folder with Citus installed below
# it (make install DESTDIR=), instead of the server's own.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
owner_instead "$PWD/test/citus.sh"
citus=${CITUS_DEST:-}
if [ ! -e "$citus$("$pg_config" --sharedir)/extension/citus.control" ]; then
	echo "citus ... skipped: Citus is not installed for $("$pg_config" --version)"
	exit 0
fi
tree=$PWD
dirs=()
finish() { cd "$tree"; for d in "${dirs[@]}"; do stop_server "$d"; done; }
trap finish EXIT
trap 'exit 130' INT TERM
ports=($(python3 -c '
import socket
found = [socket.socket() for _ in range(3)]
for s in found: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in found))'))
for port in "${ports[@]}"; do
	run=$(scratch vxp)
	dirs+=("$run")
	chmod 755 "$run"
	if [ ${#dirs[@]} = 1 ]; then build_into "$run/dest"; else cp -r "${dirs[0]}/dest" "$run/dest"; fi
	[ -z "$citus" ] || cp -r "$citus/." "$run/dest/"
	chmod -R a+rX "$run/dest"
	VXP_PORT=$port
	VXP_SERVER_SETTINGS="listen_addresses = '127.0.0.1'
shared_preload_libraries = 'citus'
wal_level = logical
max_connections = 60
citus.node_conninfo = 'sslmode=prefer'
citus.shard_count = 6
$([ -z "$citus" ] || echo 'citus.enable_version_checks = off	# it looks in the server'"'"'s own folder')"
	start_server "$run"
	psql=$(pg_bin)/psql
	"$psql" -qX -v ON_ERROR_STOP=1 -c 'SET client_min_messages = error' -c 'CREATE EXTENSION citus' -c 'CREATE EXTENSION vxp_query' -c 'ALTER DATABASE postgres SET search_path = public, vxp'
done
export PGHOST=127.0.0.1 PGPORT=${ports[0]}
"$psql" -qX -o /dev/null -v ON_ERROR_STOP=1 -c "SELECT citus_set_coordinator_host('127.0.0.1', ${ports[0]})" \
	-c "SELECT citus_add_node('127.0.0.1', ${ports[1]}), citus_add_node('127.0.0.1', ${ports[2]})"
rc=0
"$psql" -X -f test/citus.sql > "${dirs[0]}/answer" 2>&1 || rc=$?
# the filter itself goes to the shards, in each way of asking: Citus names what it sends
asked='{"resource": "Volume", "filter": {"modality": "MR", "size": {"$gt": 95}}'
for how in "SELECT count(*) FROM vxp.query(NULL::volume, '$asked}')" "SELECT count(*) FROM volume('$asked}')" "SELECT count(*) FROM vxp.items('$asked}')" \
	"SELECT vxp.count('$asked}')" "SELECT vxp.page('$asked, \"sort\": [{\"identifier\": 1}]}')" "SELECT vxp.execute('$asked}'::jsonb)"; do
	PGOPTIONS='-c citus.log_remote_commands=on -c client_min_messages=notice' "$psql" -qX -c "$how" > "${dirs[0]}/sent" 2>&1 || true
	word='ok - '
	[ "$(grep 'issuing .*SELECT' "${dirs[0]}/sent" | grep -F "'MR'" | grep -cF "pg_catalog.>) 95")" -gt 1 ] || word='not ok - '
	echo "${word}the filter runs on the shards: $how" >> "${dirs[0]}/answer"
done
cat "${dirs[0]}/answer"
for d in "${dirs[@]}"; do if grep -E 'TRAP:|terminated by signal' "$d/log"; then rc=1; fi; done
ok=$(grep -c '^ok - ' "${dirs[0]}/answer" || true)
bad=$(grep -cE '^not ok - |ERROR:' "${dirs[0]}/answer" || true)
[ $rc = 0 ] || bad=$((bad + 1))
echo "$ok passed, $bad failed"
[ "$bad" = 0 ] && [ "$ok" -gt 0 ]
