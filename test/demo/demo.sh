#!/usr/bin/env bash
# demo.sh start | stop [--quiet] - the server behind "make demo": one at a time, in a folder of its own, with the
# sample data of test/data (FULL=1: the whole index it was cut from, fetched by pip). The folder's name is kept in
# build/demo; stop ends the server and removes both.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/lib.sh
record=build/demo

stop() {
	local dir
	dir=$(cat "$record" 2>/dev/null || true)
	case $dir in
		*/vxp-demo.*) stop_server "$dir" ;;
		*) [ "${1:-}" = --quiet ] || say "no demo server is running"; return 0 ;;
	esac
	rm -f "$record"
	[ "${1:-}" = --quiet ] || say "the demo server is gone, with all its data"
}

start() {
	local dir full="" data=test/data began=$SECONDS
	[ -z "${FULL:-}" ] || [ "$FULL" = 0 ] || full=python
	test/prepare.sh $full
	owner_instead "$PWD/test/demo/demo.sh" start
	stop --quiet
	mkdir -p build
	dir=$(scratch vxp-demo)
	chmod 755 "$dir"	# the server's user looks in, even where root made it
	echo "$dir" > "$record"
	trap 'rc=$?; [ $rc = 0 ] || stop --quiet' EXIT
	trap 'exit 130' INT TERM

	say "building for $("$pg_config" --version)"
	build_into "$dir/dest"
	if [ -n "$full" ]; then
		data=build/idc-index
		[ -d "$data" ] || test/data/fetch_index.sh "$data"
	fi
	say "starting a server in $dir"
	start_server "$dir"
	chmod 700 "$dir"
	psql=$(pg_bin)/psql
	"$psql" -qX -v ON_ERROR_STOP=1 <<-'SQL'
		CREATE DATABASE demo;
		ALTER DATABASE demo SET search_path = public, vxp;
		CREATE DATABASE demo_history;
		ALTER DATABASE demo_history SET search_path = public, vxp;
	SQL
	export PGDATABASE=demo
	say "loading $data"
	"$psql" -qX -o /dev/null -v ON_ERROR_STOP=1 -v data="$data" -f test/data/load.sql
	say "loading $data again, with all versions"
	"$psql" -qX -o /dev/null -v ON_ERROR_STOP=1 -v data="$data" -f test/data/load_versions.sql demo_history
	say "loaded after $((SECONDS - began)) s"
	PAGER= "$psql" -qX -v ON_ERROR_STOP=1 -f test/demo/questions.sql
	PAGER= "$psql" -qX -v ON_ERROR_STOP=1 -f test/demo/time.sql demo_history
	cat <<-TEXT

	-- the server goes on running; ask it yourself:
	     $psql -h $dir -U postgres demo
	     $psql -h $dir -U postgres demo_history
	-- when you are done:
	     make demo-stop
	TEXT
}

case ${1:-} in
	start) start ;;
	stop) stop "${2:-}" ;;
	*) die "usage: demo.sh start | stop" ;;
esac
