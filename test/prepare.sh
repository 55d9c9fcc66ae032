#!/usr/bin/env bash
# prepare.sh [GROUP...] - install by apt what is needed here and missing: a server with headers and a compiler; groups:
# "test": what the TAP tests use, and hypopg where the distribution has it; "python": what fetching the whole sample index
# uses; "clients": the languages and drivers of "make check-clients"; "debian": what builds packages; "chroot", "image": what makes
# clean systems and container images; "clang", "valgrind",
# "sqlsmith", "source" (to build a server): what parts of "make check-all" use. Says and does nothing when all is there.
# Nobody is asked anything; without apt or root rights it names the packages instead.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh

# a pg_config alone says little: libpq's has neither headers nor server
server_ready() {
	command -v "$pg_config" >/dev/null 2>&1 || return 1
	local pgxs
	pgxs=$("$pg_config" --pgxs 2>/dev/null) || return 1
	[ -f "$pgxs" ] && [ -f "$("$pg_config" --includedir-server)/postgres.h" ] &&
		[ -x "$(pg_bin)/initdb" ] && [ -x "$(pg_bin)/postgres" ] && [ -x "$(pg_bin)/psql" ]
}

# packaged for the servers of Debian's layout alone; the test that wants it skips itself elsewhere
hypopg_ready() {
	server_ready || return 1
	case $(pg_bin) in /usr/lib/postgresql/*) ;; *) return 0 ;; esac
	[ -f "$("$pg_config" --sharedir)/extension/hypopg.control" ] && return 0
	[ -n "$(apt-cache search --names-only "^postgresql-$(pg_major)-hypopg\$" 2>/dev/null)" ] && return 1
	return 0
}

missing() {
	server_ready || echo server
	command -v gcc >/dev/null || echo gcc
	echo '#include <stdio.h>' | cpp >/dev/null 2>&1 || echo libc6-dev
	command -v make >/dev/null || echo make
	for group; do
		case $group in
			test)
				command -v prove >/dev/null || echo perl
				perl -MIPC::Run -e 1 2>/dev/null || echo libipc-run-perl
				hypopg_ready || echo hypopg ;;
			python)
				python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv ;;
			clang)
				command -v clang >/dev/null || echo clang
				ls /usr/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a 2>/dev/null | grep -q . || echo libclang-rt-dev ;;
			valgrind) command -v valgrind >/dev/null || echo valgrind ;;
			sqlsmith) command -v sqlsmith >/dev/null || echo sqlsmith ;;
			source)
				for tool in bison flex pkg-config; do command -v $tool >/dev/null || echo $tool; done
				pkg-config icu-i18n 2>/dev/null || echo libicu-dev ;;
			clients)
				command -v npm >/dev/null || echo nodejs npm
				command -v javac >/dev/null || echo default-jdk-headless
				command -v mvn >/dev/null || echo maven
				command -v go >/dev/null || echo golang-go
				odbcinst -q -d -n 'PostgreSQL Unicode' >/dev/null 2>&1 || echo unixodbc odbcinst odbc-postgresql ;;
			chroot) command -v mmdebstrap >/dev/null || echo mmdebstrap ;;
			image)
				command -v buildah >/dev/null || echo buildah
				command -v crun >/dev/null || command -v runc >/dev/null || echo crun ;;
			debian)
				command -v dpkg-buildpackage >/dev/null || echo dpkg-dev
				command -v dh >/dev/null || echo debhelper
				command -v pg_buildext >/dev/null || echo postgresql-server-dev-all
				command -v fakeroot >/dev/null || echo fakeroot
				command -v unzip >/dev/null || echo unzip
				command -v lintian >/dev/null || echo lintian ;;
			*) die "unknown group \"$group\"" ;;
		esac
	done
}

need=$(missing "$@")
[ -n "$need" ] || exit 0
if [ -n "${PG_CONFIG:-}" ] && [ "$PG_CONFIG" != pg_config ] && ! server_ready; then
	die "PG_CONFIG=$PG_CONFIG is no server with headers; leave PG_CONFIG out to have one installed"
fi
command -v apt-get >/dev/null || die "missing: $(echo $need). Only Debian's apt is known here; please install them by hand"
if [ "$(id -u)" = 0 ]; then root=
elif command -v sudo >/dev/null && sudo true; then root=sudo
else root=none; fi

say "missing: $(echo $need); installing with apt"
if [ "$root" != none ]; then
	$root apt-get update -q || say "apt-get update complained; going on with the lists there are"
fi
packages=
for n in $need; do
	if [ "$n" = hypopg ]; then continue; fi
	if [ "$n" != server ]; then packages="$packages $n"; continue; fi
	# the newest server that is already here, else the one of this Debian release
	major=$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sed -E 's,.*/postgresql/([0-9]+)/.*,\1,' | sort -n | tail -n 1 || true)
	[ -n "$major" ] || major=$(apt-cache show postgresql 2>/dev/null | sed -nE 's/^Depends:.*\bpostgresql-([0-9]+).*/\1/p' | sort -n | tail -n 1 || true)
	[ -n "$major" ] || [ "$root" != none ] || major=NN
	[ -n "$major" ] || die "apt knows no package \"postgresql\"; is a Debian archive set up in its sources?"
	[ "$major" = NN ] || [ "$major" -ge 15 ] || die "vxp_query needs PostgreSQL 15 or newer, and this release has $major"
	packages="$packages postgresql-$major postgresql-server-dev-$major"
done
case " $need " in *hypopg*)
	[ -n "${major:-}" ] || major=$(pg_major)
	[ -z "$(apt-cache search --names-only "^postgresql-$major-hypopg\$" 2>/dev/null)" ] || packages="$packages postgresql-$major-hypopg" ;;
esac
[ -n "$packages" ] || exit 0
[ "$root" != none ] || die "neither root rights nor sudo here. As root:  apt-get install$packages"
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
	-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 $packages
left=$(missing "$@")
[ -z "$left" ] || die "still missing after the installation: $(echo $left)"
say "installed:$packages"
