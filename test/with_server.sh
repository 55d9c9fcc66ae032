#!/usr/bin/env bash
# with_server.sh COMMAND... - build the extension, start a throw-away server that has it, run COMMAND
# COMMAND runs in the project folder (or a copy, where the server's user may not read it). The server listens on a
# unix socket only; PGHOST, PGPORT, PGUSER and VXP_TMP (a scratch folder, removed afterwards) are set. As root,
# server and COMMAND run as user postgres. Nothing is installed into system folders.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
owner_instead "$PWD/test/with_server.sh" "$@"
run=$(scratch vxp)
tree=$PWD
finish() {
	# what the tests wrote stays for reading: build/results is where new expected output comes from
	if [ -d "$run/tmp/results" ]; then
		mkdir -p "$tree/build"
		rm -rf "$tree/build/results"
		cp -r "$run/tmp/results" "$tree/build/results"
	fi
	stop_server "$run"
}
trap finish EXIT
trap 'exit 130' INT TERM
chmod 755 "$run"
mkdir "$run/tmp"
build_into "$run/dest"
if ! as test -r "$tree/Makefile" -a -r "$tree/test/lib.sh"; then
	mkdir "$run/tree"
	tar --exclude=./.git --exclude=./build -cf - . | tar -xf - -C "$run/tree"
	chmod -R a+rX "$run/tree"
	cd "$run/tree"
fi
start_server "$run"
[ -z "${VXP_SAY_SERVER:-}" ] || say "server: $("$(pg_bin)/postgres" --version | awk '{print $3}')${VXP_MODE:+ $VXP_MODE}"
export VXP_TMP=$run/tmp TEMP_CONFIG=$run/server.conf
rc=0
as "$@" || rc=$?
if grep -E 'TRAP:|terminated by signal|server process .* exited with exit code|detected write past chunk end' "$run/log"; then
	echo "error: a server process died or damaged its memory (see above)" >&2
	rc=1
fi
# an internal error is one that nobody thought of; no statement of a test may reach one
if [ -z "${VXP_ALLOW_INTERNAL:-}" ] && grep -E -A 3 '\] XX[0-9A-Z]{3} (ERROR|FATAL|PANIC)' "$run/log"; then
	echo "error: an internal error was reached (see above)" >&2
	rc=1
fi
exit $rc
