#
# crash_replica: the server is killed while paths are written, and answers right after it came back; a replica answers as
# the primary does, then and after its promotion, and what only reads works there (D1, F1, F3)
#
# CRASH_ROUNDS: kills, 3 unless set.
#
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $rounds = $ENV{CRASH_ROUNDS} // 3;
my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
# In the first round each replayed GiST page is compared with the one that the primary wrote. Only then: once scans have
# marked dead entries, the server's own replay of their removal sets a flag that the primary does not set, for every GiST
# index, and the comparison fails.
$node->append_conf('postgresql.conf', "wal_consistency_checking = 'gist,gin'\nwal_keep_size = 2GB\nmax_wal_size = 256MB\n"
	  . "checkpoint_timeout = 30s\nautovacuum_naptime = 1s\nlog_statement = none\n");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION vxp_query;
CREATE EXTENSION amcheck;
CREATE TABLE item (id bigserial PRIMARY KEY, path vxp.lineage NOT NULL);
CREATE INDEX item_gist ON item USING gist (path);
CREATE INDEX item_gin ON item USING gin (path);
CREATE INDEX item_btree ON item (path);
INSERT INTO item (path) SELECT vxp.lineage(ARRAY['a', 'b/' || i % 50, 'c/' || i]) FROM generate_series(1, 5000) i;
CREATE UNLOGGED TABLE gone (path vxp.lineage);
CREATE INDEX gone_gist ON gone USING gist (path);
INSERT INTO gone SELECT path FROM item;
SELECT vxp.create_resource_type('Box', versioned => false), vxp.create_resource_type('Thing', 'n int', parents => '{Box,Thing}', versioned => false);
INSERT INTO box (identifier) SELECT 'box/' || g FROM generate_series(1, 10) g;
INSERT INTO thing (identifier, parent_identifier, n) SELECT 'thing/' || g, 'box/' || 1 + g % 10, g FROM generate_series(1, 200) g;
SELECT vxp.create_resource_type('Site', versioned => true), vxp.create_resource_type('Scan', 'n int', parents => '{Site,Scan}', versioned => true, on_close => 'cascade');
INSERT INTO site (identifier) SELECT 'site/' || g FROM generate_series(1, 5) g;
SQL
$node->backup('b');
my $replica = PostgreSQL::Test::Cluster->new('replica');
$replica->init_from_backup($node, 'b', has_streaming => 1);
$replica->append_conf('postgresql.conf', 'hot_standby_feedback = off');
$replica->start;

# the same rows of each branch by each index and by reading the table
sub same_answers
{
	my ($n, $what) = @_;
	my $question = 'SELECT b, count(*), sum(hashint8(id)::numeric) FROM generate_series(0, 49) b, item WHERE %s GROUP BY b ORDER BY b';
	my $by_label = sprintf($question, "path OPERATOR(vxp.@^) ('b/' || b)::vxp.identifier");
	my $by_path = sprintf($question, "path OPERATOR(vxp.<@) vxp.lineage(ARRAY['a', 'b/' || b])");
	my $scan = $n->safe_psql('postgres', "SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off; $by_label");
	isnt($scan, '', "$what: there are rows");
	is($n->safe_psql('postgres', "SET enable_seqscan = off; SET enable_bitmapscan = off; $by_label"), $scan, "$what: GiST");
	is($n->safe_psql('postgres', "SET enable_seqscan = off; SET enable_indexscan = off; $by_label"), $scan, "$what: bitmap, GiST or GIN");
	is($n->safe_psql('postgres', "SET enable_seqscan = off; $by_path"), $scan, "$what: by path");
	return;
}

