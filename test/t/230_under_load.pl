#
# under_load: indexes made, rebuilt and dropped CONCURRENTLY while rows are written (C4); cancel, timeout and termination act
# (D2, many calls in a row; 240_limits.pl has single long ones); a million calls leave no memory behind (H4);
# logical replication carries paths by text and by binary (F2)
#
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = PostgreSQL::Test::Cluster->new('publisher');
$node->init(allows_streaming => 'logical', extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "jit = off\nautovacuum = off\n");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION vxp_query;
SELECT vxp.create_resource_type('Crate', versioned => false), vxp.create_resource_type('Thing', 'n int', parents => '{Crate,Thing}', versioned => false);
INSERT INTO crate (identifier) SELECT 'crate/' || g FROM generate_series(1, 10) g;
INSERT INTO thing (identifier, parent_identifier, n) SELECT 'thing/' || g, 'crate/' || 1 + g % 10, g FROM generate_series(1, 1000) g;
CREATE TABLE item (id bigserial PRIMARY KEY, path vxp.lineage NOT NULL);
INSERT INTO item (path) SELECT vxp.lineage(ARRAY['a', 'b/' || g % 20, 'c/' || g]) FROM generate_series(1, 20000) g;
SQL

# C4
my $load = $node->basedir . '/load.sql';
append_to_file($load, <<'SQL');
\set i random(1, 1000000)
INSERT INTO item (path) VALUES (vxp.lineage(ARRAY['a', 'b/' || :i % 20, 'c/' || :i]));
UPDATE item SET path = vxp.lineage(ARRAY['a', 'b/' || :i % 20, 'd/' || :i]) WHERE id = :i % 20000;
DELETE FROM item WHERE id = :i % 15000;
SQL
my ($out, $err) = ('', '');
my $writers = IPC::Run::start([ 'pgbench', '-n', '-c', 3, '-T', 12, '-f', $load, $node->connstr('postgres') ], '>', \$out, '2>', \$err);
my @made;
my $until = time + 8;
for (my $round = 0; $round == 0 || time < $until; $round++)
{
	for my $kind ('gist (path)', 'gin (path)', 'btree (path)', 'hash (path)', 'gist (path vxp.gist_lineage_full_ops)')
	{
		$node->safe_psql('postgres', "CREATE INDEX CONCURRENTLY made ON item USING $kind");
		$node->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY made');
		push @made, $kind;
		$node->safe_psql('postgres', 'DROP INDEX CONCURRENTLY made') unless $kind eq 'gist (path)' && $round == 0 && $node->safe_psql('postgres', 'ALTER INDEX made RENAME TO kept; SELECT 1');
	}
}
$node->safe_psql('postgres', "CREATE INDEX CONCURRENTLY kept_gin ON item USING gin (path)");
ok($writers->finish, 'the writers saw no error') or diag $err;
cmp_ok(scalar @made, '>=', 5, 'indexes were made under load');
for my $label (map { "b/$_" } 0 .. 19)
{
	my $q = "SELECT count(*), sum(id) FROM item WHERE path OPERATOR(vxp.@^) '$label'";
	my $scan = $node->safe_psql('postgres', "SET enable_indexscan = off; SET enable_bitmapscan = off; $q");
	is($node->safe_psql('postgres', "SET enable_seqscan = off; SET enable_bitmapscan = off; $q"), $scan, "$label: GiST made CONCURRENTLY answers as the table");
	is($node->safe_psql('postgres', "SET enable_seqscan = off; SET enable_indexscan = off; $q"), $scan, "$label: GIN");
}

