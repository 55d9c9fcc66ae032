#
# fdw: a server that reads another's resources through postgres_fdw, with extensions 'vxp_query'
#
# Lineage filters, joins and counts are in the statement that is sent, and nothing is left to filter here; the rows are
# those that the other server gives when it is asked itself; and the statement sent finds that server's indexes.
#
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %nodes;
for my $name (qw(near far))
{
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
	$node->append_conf('postgresql.conf', "fsync = off\njit = off");
	$node->start;
	$node->safe_psql('postgres', 'CREATE DATABASE d');
	$node->safe_psql('d', "CREATE EXTENSION vxp_query; ALTER DATABASE d SET search_path = public, vxp");
	$nodes{$name} = $node;
}
my ($near, $far) = @nodes{qw(near far)};
plan skip_all => 'postgres_fdw is not installed'
	if $near->safe_psql('d', "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'") eq '0';

$far->safe_psql('d', <<'SQL');
SELECT create_resource_type('Datasource', versioned => false);
SELECT create_resource_type('Patient', 'sex text', parents => '{Datasource}', versioned => false);
SELECT create_resource_type('Volume', 'modality text, size numeric, tags text[]', parents => '{Patient}', versioned => false);
INSERT INTO datasource (identifier) SELECT 'datasource/' || n FROM generate_series(1, 5) n;
INSERT INTO patient (identifier, parent_identifier, sex) SELECT 'patient/' || n, 'datasource/' || 1 + n % 5, substr('FM', 1 + n % 2, 1) FROM generate_series(1, 500) n;
INSERT INTO volume (identifier, parent_identifier, modality, size, tags)
SELECT 'volume/' || n, 'patient/' || 1 + n % 500, (ARRAY['MR', 'CT', 'T2*'])[1 + n % 3], CASE WHEN n % 7 > 0 THEN n % 100 END, ARRAY['t' || n % 4] FROM generate_series(1, 10000) n;
ANALYZE;
SQL
my $server = sprintf(q{FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname 'd'}, $far->host, $far->port);
$near->safe_psql('d', <<"SQL");
CREATE EXTENSION postgres_fdw;
CREATE SERVER far $server, extensions 'vxp_query');
CREATE SERVER plain $server);
CREATE USER MAPPING FOR CURRENT_USER SERVER far;
CREATE USER MAPPING FOR CURRENT_USER SERVER plain;
IMPORT FOREIGN SCHEMA public LIMIT TO (datasource, patient, volume) FROM SERVER far INTO public;
CREATE SCHEMA slow;
IMPORT FOREIGN SCHEMA public LIMIT TO (volume) FROM SERVER plain INTO slow;
ANALYZE;
SELECT register(initcap(t), t::regclass, id => 'identifier', fields => '{"identifier": "identifier", "lineage": "lineage"}') FROM unnest('{datasource,patient,volume}'::text[]) t;
CREATE TABLE local_note (patient_id text, note text);
INSERT INTO local_note VALUES ('patient/7', 'seven');
SQL

sub remote_sql
{
	my $plan = $near->safe_psql('d', "EXPLAIN (VERBOSE, COSTS OFF) $_[0]");
	my @sent = $plan =~ /Remote SQL: (.*)/g;
	return (join("\n", @sent), $plan);
}

