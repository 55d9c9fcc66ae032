#!/usr/bin/env bash
# with_server.sh COMMAND... - build the extension, start a throw-away server that has it, run COMMAND
# Runs in the project folder. The server listens on a unix socket only; PGHOST, PGPORT, PGUSER and
# VXP_TMP (a scratch folder, removed afterwards) are set. As root, server and COMMAND run as user postgres.
# Nothing is installed into system folders: the server finds the extension in a private folder.
set -euo pipefail
cd "$(dirname "$0")/.."
pg_config=${PG_CONFIG:-pg_config}
bin=$($pg_config --bindir)
run=$(mktemp -d "${TMPDIR:-/tmp}/vxp.XXXXXX")
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
finish() {
	as "$bin/pg_ctl" -D "$run/data" -m immediate stop >/dev/null 2>&1 || true
	# what the tests wrote stays for reading: build/results is where new expected output comes from
	if [ -d "$run/tmp/results" ]; then mkdir -p build; rm -rf build/results; cp -r "$run/tmp/results" build/results; fi
	rm -rf "$run"
}
trap finish EXIT
chmod 755 "$run"
make -s PG_CONFIG="$pg_config" with_llvm=no
make -s PG_CONFIG="$pg_config" with_llvm=no install DESTDIR="$run/dest" >/dev/null
mkdir "$run/tmp"
cat > "$run/server.conf" <<CONF
extension_destdir = '$run/dest'
dynamic_library_path = '$run/dest$($pg_config --pkglibdir):\$libdir'
CONF
[ "$(id -u)" != 0 ] || chown -R postgres: "$run"
as "$bin/initdb" -D "$run/data" -U postgres -A trust -N -E UTF8 --locale=C.UTF-8 --no-instructions >/dev/null
{
	cat "$run/server.conf"
	echo "listen_addresses = ''"
	echo "unix_socket_directories = '$run'"
	echo "fsync = off"
} >> "$run/data/postgresql.conf"
as "$bin/pg_ctl" -D "$run/data" -l "$run/log" -w start >/dev/null
export PGHOST=$run PGPORT=5432 PGUSER=postgres PGDATABASE=postgres VXP_TMP=$run/tmp TEMP_CONFIG=$run/server.conf
rc=0
as "$@" || rc=$?
if grep -E 'TRAP:|terminated by signal' "$run/log"; then rc=1; fi
exit $rc
