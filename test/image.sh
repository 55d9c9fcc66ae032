#!/usr/bin/env bash
# image.sh - part of "make check-packages": builds docker/Dockerfile with buildah, starts what came out, and asks it. The base
# image is not fetched: one of the same name is made here of the packages of its Debian release, with an entry point that keeps
# the promises of the real one that we rely on (docker/README of that image: POSTGRES_PASSWORD, /docker-entrypoint-initdb.d).
# VXP_IMAGE_BASE=pull: the real one, from its registry. Exit status 75: neither root, nor archive, nor buildah.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
. test/chroot.sh
as_root "$PWD/test/image.sh"
test/prepare.sh chroot image || cannot "buildah cannot be installed"
out=$PWD/build/packages
mkdir -p "$out"
work=$(mktemp -d /tmp/vxp.XXXXXX)
chmod 755 "$work"
# images of this run, nobody else's; chroot isolation and vfs need no more than root
tool() {
	local verb=$1
	shift
	buildah --root "$work/images" --runroot "$work/run" --storage-driver vfs "$verb" "$@"
}
finish() { tool rm --all >/dev/null 2>&1 || true; rm -rf --one-file-system "$work"; }
trap finish EXIT
trap 'exit 130' INT TERM
base=$(sed -n 's/^FROM \([^ ]*\)$/\1/p' docker/Dockerfile | head -n 1)
suite=${base##*-}
major=$(sed -E 's/^[^:]*:([0-9]+).*/\1/' <<< "$base")
checks_of image "$out/image.log"

base_image() {
	local box
	if [ "${VXP_IMAGE_BASE:-}" = pull ]; then tool pull "docker.io/library/$base"; return; fi
	clean_system "$suite" "$work/base" || return 1
	mkdir -p "$work/base/etc/postgresql-common/createcluster.d" "$work/base/docker-entrypoint-initdb.d"
	echo 'create_main_cluster = false' > "$work/base/etc/postgresql-common/createcluster.d/no.conf"
	install_inside "$work/base" "postgresql-$major" || return 1
	cat > "$work/base/usr/local/bin/docker-entrypoint.sh" <<-'ENTRY'
		#!/bin/bash
		# a new cluster with the password, its server on the socket alone for the scripts, then the server
		set -e
		if [ "$(id -u)" = 0 ]; then
			mkdir -p "$PGDATA" /var/run/postgresql; chown postgres: "$PGDATA" /var/run/postgresql
			exec runuser -u postgres -- "$0" "$@"
		fi
		export POSTGRES_USER=${POSTGRES_USER:-postgres}
		[ -n "$POSTGRES_PASSWORD" ] || { echo "POSTGRES_PASSWORD is not set" >&2; exit 1; }
		if [ ! -s "$PGDATA/PG_VERSION" ]; then
			initdb -U "$POSTGRES_USER" -D "$PGDATA" --auth-local=trust --auth-host=scram-sha-256 --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD")
			pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
			for f in /docker-entrypoint-initdb.d/*; do
				case $f in *.sh) if [ -x "$f" ]; then "$f"; else . "$f"; fi ;; *.sql) psql -U "$POSTGRES_USER" -v ON_ERROR_STOP=1 -f "$f" ;; esac
			done
			pg_ctl -D "$PGDATA" -m fast -w stop
		fi
		exec "$@"
	ENTRY
	chmod 755 "$work/base/usr/local/bin/docker-entrypoint.sh"
	box=$(tool from scratch) || return 1
	tool add "$box" "$work/base" / || return 1
	tool config --env "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/$major/bin" --env PGDATA=/var/lib/postgresql/data --env LANG=C.UTF-8 \
		--entrypoint '["docker-entrypoint.sh"]' --cmd postgres "$box" || return 1
	tool commit --rm "$box" "docker.io/library/$base" || return 1
	rm -rf --one-file-system "$work/base"
}
check "a base image in place of $base" base_image

# the committed files, as a clone has them
build() {
	mkdir "$work/context"
	git -c safe.directory="$PWD" archive HEAD | tar --no-same-owner -x -C "$work/context"
	mkdir -p "$chroots/debs"
	tool build --isolation chroot --pull-never --volume "$chroots/debs:/var/cache/apt/archives" -f "$work/context/docker/Dockerfile" -t vxp_query "$work/context"
}
check "docker/Dockerfile" build

# buildah starts no entry point: it is given, as the image has it
run() {
	local box
	box=$(tool from --pull-never vxp_query) || return 1
	[ "$(tool inspect --format '{{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.Cmd}}' "$box")" = '[docker-entrypoint.sh] [postgres]' ] || return 1
	# ready for the second time: the first server was that of the scripts; whatever fails, no server stays
	tool run --isolation chroot --env POSTGRES_PASSWORD=trial "$box" -- bash -ec '
		docker-entrypoint.sh postgres -c "listen_addresses=" > /tmp/log 2>&1 &
		server=$!
		trap "kill $server 2>/dev/null; wait; cat /tmp/log" EXIT
		for i in $(seq 300); do [ "$(grep -c "ready to accept connections" /tmp/log)" -lt 2 ] && kill -0 $server || break; sleep 1; done
		psql -U postgres demo -XAt -v ON_ERROR_STOP=1 -c "SELECT count(*) FROM volume" -c "SELECT count(*) FROM volume(\$\${\"filter\": {\"modality\": \"SEG\"}}\$\$)" -c "SELECT count(*) FROM vxp.verify()" | tee /tmp/answer
		[ "$(cat /tmp/answer | tr "\n" " ")" = "11120 932 0 " ]'
}
check "a container answers from the sample data" run
echo "$passed passed, $failed failed"
[ $failed = 0 ]
