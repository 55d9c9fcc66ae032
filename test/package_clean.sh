#!/usr/bin/env bash
# package_clean.sh - part of "make check-packages": the Debian package that package.sh left in build/packages goes into a clean
# system by apt, a new cluster there uses it, the tests that debian/tests names run against it, and it goes away again without
# a trace. Exit status 75: no clean system can be had here (neither root nor sudo, or no archive).
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
. test/chroot.sh
as_root "$PWD/test/package_clean.sh"
test/prepare.sh chroot
deb=$(ls "$PWD"/build/packages/postgresql-*-vxp-query_*.deb 2>/dev/null | grep -v dbgsym | head -n 1)
[ -n "$deb" ] || die "no package in build/packages: run test/package.sh first"
package=$(dpkg-deb -f "$deb" Package)
major=$(sed -E 's/postgresql-([0-9]+)-.*/\1/' <<< "$package")
suite=bookworm
[ "$major" = 15 ] || suite=$(. /etc/os-release; echo "$VERSION_CODENAME")
log=$PWD/build/packages/clean.log
root=$(mktemp -d /tmp/vxp.XXXXXX)
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 130' INT TERM
chmod 755 "$root"
clean_system "$suite" "$root"
checks_of "clean system" "$log"

# nothing of PostgreSQL is there before: what the package depends on must bring the server
install() {
	[ ! -e "$root/usr/lib/postgresql" ] || return 1
	mkdir -p "$root/etc/postgresql-common/createcluster.d"
	echo 'create_main_cluster = false' > "$root/etc/postgresql-common/createcluster.d/no.conf"
	cp "$deb" "$root/tmp/$package.deb"
	install_inside "$root" "/tmp/$package.deb"
}
check "apt installs $(basename "$deb")" install

# the first screen of the README, as a user of that machine
use() {
	cat > "$root/tmp/use.sql" <<-'SQL'
		CREATE EXTENSION vxp_query;
		SET search_path = public, vxp;
		SELECT create_resource_type('Patient', 'sex text', versioned => true);
		INSERT INTO patient (identifier, sex, valid_from) VALUES ('patient/1', 'F', '2020-01-01'), ('patient/2', 'M', '2020-01-01');
		UPDATE patient_current SET sex = 'F' WHERE identifier = 'patient/2';
		SELECT count(*) FROM patient('{"filter": {"sex": "F"}}');
		SET vxp.as_of = '2021-01-01';
		SELECT count(*) FROM patient('{"filter": {"sex": "F"}}');
		SELECT count(*) FROM verify();
	SQL
	inside "$root" sh -ec "pg_createcluster $major trial -- --locale=C.UTF-8 --encoding=UTF8; pg_ctlcluster $major trial start
		runuser -u postgres -- psql --cluster $major/trial -qXAt -v ON_ERROR_STOP=1 -f /tmp/use.sql | tee /tmp/answer
		pg_dropcluster --stop $major trial"
	[ "$(cat "$root/tmp/answer")" = $'patient\n2\n1\n0' ]
}
check "a new cluster has it" use

# what debian/tests/control asks for, "@" being our package, and the test as a user without rights
tests() {
	local needs
	needs=$(sed -nE 's/^Depends: *//p' debian/tests/control | tr ',' '\n' | sed -E 's/[[:space:]]//g; /^@?$/d')
	install_inside "$root" $needs
	mkdir "$root/home/tester"
	tar --exclude=./.git --exclude=./build --exclude='*.o' --exclude='*.so' --exclude='*.bc' -cf - . | tar --no-same-owner -xf - -C "$root/home/tester"
	inside "$root" sh -ec 'useradd -d /home/tester tester; chown -R tester: /home/tester
		exec runuser -u tester -- env HOME=/home/tester sh -c "cd; exec sh debian/tests/installcheck"'
}
check "the tests of debian/tests" tests
grep -E '^# *All [0-9]+ tests passed|^ All [0-9]+ tests passed' "$log" | sed 's/^/   /' || true

# what is ours goes with the package
remove() {
	inside "$root" apt-get purge -y -q "$package"
	[ -z "$(find "$root" -xdev -not -path "$root/home/*" -not -path "$root/var/log/*" -not -path "$root/tmp/*" \( -name '*vxp_query*' -o -name '*vxp-query*' \) -print)" ] ||
		{ find "$root" -xdev -not -path "$root/home/*" \( -name '*vxp_query*' -o -name '*vxp-query*' \) -print; return 1; }
}
check "apt purges it" remove
echo "$passed passed, $failed failed"
[ $failed = 0 ]
