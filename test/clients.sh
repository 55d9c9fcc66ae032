#!/usr/bin/env bash
# clients.sh [NAME...] - what "make check-clients" does: programs in several languages ask a throw-away server as their
# users would. What they need comes from apt, PyPI, npm, Maven and the Go proxy, into build/clients. NAMEs: some of them
# only. Ends with "N passed, N failed", one for each program.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
all="platform_query_page dataloop_sdk psycopg3 psycopg2 adbc sqlalchemy odbc jdbc node_postgres pgx postgraphile chart documents"
[ $# -gt 0 ] || set -- $all
test/prepare.sh python clients
owner_instead "$PWD/test/clients.sh" "$@"

tree=$PWD kit=$PWD/build/clients
mkdir -p "$kit"
# once FILE COMMAND...: run COMMAND unless it ran well with this FILE before
once() {
	local file=$1 mark
	shift
	mark=$kit/$(basename "$file").installed
	if cmp -s "$file" "$mark"; then return 0; fi
	say "installing what $file names"
	"$@"
	cp "$file" "$mark"
}
wants() { for n in $names; do for w; do if [ "$n" = "$w" ]; then return 0; fi; done; done; return 1; }
names=$*
python_kit() { rm -rf "$kit/venv"; python3 -m venv "$kit/venv"; "$kit/venv/bin/pip" install -q --disable-pip-version-check -r test/clients/requirements.txt; }
node_kit() { mkdir -p "$kit/node"; cp test/clients/node/package.json "$kit/node/"; npm install --prefix "$kit/node" --no-audit --no-fund --loglevel=error; }
java_kit() { mvn -q -B -f test/clients/java/pom.xml dependency:copy-dependencies -DoutputDirectory="$kit/java"; }
if wants platform_query_page dataloop_sdk psycopg3 psycopg2 adbc sqlalchemy odbc chart documents; then once test/clients/requirements.txt python_kit; fi
if wants node_postgres postgraphile; then once test/clients/node/package.json node_kit; fi
if wants jdbc; then once test/clients/java/pom.xml java_kit; fi
if wants pgx; then (cd test/clients/go && go build -o "$kit/pgx" .); fi

run=$(scratch vxp)
finish() { cd "$tree"; stop_server "$run"; }
trap finish EXIT
trap 'exit 130' INT TERM
chmod 755 "$run"
build_into "$run/dest"
# JDBC, ODBC and browsers know addresses only; the port is one that is free now
VXP_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
VXP_SERVER_SETTINGS="listen_addresses = '127.0.0.1'"
start_server "$run"
psql=$(pg_bin)/psql
for database in demo platform dataloop; do
	"$psql" -qX -v ON_ERROR_STOP=1 -c "CREATE DATABASE $database" -c "ALTER DATABASE $database SET search_path = public, vxp"
	case $database in
		demo) script=test/data/load.sql ;;
		*) script=test/clients/$database.sql ;;
	esac
	PGDATABASE=$database "$psql" -qX -o /dev/null -v ON_ERROR_STOP=1 -f "$script"
done

export PGHOST=127.0.0.1 PYTHONPATH=$tree/clients/python PYTHONDONTWRITEBYTECODE=1 NODE_PATH=$kit/node/node_modules
export VXP_KIT=$kit
python=$kit/venv/bin/python
client() {
	case $1 in
		platform_query_page | dataloop_sdk | psycopg3 | adbc | odbc | chart | documents) "$python" "test/clients/$1.py" ;;
		psycopg2) "$python" test/clients/psycopg2_client.py ;;
		sqlalchemy) "$python" test/clients/sqlalchemy_reflection.py ;;
		jdbc) java -cp "$kit/java/*" test/clients/java/Jdbc.java ;;
		node_postgres | postgraphile) node "test/clients/node/$1.js" ;;
		pgx) "$kit/pgx" ;;
		*) die "no client is called \"$1\"; there are: $all" ;;
	esac
}
passed=0 failed=0
for name; do
	rc=0
	client "$name" > "$kit/$name.log" 2>&1 || rc=$?
	ok=$(grep -c '^ok - ' "$kit/$name.log" || true)
	if [ $rc = 0 ] && [ "$ok" -gt 0 ] && ! grep -q '^not ok - ' "$kit/$name.log"; then
		printf 'client %s ... ok (%s checks)\n' "$name" "$ok"
		passed=$((passed + 1))
	else
		printf 'client %s ... failed (exit code %s)\n' "$name" "$rc"
		grep -v '^ok - ' "$kit/$name.log" | tail -n 40
		failed=$((failed + 1))
	fi
done
if grep -E 'TRAP:|terminated by signal' "$run/log"; then
	echo "error: a server process died (see above)" >&2
	failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
