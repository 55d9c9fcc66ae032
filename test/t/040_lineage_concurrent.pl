#
# lineage_concurrent: indexes on lineage are built and rebuilt concurrently while
# other sessions insert, move and delete rows; afterwards each index gives the
# answers of a sequential scan, on the primary and on a standby
#
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('lineage_concurrent');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\njit = off\nmax_parallel_workers_per_gather = 0\nshared_buffers = 64MB");
$node->start;

$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION vxp_query;
ALTER DATABASE postgres SET search_path = public, vxp;
SET search_path = public, vxp;
CREATE TABLE node (id bigserial PRIMARY KEY, path lineage, valid int4range);
CREATE FUNCTION some_path(n int) RETURNS lineage LANGUAGE sql STABLE BEGIN ATOMIC
	SELECT lineage(ARRAY['datasource/' || n % 5, 'patient/' || n % 300, 'study/' || n % 300 || '/' || n % 3, 'volume/' || n]);
END;
INSERT INTO node (path, valid) SELECT CASE WHEN g % 50 > 0 THEN some_path(g) END, int4range(g % 1000, g % 1000 + 100) FROM generate_series(1, 20000) g;
CREATE INDEX node_gist ON node USING gist (path);
CREATE INDEX node_two ON node USING gist (path, valid);

-- By each index a question of each kind; counts what differs from a sequential scan.  Rows do not change meanwhile.
CREATE FUNCTION differing(index regclass, method text, OUT asked bigint, OUT used bigint, OUT wrong text[]) LANGUAGE plpgsql AS $$
DECLARE
	condition text;
	plan jsonb;
	by_index bigint[];
	by_scan bigint[];
BEGIN
	asked := 0;
	used := 0;
	FOR condition IN
		SELECT c FROM generate_series(1, 300, 13) g, unnest(ARRAY[format('path @^ %L', 'patient/' || g), format('path @^ %L', 'study/' || g || '/' || g % 3),
			format('path @^| %L', ARRAY['patient/' || g, 'study/' || g + 1 || '/0']), format('path @^& %L', ARRAY['datasource/' || g % 5, 'patient/' || g])]
			|| CASE WHEN method = 'gin' THEN '{}' ELSE ARRAY[format('path <@ %L::lineage', subpath(some_path(g), 0, 1 + g % 3)),
															format('path @> %L::lineage', some_path(g)), format('path @^= %L', 'volume/' || g)] END) c
	LOOP
		SET LOCAL enable_seqscan = off;
		SET LOCAL enable_bitmapscan = on;
		EXECUTE 'EXPLAIN (FORMAT JSON) SELECT id FROM node WHERE ' || condition INTO plan;
		used := used + (plan::text LIKE format('%%"Index Name": "%s"%%', index))::int;
		EXECUTE 'SELECT array_agg(id ORDER BY id) FROM node WHERE ' || condition INTO by_index;
		SET LOCAL enable_seqscan = on;
		SET LOCAL enable_bitmapscan = off;
		SET LOCAL enable_indexscan = off;
		SET LOCAL enable_indexonlyscan = off;
		EXECUTE 'SELECT array_agg(id ORDER BY id) FROM node WHERE ' || condition INTO by_scan;
		SET LOCAL enable_indexscan = on;
		SET LOCAL enable_indexonlyscan = on;
		asked := asked + 1;
		IF by_index IS DISTINCT FROM by_scan THEN
			wrong := wrong || condition;
		END IF;
	END LOOP;
END $$;
SQL

my $standby;
{
	$node->backup('base');
	$standby = PostgreSQL::Test::Cluster->new('lineage_standby');
	$standby->init_from_backup($node, 'base', has_streaming => 1);
	$standby->start;
}

# half of the writes move a subtree's rows, so that index entries of one row stand in two places
my $script = $node->basedir . '/write.sql';
append_to_file($script, <<'SQL');
\set n random(1, 100000)
\set what random(1, 10)
\if :what <= 4
INSERT INTO node (path, valid) SELECT some_path(:n + g), int4range(:n % 1000, :n % 1000 + g) FROM generate_series(1, 20) g;
\elif :what <= 7
UPDATE node SET path = some_path(:n) WHERE id BETWEEN :n % 20000 AND :n % 20000 + 9;
\elif :what <= 9
DELETE FROM node WHERE id BETWEEN :n % 40000 AND :n % 40000 + 9;
\else
UPDATE node SET valid = int4range(0, 5) WHERE id BETWEEN :n % 20000 AND :n % 20000 + 9;
\endif
SQL

my $output = '';
my $writers = IPC::Run::start(
	[ 'pgbench', '-n', '-c', '3', '-T', '600', '-f', $script, '-d', 'postgres', '-h', $node->host, '-p', $node->port ],
	'<', \undef, '>&', \$output);

# each statement waits for the writers of its time and goes on while others write
my @steps = (
	'REINDEX INDEX CONCURRENTLY node_gist',
	'CREATE INDEX CONCURRENTLY node_full ON node USING gist (path gist_lineage_full_ops)',
	'CREATE INDEX CONCURRENTLY node_gin ON node USING gin (path)',
	'VACUUM node',
	'REINDEX INDEX CONCURRENTLY node_two',
	'CREATE INDEX CONCURRENTLY node_btree ON node (path)',
	'REINDEX TABLE CONCURRENTLY node',
	'VACUUM node',
	'REINDEX INDEX CONCURRENTLY node_gist');
my $written = 0;
for my $step (@steps)
{
	my $before = $node->safe_psql('postgres', "SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'");
	my ($rc, $stdout, $stderr) = $node->psql('postgres', $step);
	is($rc, 0, "$step: $stderr");
	# the next step comes when the writers have gone on
	$node->poll_query_until('postgres', "SELECT xact_commit > $before + 50 FROM pg_stat_database WHERE datname = 'postgres'")
	  or die "the writers stand still: $output";
}
ok($writers->pumpable, 'the writers wrote all the time') or diag($output);
$writers->signal('TERM');
$writers->finish;
unlike($output, qr/ERROR|FATAL|aborted/, 'no write failed') or diag($output);

is($node->safe_psql('postgres', "SELECT count(*) FROM pg_index WHERE indrelid = 'node'::regclass AND NOT (indisvalid AND indisready)"), '0', 'every index is valid');
my $changed = $node->safe_psql('postgres', 'SELECT max(id) > 20000 AND count(*) < max(id) FROM node');
is($changed, 't', 'rows came and went');
for my $index (qw(node_gist node_two node_full))
{
	my $entries = $node->safe_psql('postgres', "SELECT check_lineage_index('$index') >= count(*) FROM node");
	is($entries, 't', "$index: keys hold the leaves below");
}

# one index at a time: the others are dropped in a transaction that does not last
sub answers
{
	my ($index, $method) = @_;
	my @others = grep { $_ ne $index } qw(node_gist node_two node_full node_gin node_btree);
	return $node->safe_psql('postgres', 'BEGIN; DROP INDEX ' . join(', ', @others)
		  . "; SELECT asked > 50 AND asked = used, wrong FROM differing('$index', '$method'); ROLLBACK;");
}
for my $index (qw(node_gist node_two node_full))
{
	is(answers($index, 'gist'), 't|', "$index: answers of a sequential scan");
}
is(answers('node_gin', 'gin'), 't|', 'node_gin: answers of a sequential scan');

$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', "SELECT asked > 50 AND used > 50, wrong FROM differing('node_gist', 'gist')"), 't|',
	'standby: answers of a sequential scan');
$standby->stop;
$node->stop;
done_testing();
