#!/usr/bin/env bash
# matrix.sh MAJOR [COMMAND...] - run COMMAND (default: test/regress.sh) in a copy of this tree on another PostgreSQL
# MAJOR 17, 18 or 19 is taken from the Debian release that packs it, in a chroot that is made once, in a minute or two, and
# kept in VXP_MATRIX_DIR (build/matrix). COMMAND runs as root in the copy, with PG_CONFIG of that server; scripts of this
# folder go on as user postgres. VXP_MATRIX_OLD=15: that server is installed beside it, for pg_upgrade. What COMMAND
# leaves in build/results is copied to build/results-MAJOR. Exit status 75: the chroot could not be made.
# Needs root (or sudo) and a Debian archive; nothing of the machine changes but for the package mmdebstrap.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
major=${1:?usage: matrix.sh MAJOR [COMMAND...]}
shift
[ $# -gt 0 ] || set -- test/regress.sh
# suite of each major; experimental is never complete alone
suite_of() { case $1 in 15) echo bookworm ;; 17) echo trixie ;; 18) echo forky ;; 19) echo experimental ;; *) die "PostgreSQL $1 is in no Debian release that is known here" ;; esac; }
suite=$(suite_of "$major")
old=${VXP_MATRIX_OLD:-}
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null && sudo -n true 2>/dev/null || { say "neither root nor sudo: no chroot for PostgreSQL $major"; exit 75; }
	exec sudo -n VXP_MATRIX_DIR="${VXP_MATRIX_DIR:-}" VXP_MATRIX_OLD="$old" VXP_MATRIX_OWNER="$(id -un)" "$PWD/test/matrix.sh" "$major" "$@"
fi
base=${VXP_MATRIX_DIR:-$PWD/build/matrix}
mkdir -p "$base"
base=$(cd "$base" && pwd)
root=$base/$suite
no_chroot() { say "no chroot for PostgreSQL $major: $*"; exit 75; }

inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
mirror() { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | grep -v security | head -n 1; }

make_chroot() {
	local first=$suite setup archive
	archive=$(mirror)
	[ -n "$archive" ] || no_chroot "apt knows no Debian archive"
	if ! command -v mmdebstrap >/dev/null; then
		say "missing: mmdebstrap; installing with apt"
		apt-get update -q >/dev/null || true
		DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 mmdebstrap >/dev/null ||
			no_chroot "mmdebstrap cannot be installed"
	fi
	[ "$suite" != experimental ] || first=sid
	for s in "$first" "$suite"; do echo "deb $archive $s main"; done | sort -u > "$base/$suite.list"
	# server-dev depends on clang and llvm (1 GB), which only bitcode for JIT needs: unpacked without them
	setup='set -e; cd /tmp
		apt-get install -y -q --no-install-recommends postgresql-$V/$T postgresql-client-$V/$T libpq5/$T make gcc libc6-dev libipc-run-perl
		apt-get download -q postgresql-server-dev-$V/$T libpq-dev/$T
		for d in *.deb; do dpkg -x "$d" /; done; rm -f *.deb; apt-get clean'
	say "making a chroot of Debian $suite with PostgreSQL $major"
	rm -rf --one-file-system "$root"
	if ! DEBIAN_FRONTEND=noninteractive V=$major T=$suite mmdebstrap --quiet --variant=apt \
		--aptopt='Acquire::Check-Valid-Until "false"' --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--customize-hook='printf "#!/bin/sh\nexit 101\n" > "$1/usr/sbin/policy-rc.d"; chmod +x "$1/usr/sbin/policy-rc.d"' \
		--customize-hook='mkdir -p "$1/etc/postgresql-common/createcluster.d"; echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.d/no.conf"' \
		--customize-hook="chroot \"\$1\" sh -c '$setup' >&2" "$first" "$root" "$base/$suite.list" > "$base/$suite.log" 2>&1 &&
		[ -x "$root/usr/lib/postgresql/$major/bin/postgres" ]; then
		tail -n 15 "$base/$suite.log"
		rm -rf --one-file-system "$root"
		no_chroot "mmdebstrap failed (see above)"
	fi
	echo "$major" > "$root/.vxp_matrix"
}

# add_old: a second, older server in the same chroot
add_old() {
	[ ! -x "$root/usr/lib/postgresql/$old/bin/postgres" ] || return 0
	say "adding PostgreSQL $old to the chroot of Debian $suite"
	echo "deb $(mirror) $(suite_of "$old") main" > "$root/etc/apt/sources.list.d/old.list"
	inside sh -ec "apt-get update -q; apt-get install -y -q --no-install-recommends postgresql-$old; cd /tmp
		apt-get download -q postgresql-server-dev-$old; dpkg -x postgresql-server-dev-${old}_*.deb /; rm -f *.deb; apt-get clean" \
		> "$base/$suite.log" 2>&1 || { tail -n 15 "$base/$suite.log"; no_chroot "PostgreSQL $old cannot be added"; }
}

# one at a time makes or changes a chroot; any number use it
exec 9> "$base/$suite.lock"
flock 9
[ "$(cat "$root/.vxp_matrix" 2>/dev/null)" = "$major" ] || make_chroot
[ -z "$old" ] || add_old
flock -u 9

src=$(mktemp -d "$root/tmp/vxp.XXXXXX")
trap 'rm -rf "$src"' EXIT
trap 'exit 130' INT TERM
chmod 755 "$src"
tar --exclude=./.git --exclude=./build --exclude='*.o' --exclude='*.so' --exclude='*.bc' -cf - . | tar --no-same-owner -xf - -C "$src"
say "Debian $(cat "$root/etc/debian_version"), $(inside "/usr/lib/postgresql/$major/bin/postgres" --version)"
settings=(PG_CONFIG="/usr/lib/postgresql/$major/bin/pg_config" VXP_MATRIX_MAJOR="$major" LC_ALL=C.UTF-8 HOME=/root
	PATH="/usr/lib/postgresql/$major/bin:/usr/sbin:/usr/bin:/sbin:/bin")
for name in CRASH_ROUNDS VXP_SERVER_SETTINGS VXP_TESTS; do [ -z "${!name:-}" ] || settings+=("$name=${!name}"); done
inner='cd "$1"; shift; exec "$@"'
rc=0
if unshare --mount --pid --fork --kill-child --net --ipc true 2>/dev/null; then
	# namespaces of its own: no port can clash, nothing survives; process 1 reaps what a kill -9 leaves
	unshare --mount --pid --fork --kill-child --net --ipc -- bash -c '
		root=$1; shift
		ip link set lo up 2>/dev/null || true
		mount -t proc proc "$root/proc"; mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
		rc=0; chroot "$root" env -i "$@" || rc=$?; exit $rc' namespaces "$root" "${settings[@]}" bash -c "$inner" matrix "${src#"$root"}" "$@" || rc=$?
else
	chroot "$root" env -i "${settings[@]}" bash -c "$inner" matrix "${src#"$root"}" "$@" || rc=$?
fi
if [ -d "$src/build/results" ]; then
	mkdir -p build
	rm -rf "build/results-$major"
	cp -r "$src/build/results" "build/results-$major"
	chown -R "${VXP_MATRIX_OWNER:-$(stat -c %U .)}" "build/results-$major"
fi
exit $rc
