#!/usr/bin/env bash
# compile_matrix.sh - compile every C file, warnings as errors, against the server headers of several majors with gcc
# and clang (where it is there). The headers are unpacked from Debian packages into build/headers, fetched with lists
# of their own: neither apt's state nor a system folder changes. Called by make, which hands over VXP_CFLAGS.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
: "${VXP_CFLAGS:?start me through make compile-matrix}"
releases="15:bookworm 17:trixie 18:forky"

# headers MAJOR SUITE: put the headers of that server into build/headers/MAJOR
headers() {
	local dir=$PWD/build/headers/$1 tmp archive apt
	[ ! -f "$dir/postgres.h" ] || return 0
	archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | grep -v security | head -n 1)
	[ -n "$archive" ] || die "apt knows no Debian archive"
	say "fetching the headers of PostgreSQL $1 (Debian $2)"
	tmp=$(mktemp -d)
	mkdir -p "$tmp/state/lists/partial" "$tmp/cache/archives/partial" "$dir"
	: > "$tmp/state/status"		# what is installed here must not decide which version is taken
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $2 main" > "$tmp/sources.list"
	apt="apt-get -q -o Dir::State=$tmp/state -o Dir::State::status=$tmp/state/status -o Dir::Cache=$tmp/cache -o Dir::Etc::sourcelist=$tmp/sources.list
		-o Dir::Etc::sourceparts=- -o APT::Sandbox::User=root -o Acquire::Languages=none"
	if ! { $apt update && (cd "$tmp" && $apt download "postgresql-server-dev-$1"); }; then
		rm -rf "$tmp"
		die "no headers of PostgreSQL $1 from suite $2"
	fi
	dpkg-deb -x "$tmp"/postgresql-server-dev-"$1"_*.deb "$tmp/unpacked"
	cp -r "$tmp/unpacked/usr/include/postgresql/$1/server/." "$dir"
	rm -rf "$tmp"
}

compilers=$(for cc in gcc clang; do command -v "$cc" >/dev/null && echo "$cc" || say "no $cc here: left out" >&2; done)
[ -n "$compilers" ] || die "no compiler here; make check installs one"
for release in $releases; do headers "${release%:*}" "${release#*:}" >&2; done
bad=0 good=0
for release in $releases; do
	major=${release%:*}
	for cc in $compilers; do
		# the packages were built with gcc: clang knows neither its printf attribute nor its comments on fallthrough
		quiet=; [ "$cc" != clang ] || quiet="-Wno-ignored-attributes -Wno-implicit-fallthrough"
		faults=0
		for file in src/*.c src/*/*.c; do
			# the flags of the server's own build that change meaning or warn, then ours
			$cc -O2 -fno-strict-aliasing -fwrapv -Wmissing-prototypes -Wpointer-arith -Wimplicit-fallthrough \
				-Wformat-security $VXP_CFLAGS -Werror $quiet -fPIC -D_GNU_SOURCE \
				-Isrc -Ibuild/headers/"$major" -c "$file" -o /dev/null || faults=$((faults + 1))
		done
		if [ $faults = 0 ]; then good=$((good + 1)); echo "PostgreSQL $major, $cc: ok"
		else bad=$((bad + 1)); echo "PostgreSQL $major, $cc: $faults files do not compile"; fi
	done
done
echo "$good passed, $bad failed"
[ $bad = 0 ]
