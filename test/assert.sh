#!/usr/bin/env bash
# assert.sh MODE [COMMAND...] - run COMMAND (default: test/run_tests.sh) as with_server.sh does, on a server that was
# built from Debian's pristine source with assertions, memory checks and valgrind's hooks: once, in about ten minutes of
# CPU time, into VXP_ASSERT_DIR (build/assert). MODE: asserts; asan (the extension with address and undefined-behaviour
# sanitizers; the server's -fwrapv stays, so signed overflow is not reported); valgrind (the server under memcheck).
# Reading past the end of a palloc chunk is found by valgrind alone, past an array on the stack by asan alone.
# Each run has a copy of the server and of this tree: any number may run side by side. PG_MAJOR: 15.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
mode=${1:?usage: assert.sh asserts|asan|valgrind [COMMAND...]}
shift
[ $# -gt 0 ] || set -- test/run_tests.sh
major=${PG_MAJOR:-15}
base=${VXP_ASSERT_DIR:-$PWD/build/assert}
suite=bookworm
server=$base/pgsql-$major
# the server's makefiles make its generated headers at the top level of make alone, and we may be called by make
unset PG_CONFIG MAKELEVEL MAKEFLAGS MFLAGS
pg_config=pg_config
test/prepare.sh test source $( [ "$mode" != valgrind ] || echo valgrind)

build_server() {
	local work=$base/build-$major mirror apt
	say "building PostgreSQL $major with assertions"
	rm -rf "$work" "$server"
	mkdir -p "$work/lists/partial" "$work/src" "$server"
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | grep -v security | head -n 1)
	[ -n "$mirror" ] || die "apt knows no Debian archive"
	echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" > "$work/src.list"
	apt="-o Dir::Etc::sourcelist=$work/src.list -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=$work/lists
		-o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false"
	# the tarball only: Debian's patches fix the folder of libraries whatever --prefix says
	(cd "$work" && apt-get $apt -qq update && apt-get $apt -qq source --download-only --tar-only "postgresql-$major")
	tar -C "$work/src" --strip-components=1 -xf "$work"/postgresql-"$major"_*.orig.tar.*
	[ "$(id -u)" != 0 ] || chown -R "$(server_user)": "$work" "$server"
	chmod 755 "$base"
	# not as root, so that nothing of the system can be overwritten
	as bash -euc "cd '$work/src'
		./configure -q --prefix='$server' --enable-cassert --enable-debug --enable-tap-tests --with-icu \
			--without-readline --without-zlib CFLAGS='-O1 -g -fno-omit-frame-pointer' CPPFLAGS=-DUSE_VALGRIND
		for d in . contrib src/test/isolation; do nice make -s -j$(nproc) -C \$d >/dev/null; nice make -s -C \$d install >/dev/null; done
		cp src/tools/valgrind.supp '$server/'" > "$base/build-$major.log" 2>&1 || { tail -n 30 "$base/build-$major.log"; die "PostgreSQL $major does not build"; }
	rm -rf "$work"
}
mkdir -p "$base"
exec 9> "$base/lock"
flock 9
[ -x "$server/bin/postgres" ] || build_server
flock -u 9
exec 9>&-

run=$(scratch vxpa)
trap 'rm -rf "$run"' EXIT
trap 'exit 130' INT TERM
chmod 755 "$run"
cp -a "$server" "$run/pg"
mkdir "$run/tree" "$run/san"
tar --exclude=./.git --exclude=./build --exclude='*.o' --exclude='*.so' -cf - . | tar --no-same-owner -xf - -C "$run/tree"
chmod -R a+rX "$run/tree"
chmod 777 "$run/san"
case $mode in
	asserts) wrap= ;;
	asan)
		export PROFILE='-fsanitize=address,undefined -fno-sanitize-recover=undefined'
		# called by the script's name, so that a restart, which runs what the server was called by, is checked too
		wrap="LD_PRELOAD='$(readlink -f "$(gcc -print-file-name=libasan.so)") $(readlink -f "$(gcc -print-file-name=libubsan.so)")' \
			ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:log_path=$run/san/log UBSAN_OPTIONS=print_stacktrace=1:log_path=$run/san/log exec -a \"\$0\"" ;;
	valgrind)
		wrap="exec valgrind --quiet --trace-children=yes --leak-check=no --num-callers=24 --suppressions=$run/pg/valgrind.supp \
			--error-markers=VALGRINDERROR-BEGIN,VALGRINDERROR-END --log-file=$run/san/log.%p" ;;
	*) die "unknown mode $mode" ;;
esac
if [ -n "$wrap" ]; then
	# in the place of the program, so that every server of every test runs so; initdb's own calls are left alone
	mv "$run/pg/bin/postgres" "$run/pg/bin/postgres.plain"
	cat > "$run/pg/bin/postgres" <<END
#!/bin/bash
case "\$1" in --boot | --single | --check | -V | -C | --describe-config) exec "\${0%/*}/postgres.plain" "\$@" ;; esac
$wrap "\${0%/*}/postgres.plain" "\$@"
END
	chmod 755 "$run/pg/bin/postgres"
fi
[ "$(id -u)" != 0 ] || chown -R "$(server_user)": "$run/pg"
export PATH="$run/pg/bin:$PATH" LD_LIBRARY_PATH="$run/pg/lib" PG_CONFIG="$run/pg/bin/pg_config" VXP_PRIVATE_SERVER=1 VXP_MODE=$mode
[ "$mode" != valgrind ] || export PGCTLTIMEOUT=300
export PG_TEST_TIMEOUT_DEFAULT=600
rc=0
(cd "$run/tree" && test/with_server.sh "$@") || rc=$?
if [ -d "$run/tree/build/results" ]; then
	mkdir -p build
	rm -rf "build/results-$mode"
	cp -r "$run/tree/build/results" "build/results-$mode"
fi
# the reports of a process that was checked, whether or not it died of them
if cat "$run"/san/log* 2>/dev/null | grep -E -A 30 'VALGRINDERROR-BEGIN|ERROR: AddressSanitizer|runtime error:'; then
	echo "error: $mode found a fault (see above)" >&2
	rc=1
fi
[ $rc != 0 ] || echo "$mode: no finding"
exit $rc
