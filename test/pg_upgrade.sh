#!/usr/bin/env bash
# pg_upgrade.sh - pg_upgrade from the oldest to the newest server that is here, by copying and with --link, and pg_restore
# of the old server's dump: after each, test/upgrade/verify.sql prints what it printed before. Runs in a chroot of
# matrix.sh (VXP_MATRIX_OLD=15 test/matrix.sh 17 test/pg_upgrade.sh), since it installs the extension for both.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
[ -n "${VXP_MATRIX_MAJOR:-}" ] || die "start me through matrix.sh"
versions=$(ls /usr/lib/postgresql | sort -n)
old=$(head -n 1 <<< "$versions") new=$(tail -n 1 <<< "$versions")
[ "$old" != "$new" ] || die "found one server only, $old"
for v in $old $new; do
	config=/usr/lib/postgresql/$v/bin/pg_config
	make -s PG_CONFIG="$config" with_llvm=no clean
	make -s -j"$(nproc)" PG_CONFIG="$config" with_llvm=no all
	make -s PG_CONFIG="$config" with_llvm=no install >/dev/null
done
chmod -R a+rX .
work=$(scratch vxpu)
chmod 755 "$work"
chown "$(server_user)" "$work"
trap 'rm -rf "$work"' EXIT
cat > "$work/run.sh" <<'END'
set -euo pipefail
tree=$1 work=$2 old=$3 new=$4 o=/usr/lib/postgresql/$3/bin n=/usr/lib/postgresql/$4/bin
cd "$work"
export PGHOST=$work PGUSER=postgres PGDATABASE=app
trap '"$o/pg_ctl" -D "$work/o" -m immediate stop >/dev/null 2>&1 || true; "$n/pg_ctl" -D "$work/n" -m immediate stop >/dev/null 2>&1 || true' EXIT
start() { "$1/pg_ctl" -D "$2" -l "$work/log" -o "-k $work -h ''" -w start >/dev/null || { cat "$work/log"; exit 1; }; }
stop() { "$1/pg_ctl" -D "$2" -m fast -w stop >/dev/null; }
answers() { "$1/psql" -XqAt -v ON_ERROR_STOP=1 -f "$tree/test/upgrade/verify.sql" ${3:-app} > "$work/$2"; }
same() { diff "$work/before" "$work/$1" || { echo "error: $1: other answers"; exit 1; }; }
checksums=$("$n/initdb" --help | grep no-data-checksums >/dev/null && echo --no-data-checksums || true)
"$o/initdb" -D o -U postgres -A trust -N >/dev/null
start "$o" o
"$o/psql" -Xqc 'CREATE ROLE app_owner LOGIN' -c 'CREATE DATABASE app OWNER app_owner' postgres
"$o/psql" -XqAt -v ON_ERROR_STOP=1 -U app_owner -f "$tree/test/upgrade/setup.sql" app > /dev/null
answers "$o" before
[ "$(wc -l < before)" -gt 20 ] || { echo "error: the check prints too little"; exit 1; }
"$o/pg_dump" -Fc -f dump app
stop "$o" o
for mode in --copy --link; do
	rm -rf n
	"$n/initdb" -D n -U postgres -A trust -N $checksums >/dev/null
	"$n/pg_upgrade" $mode -b "$o" -B "$n" -d o -D n -U postgres -s "$work" > up.log 2>&1 || { cat up.log; find n -name '*.txt' -exec cat {} +; find n -path "*output.d*" -name "pg_upgrade_server.log" -exec tail -n 15 {} +; find n -path "*output.d*" -name "*dump*.log" -exec grep -ihE -A 8 "error|fatal|could not" {} +; exit 1; }
	start "$n" n
	answers "$n" "after$mode"; same "after$mode"
	"$n/psql" -XqAt -v ON_ERROR_STOP=1 -U app_owner -f "$tree/test/upgrade/go_on.sql" app > "went_on$mode"
	[ ! -f update_extensions.sql ] || { "$n/psql" -Xq -v ON_ERROR_STOP=1 -f update_extensions.sql postgres; answers "$n" updated; }
	[ $mode = --link ] || stop "$n" n
done
"$n/createdb" -O app_owner restored
"$n/pg_restore" --exit-on-error -j 2 -d restored dump
answers "$n" restored restored
same restored
stop "$n" n
echo "-- server: $("$o/postgres" --version | awk '{print $3}')"
echo "counts: 3 0 0"
echo "pg_upgrade $old to $new, copied and linked, and restored: $(wc -l < before) lines the same"
END
as bash "$work/run.sh" "$PWD" "$work" "$old" "$new"
