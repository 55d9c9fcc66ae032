# chroot.sh - clean Debian systems to install things in; sourced after lib.sh, by root
# A system is unpacked anew for each use, from a tar of the suite that is made once, and removed afterwards. Packages that
# were fetched are kept beside the tar: build/chroot, or VXP_CHROOT_DIR.

chroots=${VXP_CHROOT_DIR:-$PWD/build/chroot}
cannot() { say "no clean system: $*"; exit 75; }

# as_root SCRIPT ARGS...: go on as root, or end with exit status 75
as_root() {
	[ "$(id -u)" != 0 ] || return 0
	command -v sudo >/dev/null && sudo -n true 2>/dev/null || cannot "neither root nor sudo"
	exec sudo -n VXP_CHROOT_DIR="${VXP_CHROOT_DIR:-}" "$@"
}

# archives_of SUITE: where this machine has the suite from, its security updates too, for a package asks for a server as new as
# the one that it was built with; for another suite, the archive alone
archives_of() {
	local known
	known=$(apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) main' 'Created-By: Packages' 'Origin: Debian' | sort -u)
	grep -E " $1(-security|-updates)? main\$" <<< "$known" || sed -nE "/security/!s/ [^ ]+ main\$/ $1 main/p" <<< "$known" | head -n 1
}

# system_tar SUITE: make the tar of the suite unless it is there: what the archive calls required, and apt
system_tar() {
	local archives
	mkdir -p "$chroots/debs"
	exec 9> "$chroots/lock"
	flock 9
	if [ ! -f "$chroots/$1.tar" ]; then
		archives=$(archives_of "$1")
		[ -n "$archives" ] || cannot "apt knows no Debian archive"
		say "making a system of Debian $1"
		rm -f "$chroots/part.tar"
		DEBIAN_FRONTEND=noninteractive mmdebstrap --quiet --variant=apt --skip=cleanup/apt/lists --aptopt='Acquire::Check-Valid-Until "false"' \
			--dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
			--customize-hook='printf "#!/bin/sh\nexit 101\n" > "$1/usr/sbin/policy-rc.d"; chmod +x "$1/usr/sbin/policy-rc.d"' \
			"$1" "$chroots/part.tar" - <<< "$archives" > "$chroots/$1.log" 2>&1 || { tail -n 15 "$chroots/$1.log"; cannot "mmdebstrap failed (see above)"; }
		mv "$chroots/part.tar" "$chroots/$1.tar"
	fi
	flock -u 9
}

# clean_system SUITE FOLDER: unpack one
clean_system() {
	system_tar "$1"
	mkdir -p "$2"
	tar --numeric-owner -xf "$chroots/$1.tar" -C "$2"
	cp /etc/resolv.conf "$2/etc/" 2>/dev/null || true
}

# inside FOLDER COMMAND...: run it in there as root. No process outlives it.
inside() {
	local root=$1
	shift
	unshare --mount --pid --fork --kill-child -- sh -c 'root=$1; shift; mount -t proc proc "$root/proc"; mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
		chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive "$@"' inside "$root" "$@"
}

# install_inside FOLDER PACKAGE...: by apt, with what they depend on
install_inside() {
	local root=$1 rc=0
	shift
	cp "$chroots"/debs/*.deb "$root/var/cache/apt/archives/" 2>/dev/null || true
	inside "$root" apt-get install -y -q --no-install-recommends -o Dpkg::Use-Pty=0 -o APT::Keep-Downloaded-Packages=true "$@" || rc=$?
	cp -u "$root"/var/cache/apt/archives/*.deb "$chroots/debs/" 2>/dev/null || true
	rm -f "$root"/var/cache/apt/archives/*.deb
	return $rc
}

# checks_of WHAT LOG: begin to count; then check NAME COMMAND...: one line for each, and the end of its output when it fails
checks_of() { what=$1 checks_log=$2 passed=0 failed=0; }
check() {
	local name=$1
	shift
	if "$@" > "$checks_log" 2>&1; then echo "$what: $name ... ok"; passed=$((passed + 1)); else echo "$what: $name ... failed"; tail -n 40 "$checks_log"; failed=$((failed + 1)); fi
}