# what only reads, in a read-only transaction too
sub reads
{
	my ($n, $what) = @_;
	is($n->safe_psql('postgres', <<'SQL'), "200\n20\n1\nt\n20", $what);
SET default_transaction_read_only = on;
SELECT vxp.count('{"resource":"Thing"}');
SELECT count(*) FROM thing('{"filter":{"$hasAncestor":"box/3"}}');
SELECT jsonb_array_length(vxp.page('{"resource":"Thing","pageSize":1}') -> 'items');
SELECT length(vxp.to_sql('{"resource":"Thing"}')) > 0;
SELECT count(*) FROM vxp.query(NULL::thing, '{"filter":{"box_id":{"$param":1}}}', 'box/4') t;
SQL
	return;
}

my $load = $node->basedir . '/load.sql';
append_to_file($load, <<'SQL');
\set i random(1, 1000000)
INSERT INTO item (path) VALUES (vxp.lineage(ARRAY['a', 'b/' || :i % 50, 'c/' || :i]));
DELETE FROM item WHERE id = (SELECT id FROM item WHERE id >= :i % 5000 LIMIT 1);
UPDATE thing SET parent_identifier = 'box/' || 1 + :i % 10 WHERE identifier = 'thing/' || 201 + :i % 100;
INSERT INTO scan (identifier, parent_identifier, n) VALUES ('scan/' || :i % 300, 'site/' || 1 + :i % 5, :i)
	ON CONFLICT (identifier) DO UPDATE SET n = excluded.n, parent_identifier = excluded.parent_identifier;
DELETE FROM scan WHERE identifier = 'scan/' || :i % 2000;
SQL
for my $r (1 .. $rounds)
{
	my ($out, $err) = ('', '');
	my $h = IPC::Run::start([ 'pgbench', '-n', '-c', '4', '-T', '60', '-f', $load, $node->connstr('postgres') ], '>', \$out, '2>', \$err);
	usleep(1_500_000 + int(rand(1_500_000)));
	my ($pid) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	$node->kill9;
	eval { $h->finish };
	# its children and their shared memory may linger for a moment
	for (1 .. 300) { last unless kill 0, $pid; usleep(100_000); }
	my $up = 0;
	for (1 .. 100)
	{
		last if $up = $node->start(fail_ok => 1);
		usleep(200_000);
		$node->stop('fast', fail_ok => 1);
	}
	ok($up, "round $r: restarts after kill -9") or BAIL_OUT('no restart');
	if ($r == 1)
	{
		$node->safe_psql('postgres', "ALTER SYSTEM SET wal_consistency_checking = ''");
		$node->reload;
	}
	same_answers($node, "round $r, after kill -9");
	is($node->safe_psql('postgres', "SELECT count(*) FROM verify_heapam('item')"), '0', "round $r: heap is clean");
	is($node->safe_psql('postgres', "SELECT vxp.check_lineage_index('item_gist') = count(*) FROM item"), 't', "round $r: GiST holds every row")
	  if $node->safe_psql('postgres', 'VACUUM item; SELECT 1');
	$node->safe_psql('postgres', "SELECT bt_index_check('item_btree', true)");
	is($node->safe_psql('postgres', 'SET enable_seqscan = off; SELECT count(*) FROM gone WHERE path OPERATOR(vxp.@^) \'a\''), 0, "round $r: an unlogged table is empty, its index too");
	is($node->safe_psql('postgres', 'SELECT * FROM vxp.verify()'), '', "round $r: verify finds nothing");
	cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM scan WHERE valid_to IS NOT NULL'), '>', 0, "round $r: versions were made");
	$node->wait_for_catchup($replica);
	same_answers($replica, "round $r, replica");
}
reads($replica, 'reads on a standby');
$node->stop('immediate');
$replica->promote;
same_answers($replica, 'promoted replica');
reads($replica, 'reads, promoted');
$replica->safe_psql('postgres', q{INSERT INTO thing (identifier, parent_identifier) VALUES ('thing/new', 'box/1')});
is($replica->safe_psql('postgres', 'SELECT * FROM vxp.verify()'), '', 'promoted, it goes on');
unlike(slurp_file($replica->logfile), qr/inconsistent page|PANIC|TRAP/, 'replay was consistent');
$replica->stop;
done_testing();
