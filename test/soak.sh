#!/usr/bin/env bash
# soak.sh - readers, writers, movers, writers of versions and DQL clients for SOAK_SECONDS (600), with kill -9 of the server in the middle; then
# vxp.verify() is empty, and nothing that was committed is missing. Every client notes in a file what the server said it
# has committed; the notes and the rows are compared at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${VXP_TMP:-}" ]; then
	. test/lib.sh
	test/prepare.sh test
	owner_instead "$PWD/test/soak.sh"
	export VXP_SERVER_SETTINGS='fsync = on
max_wal_size = 512MB
checkpoint_timeout = 60s
log_min_messages = fatal
vxp.undo_retention = 0'
	exec test/with_server.sh test/soak.sh
fi
# with_server.sh has set PGHOST, which lib.sh would take away
say() { printf '%s %s\n' '--' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
pg_bin() { "${PG_CONFIG:-pg_config}" --bindir; }
seconds=${SOAK_SECONDS:-600}
w=$VXP_TMP/soak
data=$PGHOST/data
mkdir -p "$w"
psql -Xq -v ON_ERROR_STOP=1 <<'SQL'
CREATE EXTENSION vxp_query;
SELECT vxp.create_resource_type('Dataset', versioned => false), vxp.create_resource_type('Item', 'n bigint, client int', parents => '{Dataset,Item}', versioned => false);
INSERT INTO dataset (identifier) SELECT 'dataset/' || g FROM generate_series(1, 20) g;
INSERT INTO item (identifier, parent_identifier, n) SELECT 'item/' || g, 'dataset/' || 1 + g % 20, g FROM generate_series(1, 500) g;
CREATE INDEX item_gin ON item USING gin (lineage);
SELECT vxp.create_resource_type('Site', versioned => true), vxp.create_resource_type('Scan', 'n int', parents => '{Site,Scan}', versioned => true, on_close => 'cascade');
INSERT INTO site (identifier) SELECT 'site/' || g FROM generate_series(1, 10) g;
SQL
# writer NUMBER: inserts, and now and then updates and deletes its own rows by DQL; notes what was committed. A statement
# whose answer was lost may or may not have been committed: "maybe"
cat > "$w/writer.pl" <<'PERL'
use strict;
use warnings;
my ($client, $file, $until) = @ARGV;
open(my $log, '>>', $file) or die;
$log->autoflush(1);
my $i = 0;
while (time < $until)
{
	# one session until it breaks
	my $statement_count = 0;
	my @lines;
	for (1 .. 20)
	{
		$i++;
		my $id = "item/w$client-$i";
		my $parent = $i % 3 ? 'dataset/' . (1 + $i % 20) : 'item/' . (1 + $i % 500);
		push @lines, [ 'add', $id, "INSERT INTO item (identifier, parent_identifier, n, client) VALUES ('$id', '$parent', $i, $client) RETURNING identifier" ];
		push @lines, [ 'set', "item/w$client-" . ($i - 5), "SELECT vxp.update('{\"resource\":\"Item\",\"filter\":{\"id\":\"item/w$client-" . ($i - 5) . "\"},\"update\":{\"metadata\":{\"user\":{\"seen\":$i}}}}') ->> 'totalItemsCount'" ] if $i % 7 == 6;
		push @lines, [ 'del', "item/w$client-" . ($i - 9), "SELECT vxp.delete('{\"resource\":\"Item\",\"filter\":{\"id\":\"item/w$client-" . ($i - 9) . "\"},\"delete\":true}') ->> 'totalItemsCount'" ] if $i % 11 == 10;
	}
	for my $line (@lines)
	{
		print $log "maybe $line->[0] $line->[1]\n";
		my $answer = `psql -XqAt -c "\\set VERBOSITY sqlstate" -c '@{[ $line->[2] =~ s/'/'"'"'/gr ]}' 2>&1`;
		if ($? == 0) { print $log "done $line->[0] $line->[1]\n" }
		elsif ($answer =~ /ERROR/) { print $log "refused $line->[0] $line->[1] $answer" }
		else { select undef, undef, undef, 0.2 }
	}
}
PERL
sed -i '2i use IO::Handle;' "$w/writer.pl"
cat > "$w/move.sql" <<'SQL'
\set i random(1, 500)
\set j random(1, 500)
\set d random(1, 20)
\if :i > 100
UPDATE item SET parent_identifier = 'dataset/' || :d WHERE identifier = 'item/' || :i;
\else
UPDATE item SET parent_identifier = 'item/' || 500 - :i WHERE identifier = 'item/' || :i;
\endif
SQL
cat > "$w/read.sql" <<'SQL'
\set i random(1, 500)
\set d random(1, 20)
SELECT count(*) FROM item WHERE vxp.has_ancestor(lineage, 'dataset/' || :d);
SELECT count(*) FROM item WHERE lineage OPERATOR(vxp.<@) (SELECT x.lineage FROM item x WHERE identifier = 'item/' || :i);
SELECT count(*) FROM vxp.query(NULL::item, '{"filter":{"$hasAncestor":{"$param":1},"n":{"$gt":{"$param":2}}}}', 'dataset/' || :d, :i) t;
SELECT vxp.page('{"resource":"Item","filter":{"dataset_id":"dataset/3"},"sort":{"n":-1},"pageSize":20}');
SELECT vxp.execute('{"resource":"Item","filter":{"n":{"$lt":40}},"select":["id"],"pageSize":5}');
SQL
cat > "$w/version.sql" <<'SQL'
\set i random(1, 2000)
\set j random(1, 20000)
\set s random(1, 10)
INSERT INTO scan (identifier, parent_identifier, n) VALUES ('scan/' || :i, 'site/' || :s, :j) ON CONFLICT (identifier) DO UPDATE SET n = excluded.n;
\if :j > 19000
DELETE FROM scan WHERE identifier = 'scan/' || :i;
\elif :j > 17000
UPDATE scan SET parent_identifier = 'site/' || :s WHERE identifier = 'scan/' || :i;
\endif
SQL
until=$(($(date +%s) + seconds))
# again after a kill, until the end
clients() { while [ "$(date +%s)" -lt "$until" ]; do pgbench -n -c "$2" -T $(($(date +%s) < until ? until - $(date +%s) : 1)) -f "$w/$1.sql" >> "$w/$1.log" 2>&1 || sleep 1; done; }
clients read 3 & pids=$!
clients move 2 & pids="$pids $!"
clients version 2 & pids="$pids $!"
for c in 1 2; do perl "$w/writer.pl" $c "$w/writer$c.log" "$until" & pids="$pids $!"; done
trap 'kill $pids 2>/dev/null || true' EXIT
sleep $((seconds / 2))
pid=$(head -n 1 "$data/postmaster.pid")
say "kill -9 of the server ($pid) after $((seconds / 2)) seconds"
kill -9 "$pid"
# its children notice and go; until then the data cannot be used
for _ in $(seq 100); do
	rm -f "$data/postmaster.pid"
	"$(pg_bin)/pg_ctl" -D "$data" -l "$VXP_TMP/../log" -w start > "$w/start.log" 2>&1 && break
	sleep 0.3
done
psql -XqAt -c 'SELECT 1' > /dev/null || { cat "$w/start.log"; die "the server does not start again"; }
wait $pids || true
trap - EXIT

rc=0
faults=$(psql -XqAt -c 'SELECT * FROM vxp.verify()')
[ -z "$faults" ] || { echo "$faults" | head -n 20; echo "error: vxp.verify() finds faults"; rc=1; }
psql -XqAt -c 'SELECT identifier FROM item WHERE client IS NOT NULL' | sort > "$w/there"
# what was added, and surely never deleted; what was surely deleted
cat "$w"/writer?.log > "$w/notes"
sed -n 's/^done add //p' "$w/notes" | sort > "$w/added"
sed -n 's/^maybe del //p' "$w/notes" | sort -u > "$w/perhaps_gone"
comm -23 "$w/added" "$w/perhaps_gone" > "$w/must"
sed -n 's/^done del //p' "$w/notes" | sort -u > "$w/deleted"
missing=$(comm -23 "$w/must" "$w/there" | wc -l)
[ "$missing" = 0 ] || { comm -23 "$w/must" "$w/there" | head; echo "error: $missing committed rows are missing"; rc=1; }
# a "done" delete of a row with children is refused, so it is not done; one that was done leaves no row
left=$(comm -12 "$w/deleted" "$w/there" | wc -l)
[ "$left" = 0 ] || { comm -12 "$w/deleted" "$w/there" | head; echo "error: $left rows came back"; rc=1; }
# clients lose their connections by the kill of the postmaster; a backend that dies of itself stands in the server's log
bad=$(grep -hE 'ERROR: +XX| XX[0-9A-Z]{3} ERROR|invalid memory|was terminated by signal|PANIC:|TRAP:' "$w"/*.log "$VXP_TMP/../log" | sort | uniq -c | head || true)
[ -z "$bad" ] || { echo "$bad"; rc=1; }
[ $rc != 0 ] && echo "counts: 0 1 0" || echo "counts: 3 0 0"	# verify, nothing missing, nothing back
echo "soak: $seconds seconds, $(wc -l < "$w/must") rows committed and there, $(wc -l < "$w/deleted") deleted, $(grep -h 'number of transactions actually' "$w"/read.log | awk -F: '{s += $2} END {print s + 0}') reads, $(grep -h 'number of transactions actually' "$w"/move.log | awk -F: '{s += $2} END {print s + 0}') moves, $(psql -XqAt -c 'SELECT count(*) FROM scan') versions, one kill -9: $([ $rc = 0 ] && echo no fault || echo FAULTS)"
exit $rc
