#
# dump_restore: a dump restores to an equal catalog, in a database with other
# OIDs, by a plain owner, in each format; and what was restored works
#
use strict;
use warnings;
use File::Spec;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump_restore');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "fsync = off");
$node->start;

# an owner of databases who is nothing else
$node->safe_psql('postgres', 'CREATE ROLE plain LOGIN; CREATE ROLE reader;');
$node->safe_psql('postgres', "CREATE DATABASE $_ OWNER plain") for qw(source plain_copy super_copy schema_only);
$node->safe_psql('source', 'ALTER SCHEMA public OWNER TO plain');
my @plain = (extra_params => [ '-U', 'plain' ]);

$node->safe_psql('source', <<'SQL', @plain);
CREATE EXTENSION vxp_query;
SET search_path = public, vxp;
SELECT create_resource_type('Dataset', 'title text', versioned => false);
SELECT create_resource_type('Folder', parents => '{Dataset, Folder}', versioned => false);
SELECT create_resource_type('Odd "n".ame', 'x int', prefix => 'o d', parents => '{Folder}', versioned => false);
SELECT create_resource_type('Items', parents => '{Dataset}', versioned => false);
CREATE TABLE note (id int PRIMARY KEY, folder text, body jsonb);
INSERT INTO dataset (identifier, title) VALUES ('dataset/1', 'one'), ('dataset/2', 'two');
INSERT INTO folder (identifier, parent_identifier) VALUES ('folder/a', 'dataset/1'), ('folder/b', 'folder/a');
INSERT INTO "odd ""n"".ame" (identifier, parent_identifier, x) VALUES ('o d/1', 'folder/b', 5);
INSERT INTO note VALUES (1, 'folder/b', '{"a": {"b": 1}}');
SELECT register('Note', 'note', parents => '{Folder}', fields => '{"parent_identifier": "folder", "size": "body.a.b"}', default_sort => '{"size": -1, "id": 1}');
CREATE VIEW v AS SELECT id FROM note;
SELECT register('V', 'v', id => 'id');
ALTER TABLE items RENAME TO things;
CREATE VIEW a_on_wrapper AS SELECT n.id, f.identifier FROM note('{}') n JOIN folder('{"filter": {"$hasAncestor": "dataset/1"}}') f ON f.identifier = n.folder;
CREATE VIEW on_view AS SELECT identifier, lineage FROM folder_current;
SELECT freeze('frozen', '{"resource": "Folder", "sort": {"identifier": 1}}');
GRANT SELECT ON folder TO reader;
GRANT SELECT ON resource_types TO PUBLIC;
SQL

# everything by name: definitions, what lies beside the tables, triggers, rows
my $state = <<'SQL';
SET search_path = '';
SELECT row_to_json(t)::text FROM vxp.resource_type t ORDER BY name;
SELECT r.name, r.relid::regclass, r.view_relid::regclass FROM vxp.resource_relation r ORDER BY name;
SELECT p.oid::regprocedure::text, p.prorettype::regtype, p.prosupport, p.procost, p.prorows, p.provolatile, p.proparallel, p.proowner::regrole,
	   l.lanname, p.prosrc, obj_description(p.oid, 'pg_proc'), d.refobjid::regclass::text
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i'
WHERE p.pronamespace = 'public'::regnamespace ORDER BY 1;
SELECT c.oid::regclass::text, c.relkind, c.relowner::regrole, c.reloptions, obj_description(c.oid, 'pg_class'), c.relacl,
	CASE c.relkind WHEN 'v' THEN pg_get_viewdef(c.oid) END
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1;
SELECT tgrelid::regclass::text, pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE NOT tgisinternal AND tgrelid > 16383 ORDER BY 1, 2;
SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1;
SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid > 16383 ORDER BY 1, 2;
SELECT identifier, lineage FROM public.folder ORDER BY 1;
SELECT * FROM public.note ORDER BY 1;
SELECT * FROM vxp.check_lineage('Folder');
SELECT identifier FROM public.folder('{"filter": {"$hasAncestor": "folder/a"}}');
SELECT x FROM public."odd ""n"".ame"('{}');
SELECT count(*) FROM public.note('{}');
SELECT * FROM public.a_on_wrapper;
SELECT objtype, objname, provider, label FROM pg_seclabels ORDER BY 2;
SELECT name, relation, resource, frozen_at, as_of, row_count, checksum, request FROM vxp.cohorts;
SELECT * FROM vxp.cohort_rows('public.frozen');
SELECT * FROM vxp.cohort_problems('public.frozen');
SELECT * FROM vxp.cohort_changes('public.frozen');
SQL
my $before = $node->safe_psql('source', $state);
like($before, qr/"name":"Odd \\"n\\".ame"/, 'the source has an odd name');
like($before, qr/folder\(vxp\.dql\)/, 'the source has wrappers');