# D2: each long path, stopped in each way
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE wide (id text PRIMARY KEY, d jsonb);
INSERT INTO wide SELECT g::text, (SELECT jsonb_build_object('id', g::text, 'list', jsonb_agg(jsonb_build_object('v', h))) FROM generate_series(1, 300) h) FROM generate_series(1, 20000) g;
SELECT vxp.register('Wide', 'wide', document => 'd');
CREATE FUNCTION again(statement text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN LOOP EXECUTE statement; END LOOP; END $$;
SQL
my %long = (
	'matches over documents' => q{SELECT again('SELECT count(*) FROM vxp.items(''{"resource":"Wide","filter":{"list":{"$elemMatch":{"v":{"$gt":299.5}}}}}'')')},
	'facets' => q{SELECT again('SELECT count(*) FROM vxp.facets(''{"resource":"Wide"}'', ''list.v'')')},
	'a join by path' => q{SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SELECT again('SELECT count(*) FROM item a JOIN item b ON b.path OPERATOR(vxp.<@) a.path')},
	'an index build' => q{SELECT again('CREATE INDEX built ON item USING gist (path); DROP INDEX built')},
	'a request read again and again' => q{SELECT again('SELECT count((''{"filter":{"a":'' || g || ''}}'')::text::vxp.dql) FROM generate_series(1, 1000000) g')},
	'common ancestors' => q{SELECT again('SELECT vxp.common_ancestor(path) FROM item, generate_series(1, 1000)')},
	'check_lineage' => q{SELECT again('SELECT count(*) FROM vxp.check_lineage(''Thing'')')});
for my $what (sort keys %long)
{
	for my $way ('statement_timeout', 'pg_cancel_backend', 'pg_terminate_backend')
	{
		my $marker = "/* $what $way */";
		my ($o, $e) = ('', '');
		my $run = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-c', ($way eq 'statement_timeout' ? "SET statement_timeout = '700ms'; " : '') . "$marker $long{$what}" ], '>', \$o, '2>', \$e, IPC::Run::timeout(60));
		my $begun;
		if ($way eq 'statement_timeout') { $begun = time + 0.7 }
		else
		{
			usleep(700_000);
			$begun = time;
			$node->safe_psql('postgres', "SELECT $way(pid) FROM pg_stat_activity WHERE query LIKE '%$marker%' AND pid <> pg_backend_pid()");
		}
		eval { $run->finish };
		my $took = time - $begun;
		like($e, qr/canceling statement|terminating connection|server closed/, "$what: $way");
		# a second, and what a loaded machine adds to it
		cmp_ok($took, '<', 10, "$what: $way acts at once");
	}
}

# H4: the same calls in one statement; memory after a tenth and at the end
sub memory_after
{
	my ($expression, $n) = @_;
	return $node->safe_psql('postgres', <<SQL);
CREATE FUNCTION pg_temp.used() RETURNS bigint LANGUAGE sql AS 'SELECT sum(used_bytes)::bigint FROM pg_backend_memory_contexts';
SELECT max(CASE WHEN g % ($n / 10) = 0 THEN pg_temp.used() END) FILTER (WHERE g > $n / 2) - min(CASE WHEN g % ($n / 10) = 0 THEN pg_temp.used() END) FILTER (WHERE g BETWEEN $n / 10 AND $n / 2) < 1048576
FROM generate_series(1, $n) g WHERE ($expression) IS NOT NULL OR g > 0;
SQL
}
for my $call ([ q{vxp.has_ancestor(vxp.lineage(ARRAY['a', 'b/' || g]), 'a')}, 300000 ], [ q{vxp.matches(jsonb_build_object('a', g), '{"filter":{"a":{"$gt":5}}}')}, 300000 ], [ q{('a > b' || g)::text::vxp.lineage::text}, 300000 ],
	[ q{vxp.count('{"resource":"Crate"}')}, 2000 ], [ q{vxp.page('{"resource":"Crate","pageSize":1}')}, 2000 ], [ q{('{"filter":{"a":' || g || '}}')::text::vxp.dql}, 100000 ])
{
	is(memory_after(@$call), 't', "no memory is left behind by $call->[0]");
}

# F2
for my $binary ('false', 'true')
{
	my $subscriber = PostgreSQL::Test::Cluster->new("subscriber_$binary");
	$subscriber->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
	$subscriber->start;
	$subscriber->safe_psql('postgres', 'CREATE EXTENSION vxp_query; CREATE TABLE sent (id int PRIMARY KEY, path vxp.lineage, request vxp.dql); CREATE INDEX ON sent USING gist (path)');
	$node->safe_psql('postgres', q{DROP TABLE IF EXISTS sent CASCADE; CREATE TABLE sent (id int PRIMARY KEY, path vxp.lineage, request vxp.dql); INSERT INTO sent SELECT g, vxp.lineage(ARRAY['a', 'b/' || g % 5, 'é > ' || g]), '{"filter":{"n":1}}' FROM generate_series(1, 500) g});
	$node->safe_psql('postgres', "DROP PUBLICATION IF EXISTS p; CREATE PUBLICATION p FOR TABLE sent");
	$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION s_$binary CONNECTION \$c\$" . $node->connstr('postgres') . "\$c\$ PUBLICATION p WITH (binary = $binary)");
	$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_replication WHERE application_name = 's_$binary' AND state = 'streaming'");
	$subscriber->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's')");
	$node->safe_psql('postgres', q{UPDATE sent SET path = path OPERATOR(vxp.||) 'more' WHERE id % 3 = 0; DELETE FROM sent WHERE id % 7 = 0; INSERT INTO sent VALUES (1000, 'x > "y > z"', '{}')});
	$node->wait_for_catchup("s_$binary");
	my $q = 'SELECT count(*), md5(string_agg(id || path::text || request::text, \',\' ORDER BY id)) FROM sent';
	is($subscriber->safe_psql('postgres', $q), $node->safe_psql('postgres', $q), "logical replication, binary = $binary");
	is($subscriber->safe_psql('postgres', q{SET enable_seqscan = off; SELECT count(*) FROM sent WHERE path OPERATOR(vxp.@^) 'b/3'}), $node->safe_psql('postgres', q{SELECT count(*) FROM sent WHERE path OPERATOR(vxp.@^) 'b/3'}), 'and the index there');
	$subscriber->safe_psql('postgres', "DROP SUBSCRIPTION s_$binary");
	$subscriber->stop;
}
$node->stop;
done_testing();