# what is asked here, the condition that must be in the statement sent, and whether that is one statement with the answer
for my $case (
	[ q{SELECT identifier FROM volume WHERE has_ancestor(lineage, 'patient/7')}, q{@^) 'patient/7'} ],
	[ q{SELECT identifier FROM volume WHERE is_within(lineage, 'volume/7')}, q{@^=) 'volume/7'} ],
	[ q{SELECT identifier FROM volume WHERE has_any_ancestor(lineage, '{patient/7,patient/8,NULL}')}, q{'patient/7'::vxp.identifier) OR (lineage OPERATOR(vxp.@^) 'patient/8'} ],
	[ q{SELECT identifier FROM volume WHERE has_any_ancestor(lineage, '{patient/7}')}, q{@^) 'patient/7'} ],
	[ q{SELECT identifier FROM volume WHERE NOT has_any_ancestor(lineage, '{datasource/1,datasource/2,datasource/3}')}, q{datasource/3} ],
	[ q{SELECT identifier FROM volume WHERE has_all_ancestors(lineage, '{patient/7,datasource/3}')}, q{'datasource/3'} ],
	[ q{SELECT identifier FROM volume WHERE lineage <@ 'datasource/3 > patient/7'}, q{<@) 'datasource/3 > patient/7'} ],
	[ q{SELECT identifier FROM volume WHERE depth(lineage) = 3}, q{vxp.depth(lineage) = 3} ],
	[ q{SELECT count(*), sum(size) FROM volume WHERE has_ancestor(lineage, 'datasource/2') AND modality = 'MR'}, q{SELECT count(*), sum(size) FROM public.volume} ],
	[ q{SELECT v.identifier FROM volume v JOIN patient p USING (patient_id) WHERE p.sex = 'F' AND has_ancestor(v.lineage, 'datasource/2')}, q{INNER JOIN public.patient} ],
	[ q{SELECT d.identifier, count(*) FROM datasource d JOIN volume v ON has_ancestor(v.lineage, d.identifier) GROUP BY 1}, q{SELECT r1.identifier, count(*)} ],
	[ q{SELECT identifier FROM vxp.query(NULL::volume, '{"filter": {"$hasAncestor": "patient/7", "modality": {"$in": ["MR", "CT"]}, "size": {"$gt": 3}}}')}, q{@^) 'patient/7'} ],
	[ q{SELECT count(*) FROM volume('{"filter": {"$hasAncestor": ["patient/7", "patient/8"], "modality": {"$ne": "MR"}}}')}, q{SELECT count(*) FROM public.volume} ],
	[ q{SELECT identifier FROM volume('{"filter": {"patient_id": {"$in": ["patient/7", "patient/8"]}, "modality": "T2\\\\*"}}')}, q{patient_id} ],
	[ q{SELECT identifier FROM volume('{"filter": {"modality": "T2*", "tags": "t1", "datasource_id": "datasource/2"}, "sort": {"size": "descending"}, "limit": 20}')}, q{modality ~~ 'T2%'} ],
	[ q{SELECT p.sex, count(*) FROM volume('{"filter": {"$hasAncestor": "datasource/4"}}') v JOIN patient('{"filter": {"sex": {"$exists": true}}}') p USING (patient_id) GROUP BY 1}, q{INNER JOIN} ],
) {
	my ($ask, $sent, $local) = @$case;
	my ($sql, $plan) = remote_sql($ask);
	ok(index($sql, $sent) >= 0 && $plan !~ /Filter:/ && $sql !~ /\n/, "sent: $ask") or diag($plan);
	(my $direct = $ask) =~ s/\b(volume|patient)\(('\{.*?\}')\)/vxp.query(NULL::$1, $2)/g;
	my $wanted = $far->safe_psql('d', "SELECT count(*), md5(string_agg(x::text, ' ' ORDER BY x::text)) FROM ($direct) x");
	is($near->safe_psql('d', "SELECT count(*), md5(string_agg(x::text, ' ' ORDER BY x::text)) FROM ($ask) x"), $wanted, '  same rows');
	unlike($wanted, qr/^0\|/, '  and there are some');
}

# the statement that is sent finds the lineage index over there
for my $filter (q{has_ancestor(lineage, 'patient/7')}, q{has_any_ancestor(lineage, '{patient/7,patient/8}')}, q{is_within(lineage, 'volume/7')})
{
	my ($sql) = remote_sql("SELECT identifier FROM volume WHERE $filter");
	like($far->safe_psql('d', "SET search_path = pg_catalog; EXPLAIN (COSTS OFF) $sql"), qr/Index Scan (using|on) volume_lineage_idx/, "index of the other server: $filter");
}
# also as a parameter of each row of a local table
my ($sql, $plan) = remote_sql(q{SELECT n.note, v.identifier FROM local_note n JOIN volume v USING (patient_id)});
is($near->safe_psql('d', q{SELECT count(*) FROM local_note n JOIN volume v USING (patient_id)}), '20', 'joined with a table that is here');
is($near->safe_psql('d', q{SELECT count(*) FROM local_note n, LATERAL vxp.query(NULL::volume, '{"filter": {"$hasAncestor": {"$param": 1}}}', n.patient_id) v}), '20', 'and laterally');

