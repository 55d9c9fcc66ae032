#
# versions: a dump restores every version, trigger and constraint; logical
# replication of a versioned table does not version twice, and what was
# replicated goes on being versioned when it is written to
#
use strict;
use warnings;
use File::Spec;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('publisher');
$node->init(allows_streaming => 'logical', extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', 'fsync = off');
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE source');
my $folder = File::Spec->rel2abs(PostgreSQL::Test::Utils::tempdir);

$node->safe_psql('source', <<'SQL');
CREATE EXTENSION vxp_query;
ALTER DATABASE source SET search_path = public, vxp;
SET search_path = public, vxp;
SELECT create_resource_type('Site', versioned => true);
SELECT create_resource_type('Scan', 'n int, note text', parents => '{Site}', versioned => true, on_close => 'cascade');
CREATE TABLE reading (sensor int, value int, since timestamptz, until timestamptz);
SELECT register('Reading', 'reading', id => 'sensor', fields => '{"valid_from": "since", "valid_to": "until"}');
INSERT INTO site (identifier, valid_from) VALUES ('site/1', '2000-01-01'), ('site/2', '2000-01-01');
INSERT INTO scan (identifier, parent_identifier, n, valid_from) SELECT 'scan/' || i, 'site/1', i, '2001-01-01' FROM generate_series(1, 50) i;
UPDATE scan SET n = n + 1 WHERE valid_to IS NULL AND n % 2 = 0;
UPDATE scan SET parent_identifier = 'site/2' WHERE valid_to IS NULL AND n % 3 = 0;
DELETE FROM scan WHERE valid_to IS NULL AND n % 5 = 0;
SELECT correct('Scan', 'scan/1', '2002-01-01', '2003-01-01', '{"n": 100}');
INSERT INTO reading VALUES (1, 1, '2001-01-01', NULL);
UPDATE reading SET value = 2;
SQL

my $state = <<'SQL';
SET timezone = 'UTC';
SELECT identifier, n, lineage, site_id, valid_from, valid_to, created_at FROM scan ORDER BY identifier, valid_from;
SELECT * FROM site ORDER BY identifier, valid_from;
SELECT * FROM reading ORDER BY sensor, since;
SELECT tgrelid::regclass::text, pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE NOT tgisinternal AND tgrelid > 16383 ORDER BY 1, 2;
SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1;
SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid > 16383 ORDER BY 1, 2;
SELECT name, versioned, parents FROM vxp.resource_types ORDER BY name;
SELECT count(*) FROM vxp.check_versions('Scan') UNION ALL SELECT count(*) FROM vxp.check_lineage('Scan');
SQL
my $before = $node->safe_psql('source', $state);

#
# dump and restore
#
foreach my $format ('c', 'p')
{
	my $copy = "copy_$format";
	my $file = "$folder/$copy.dump";

	$node->safe_psql('postgres', "CREATE DATABASE $copy; ALTER DATABASE $copy SET search_path = public, vxp");
	$node->command_ok([ 'pg_dump', "-F$format", '-f', $file, 'source' ], "dump, format $format");
	$node->command_ok($format eq 'c' ? [ 'pg_restore', '--exit-on-error', '-d', $copy, $file ] :
		[ 'psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-o', "$folder/out", '-d', $copy, '-f', $file ], "restore, format $format");
	is($node->safe_psql($copy, $state), $before, "format $format: every version, trigger and constraint is there");
	is($node->safe_psql($copy, q{UPDATE scan SET n = -1 WHERE identifier = 'scan/1' AND valid_to IS NULL;
		SELECT count(*) FROM scan WHERE identifier = 'scan/1'}),
		$node->safe_psql('source', q{SELECT count(*) + 1 FROM scan WHERE identifier = 'scan/1'}), "format $format: versions go on");
	my ($rc, $out, $err) = $node->psql($copy, q{INSERT INTO scan (identifier, parent_identifier, valid_from, valid_to)
		VALUES ('scan/1', 'site/1', '2002-06-01', '2002-07-01')});
	like($err, qr/versions of "scan\/1" would overlap/, "format $format: and are kept apart");
}

#
# logical replication
#
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$subscriber->append_conf('postgresql.conf', 'fsync = off');
$subscriber->start;
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$folder/full.dump", 'source' ], 'dump for the subscriber');
$subscriber->safe_psql('postgres', 'CREATE DATABASE target; ALTER DATABASE target SET search_path = public, vxp');
$subscriber->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'target', "$folder/full.dump" ], 'restore on the subscriber');
$subscriber->safe_psql('target', 'SET session_replication_role = replica; TRUNCATE site, scan, reading');
$node->safe_psql('source', q{ALTER TABLE reading REPLICA IDENTITY FULL; CREATE PUBLICATION pub FOR TABLE site, scan, reading});
my $connection = $node->connstr . ' dbname=source';
$subscriber->safe_psql('target', "CREATE SUBSCRIPTION sub CONNECTION '$connection' PUBLICATION pub");
$subscriber->poll_query_until('target', q{SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's')});

my $rows = <<'SQL';
SET timezone = 'UTC';
SELECT identifier, n, lineage, site_id, valid_from, valid_to FROM scan ORDER BY identifier, valid_from;
SELECT identifier, valid_from, valid_to FROM site ORDER BY identifier, valid_from;
SELECT * FROM reading ORDER BY sensor, since;
SQL
is($subscriber->safe_psql('target', $rows), $node->safe_psql('source', $rows), 'the first copy is equal');
$node->safe_psql('source', <<'SQL');
UPDATE scan SET n = n + 1 WHERE valid_to IS NULL;
INSERT INTO scan (identifier, parent_identifier, n) VALUES ('scan/new', 'site/1', 1);
UPDATE scan SET note = 'x' WHERE identifier = 'scan/new' AND valid_to IS NULL;
INSERT INTO scan (identifier, parent_identifier, n) VALUES ('scan/new', 'site/1', 1) ON CONFLICT (identifier) WHERE valid_to IS NULL DO UPDATE SET n = 2;
DELETE FROM site WHERE identifier = 'site/2' AND valid_to IS NULL;
SELECT correct('Scan', 'scan/1', '2004-01-01', '2005-01-01', '{"n": 101}');
UPDATE reading SET value = 3 WHERE until IS NULL;
DELETE FROM reading WHERE until IS NULL;
SELECT purge('Reading', '2010-01-01');
SQL
$node->wait_for_catchup('sub');
is($subscriber->safe_psql('target', $rows), $node->safe_psql('source', $rows), 'what followed is equal: not a version more');
is($subscriber->safe_psql('target', q{SELECT count(*) FROM check_versions('Scan') UNION ALL SELECT count(*) FROM check_lineage('Scan')}), "0\n0", 'and sound');
# the subscriber takes over
$subscriber->safe_psql('target', q{DROP SUBSCRIPTION sub; UPDATE scan SET n = 7 WHERE identifier = 'scan/new' AND valid_to IS NULL});
is($subscriber->safe_psql('target', q{SELECT count(*) FROM scan WHERE identifier = 'scan/new'}),
	$node->safe_psql('source', q{SELECT count(*) + 1 FROM scan WHERE identifier = 'scan/new'}), 'its own writes are versioned');

$subscriber->stop;
$node->stop;
done_testing();
