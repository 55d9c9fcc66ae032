#!/usr/bin/env bash
# package.sh [build] - what "make check-packages" does. "build": builds the Debian packages from the committed files, whose tests
# run on a throw-away server as part of the build; then looks at what is in them, and asks a server that has nothing but them.
# Also the file for PGXN: META.json by the rules of its specification. Leaves both in build/packages. Without "build": that,
# then package_clean.sh (the package in a clean system) and image.sh (the Dockerfile), or it says that these were skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
if [ "${1:-}" != build ]; then
	bad=0 passed=0 failed=0 skipped=0
	for part in "package.sh build" package_clean.sh image.sh; do
		rc=0
		log=$(mktemp)
		test/$part 2>&1 | tee "$log" || rc=${PIPESTATUS[0]}
		read -r p f < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$log" | tail -n 1; echo 0 0)
		rm -f "$log"
		passed=$((passed + p)) failed=$((failed + f))
		case $rc in 0) ;; 75) say "skipped: $part"; skipped=$((skipped + 1)) ;; *) bad=1; [ "$f" != 0 ] || failed=$((failed + 1)) ;; esac
	done
	echo "total: $passed passed, $failed failed, $skipped skipped"
	exit $bad
fi
test/prepare.sh debian
owner_instead "$PWD/test/package.sh" build
out=$PWD/build/packages
run=$(scratch vxp)
trap 'stop_server "$run"' EXIT
chmod 755 "$run"
passed=0 failed=0
check() {
	local name=$1
	shift
	if "$@"; then echo "package $name ... ok"; passed=$((passed + 1)); else echo "package $name ... failed"; failed=$((failed + 1)); fi
}

check meta perl test/meta.pl META.json
make -s dist
version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" vxp_query.control)
dist_complete() {
	local names file
	names=$(unzip -Z1 "build/vxp_query-$version.zip")
	for file in META.json Makefile vxp_query.control README.md LICENSE CHANGELOG.md src/vxp_query.sql docs/dql.md; do
		grep -qx "vxp_query-$version/$file" <<< "$names" || { echo "the zip has no $file"; return 1; }
	done
}
check dist dist_complete
# what a user of PGXN does with it: make, and make install
dist_builds() {
	unzip -q "build/vxp_query-$version.zip" -d "$run/dist"
	make -s -C "$run/dist/vxp_query-$version" PG_CONFIG="$pg_config" with_llvm=no &&
		make -s -C "$run/dist/vxp_query-$version" PG_CONFIG="$pg_config" with_llvm=no install DESTDIR="$run/pgxn" >/dev/null || return 1
	[ -f "$run/pgxn$("$pg_config" --pkglibdir)/vxp_query.so" ] && [ -f "$run/pgxn$("$pg_config" --sharedir)/extension/vxp_query--$version.sql" ]
}
check "dist builds" dist_builds

# the build refuses a tree with files of an earlier one, and writes beside it
mkdir -p "$run/deb/vxp-query" "$out"
git archive HEAD | tar -x -C "$run/deb/vxp-query"
build() { (cd "$run/deb/vxp-query" && env -u MAKEFLAGS dpkg-buildpackage -us -uc -b > "$out/build.log" 2>&1) || { tail -n 60 "$out/build.log"; return 1; }; }
check build build
cp "$run"/deb/*.deb "$out/" 2>/dev/null || true

# a server with the package's files and nothing else of ours
deb=$(ls "$run"/deb/postgresql-*-vxp-query_*.deb | grep -v dbgsym | head -n 1)
major=$(basename "$deb" | sed -E 's/postgresql-([0-9]+)-.*/\1/')
works() {
	dpkg-deb -x "$deb" "$run/dest"
	chmod -R a+rX "$run/dest"
	pg_config=/usr/lib/postgresql/$major/bin/pg_config
	start_server "$run"
	"$(pg_bin)/psql" -qXAt -v ON_ERROR_STOP=1 <<-'SQL' | tee "$run/answer"
		CREATE EXTENSION vxp_query;
		SET search_path = public, vxp;
		SELECT create_resource_type('Patient', 'sex text', versioned => false);
		INSERT INTO patient (identifier, sex) VALUES ('patient/1', 'F'), ('patient/2', 'M');
		SELECT count(*) FROM patient('{"filter": {"sex": "F"}}');
	SQL
	[ "$(cat "$run/answer")" = $'patient\n1' ]
}
check works works
contents() {
	local list want
	list=$(dpkg-deb -c "$deb" | awk '{print $6}')
	for want in "lib/vxp_query.so$" "extension/vxp_query.control$" "extension/vxp_query--$version.sql$" "doc/postgresql-$major-vxp-query/copyright$"; do
		grep -q "$want" <<< "$list" || { echo "the package has no $want"; return 1; }
	done
	! grep -E 'test/|\.o$|\.c$' <<< "$list"
}
check contents contents
# the project has no mail address: who packages for an archive puts theirs
if command -v lintian >/dev/null; then check lintian lintian --fail-on error --suppress-tags initial-upload-closes-no-bugs,bogus-mail-host,bogus-mail-host-in-debian-changelog --allow-root "$deb"; fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