# functions that do not go through the planner's expansion of query()
for my $call (q{vxp.count('{"resource": "Volume", "filter": {"$hasAncestor": "datasource/2", "modality": "CT"}}')},
	q{vxp.page('{"resource": "Volume", "filter": {"$hasAncestor": "datasource/2"}, "sort": [{"size": "descending"}, {"identifier": "ascending"}], "pageSize": 7, "page": 2, "select": ["identifier", "size"]}') - 'nextCursor'},
	q{vxp.execute('{"resource": "Volume", "filter": {"patient_id": "patient/3"}, "join": {"on": {"resource": "Patient", "local": "patient_id", "forigen": "patient_id"}, "filter": {"sex": "M"}}, "select": ["identifier"], "sort": [{"identifier": 1}]}')},
	q{(SELECT md5(string_agg(i::text, ' ' ORDER BY i::text)) FROM vxp.items('{"resource": "Volume", "filter": {"patient_id": "patient/9"}, "select": ["identifier", "tags", "size"]}') i)})
{
	my $wanted = $far->safe_psql('d', "SELECT $call");
	ok($wanted =~ /[1-9]/, "an answer: $call");
	is($near->safe_psql('d', "SELECT $call"), $wanted, '  the same through the other server');
}
# a cursor goes on where it was
is($near->safe_psql('d', <<'SQL'), 't', 'a walk by cursor meets each row once');
WITH RECURSIVE walk AS (
	SELECT vxp.page('{"resource": "Volume", "filter": {"datasource_id": "datasource/1"}, "sort": [{"identifier": 1}], "pageSize": 300, "select": ["identifier"]}') AS p
	UNION ALL
	SELECT vxp.page(jsonb_build_object('resource', 'Volume', 'filter', '{"datasource_id": "datasource/1"}'::jsonb, 'sort', '[{"identifier": 1}]'::jsonb, 'pageSize', 300, 'select', '["identifier"]'::jsonb, 'after', p -> 'nextCursor'))
	FROM walk WHERE (p -> 'hasNextPage')::boolean)
SELECT count(DISTINCT i) = count(*) AND count(*) = 2000 FROM walk, jsonb_array_elements(p -> 'items') i
SQL

# a saved filter over there, imported like a table
$far->safe_psql('d', q{SELECT save_filter('large_mr', '{"resource": "Volume", "filter": {"modality": "MR", "size": {"$gt": 90}}}')});
$near->safe_psql('d', 'IMPORT FOREIGN SCHEMA public LIMIT TO (large_mr, volume_current) FROM SERVER far INTO slow');
is($near->safe_psql('d', 'SELECT count(*) FROM slow.large_mr'), $far->safe_psql('d', 'SELECT count(*) FROM large_mr'), 'a saved filter of the other server');
($sql) = remote_sql(q{SELECT count(*) FROM slow.volume_current WHERE has_ancestor(lineage, 'patient/7')});
like($sql, qr/SELECT count\(\*\) FROM public.volume_current WHERE .*\@\^/, 'a view of the other server');

# without the option nothing of ours is sent, and the rows are the same
($sql, $plan) = remote_sql(q{SELECT identifier FROM slow.volume WHERE has_any_ancestor(lineage, '{patient/7,patient/8}')});
ok($sql !~ /vxp/ && $plan =~ /Filter:/, 'without extensions the filter stays here');
is($near->safe_psql('d', q{SELECT count(*) FROM slow.volume WHERE has_any_ancestor(lineage, '{patient/7,patient/8}')}), '40', 'with the same rows');

# lists at the edges: what the function says of them does not change
for my $list ('{}', '{NULL}', '{patient/7,NULL}', '{{patient/7,patient/8}}')
{
	for my $function (qw(has_any_ancestor has_all_ancestors))
	{
		my $condition = "$function(lineage, '$list')";
		is($near->safe_psql('d', "SELECT count(*) FILTER (WHERE $condition), count(*) FILTER (WHERE NOT $condition) FROM volume") . '|' . $near->safe_psql('d', "SELECT count(*) FROM volume WHERE $condition"),
			$far->safe_psql('d', "SELECT count(*) FILTER (WHERE $condition), count(*) FILTER (WHERE NOT $condition) FROM volume") . '|' . $far->safe_psql('d', "SELECT count(*) FROM volume WHERE $condition"), $condition);
	}
}
# what the other server refuses arrives with its SQLSTATE
my ($rc, $out, $err) = $near->psql('d', q{SELECT * FROM volume('{"filter": {"modalty": "MR"}}')}, on_error_stop => 0);
like($err, qr/has no field "modalty"/, 'a misspelt field is refused here already');
is($near->safe_psql('d', q{SELECT count(*) FROM vxp.query(NULL::volume, '{"filter": {"$hasAncestor": {"$param": 1}}}', 'patient/7'::text)}), '20', 'a bind variable');

$near->stop;
$far->stop;
done_testing();