# the rows of other databases have other OIDs
$node->safe_psql($_, 'CREATE TABLE filler AS SELECT 1 AS a; DROP TABLE filler; SELECT lo_create(0) FROM generate_series(1, 50)') for qw(plain_copy super_copy);
$node->safe_psql($_, "ALTER SCHEMA public OWNER TO plain") for qw(plain_copy super_copy schema_only);
my $folder = File::Spec->rel2abs(PostgreSQL::Test::Utils::tempdir);

sub restored
{
	my ($database, $user, $label) = @_;
	is($node->safe_psql($database, $state), $before, "$label: all is as it was");
	isnt($node->safe_psql($database, "SELECT 'public.folder'::regclass::oid"),
		$node->safe_psql('source', "SELECT 'public.folder'::regclass::oid"), "$label: other OIDs");
	# and it goes on working: derive, move, follow DDL, refuse
	$node->safe_psql($database, <<'SQL', extra_params => [ '-U', $user ]);
SET search_path = public, vxp;
INSERT INTO folder (identifier, parent_identifier) VALUES ('folder/c', 'folder/b');
UPDATE folder SET parent_identifier = 'dataset/2' WHERE identifier = 'folder/a';
SQL
	is($node->safe_psql($database, q{SET search_path = public, vxp; SELECT string_agg(identifier || ' ' || change, ', ') FROM cohort_diff('frozen')}),
		'folder/a moved, folder/b moved, folder/c added', "$label: a cohort is as it was");
	is($node->safe_psql($database, 'SELECT lineage FROM note'), 'dataset/2 > folder/a > folder/b > note/1', "$label: a move reaches all types");
	my ($rc, $out, $err) = $node->psql($database, q{DELETE FROM folder WHERE identifier = 'folder/a'}, extra_params => [ '-U', $user ]);
	like($err, qr/still has children/, "$label: parents are kept");
	($rc, $out, $err) = $node->psql($database, 'DELETE FROM frozen', extra_params => [ '-U', $user ]);
	like($err, qr/is frozen/, "$label: a cohort is guarded");
	$node->safe_psql($database, 'ALTER TABLE note RENAME TO notes; SELECT vxp.refresh(\'Note\')', extra_params => [ '-U', $user ]);
	is($node->safe_psql($database, q{SELECT count(*) FROM public.notes('{}')}), 1, "$label: RENAME is followed");
	return;
}

# a plain owner, custom format: without a single error
$node->command_ok([ 'pg_dump', '-U', 'plain', '-Fc', '-f', "$folder/plain.dump", 'source' ], 'the owner dumps');
$node->command_ok([ 'pg_restore', '-U', 'plain', '--exit-on-error', '-d', 'plain_copy', "$folder/plain.dump" ], 'the owner restores without an error');
restored('plain_copy', 'plain', 'plain owner');

# a superuser, plain text in one transaction
$node->command_ok([ 'pg_dump', '-f', "$folder/super.sql", 'source' ], 'a superuser dumps');
$node->command_ok([ 'psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-o', "$folder/out", '-d', 'super_copy', '-f', "$folder/super.sql" ], 'a superuser restores without an error');
restored('super_copy', 'plain', 'superuser');

# the definitions alone, without the tables: a warning for each, and no error
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$folder/tables.dump", 'source' ], 'dump for a part');
$node->safe_psql('schema_only', 'CREATE EXTENSION vxp_query', @plain);
my ($out, $err) = ('', '');
IPC::Run::run([ 'pg_restore', '-d', $node->connstr('schema_only'), '--data-only', '-t', 'resource_type', "$folder/tables.dump" ], '>', \$out, '2>', \$err);
is($node->safe_psql('schema_only', 'SELECT count(*) FROM vxp.resource_type'), 0, 'a definition without its table is left out');

$node->stop;
done_testing();
