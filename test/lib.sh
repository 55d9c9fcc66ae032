# lib.sh - what the scripts of this folder share; sourced, in the project folder
# PG_CONFIG chooses the server, as for make; every server started here is ours alone.

pg_config=${PG_CONFIG:-pg_config}

say() { printf '%s %s\n' '--' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# settings of the caller's own servers must not leak into a throw-away one
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGSERVICE PGOPTIONS PGDATA PGPASSFILE PGSSLMODE
export LC_ALL=C.UTF-8
# root's own scratch folder may be closed to the user who runs the servers
[ "$(id -u)" != 0 ] || unset TMPDIR

# The make above may run with -j, whose job slots are not handed to a recipe
# that is no make; the variables given on its command line stay in MAKEFLAGS.
MAKEFLAGS=$(printf '%s' "${MAKEFLAGS:-}" | sed -E 's/(^| )-j[0-9]*//g; s/ *--jobserver-[a-z]+=[^ ]*//g')
export MAKEFLAGS

# as COMMAND...: run it as the user who owns the servers, since PostgreSQL refuses root
as() {
	if [ "$(id -u)" != 0 ]; then "$@"; else runuser -u "$(server_user)" -- "$@"; fi
}
server_user() {
	if [ "$(id -u)" != 0 ]; then id -un; elif id postgres >/dev/null 2>&1; then echo postgres; else echo nobody; fi
}

# owner_instead SCRIPT ARGS...: root in somebody else's tree goes on as that
# somebody, so that no file of root is left where the owner builds next
owner_instead() {
	local owner
	[ "$(id -u)" = 0 ] || return 0
	owner=$(stat -c %U .)
	case $owner in root | UNKNOWN) return 0 ;; esac
	exec runuser -u "$owner" -- "$@"
}

# scratch NAME: a new folder that the servers' user reaches too; short, since its name goes into a socket's
scratch() {
	local base=${TMPDIR:-/tmp}
	if [ "$(id -u)" = 0 ] || [ ${#base} -gt 60 ]; then base=/tmp; fi
	mktemp -d "$base/$1.XXXXXX"
}

pg_bin() { "$pg_config" --bindir; }
pg_major() { "$pg_config" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/'; }
pg_tools() { dirname "$(dirname "$("$pg_config" --pgxs)")"; }	# pgxs/src

# build_into FOLDER: build, and install below FOLDER instead of the system; into the server itself where it is ours
# alone (VXP_PRIVATE_SERVER, see assert.sh)
build_into() {
	make -s -j"$(nproc)" PG_CONFIG="$pg_config" with_llvm=no all
	[ -z "${VXP_PRIVATE_SERVER:-}" ] || { make -s PG_CONFIG="$pg_config" with_llvm=no install >/dev/null; return; }
	make -s PG_CONFIG="$pg_config" with_llvm=no install DESTDIR="$1" >/dev/null
	chmod -R a+rX "$1"
}

# find_extension FOLDER: settings with which a server finds what build_into put there
find_extension() {
	[ -z "${VXP_PRIVATE_SERVER:-}" ] || return 0
	echo "dynamic_library_path = '$1$("$pg_config" --pkglibdir):\$libdir'"
	if [ "$(pg_major)" -ge 18 ]; then
		echo "extension_control_path = '$1$("$pg_config" --sharedir):\$system'"
	elif "$(pg_bin)/postgres" --describe-config | grep '^extension_destdir' >/dev/null; then
		echo "extension_destdir = '$1'"
	else
		die "this server reads extensions from its own folder only: use make install and make installcheck"
	fi
}

# start_server FOLDER: a new server in FOLDER (data, log, socket) that has FOLDER/dest; VXP_SERVER_SETTINGS: lines for
# its configuration; VXP_PORT: another port than 5432, for one that listens on an address too
start_server() {
	local bin
	bin=$(pg_bin)
	find_extension "$1/dest" > "$1/server.conf"
	[ "$(id -u)" != 0 ] || chown -R "$(server_user)": "$1"
	as "$bin/initdb" -D "$1/data" -U postgres -A trust -N -E UTF8 --locale=C.UTF-8 >/dev/null
	{
		cat "$1/server.conf"
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$1'"
		echo "port = ${VXP_PORT:-5432}"
		echo "fsync = off"
		# with the SQLSTATE, so that with_server.sh finds internal errors
		echo "log_line_prefix = '%m [%p] %e '"
		printf '%s\n' "${VXP_SERVER_SETTINGS:-}"
	} | as tee -a "$1/data/postgresql.conf" >/dev/null
	as "$bin/pg_ctl" -D "$1/data" -l "$1/log" -w start >/dev/null || { cat "$1/log" >&2; return 1; }
	export PGHOST=$1 PGPORT=${VXP_PORT:-5432} PGUSER=postgres PGDATABASE=postgres
}

# stop_server FOLDER: end it at once and remove all of it
stop_server() {
	[ ! -d "$1/data" ] || as "$(pg_bin)/pg_ctl" -D "$1/data" -m immediate -w stop >/dev/null 2>&1 || true
	rm -rf "$1"
}
