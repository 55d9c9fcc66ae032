#
# hijack: objects that somebody planted before CREATE EXTENSION make it fail instead of being used; the owner of a database
# may install it, its objects belong to the superuser, and a role without any grant gets nothing; the library may be loaded
# in any way (G1, G4, I1, I2)
#
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('hijack');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE owner LOGIN; CREATE ROLE attacker LOGIN; CREATE ROLE nobody_at_all LOGIN');

# each kind of object, planted by another role in the schema that the extension would use
my %planted = (
	'a function' => 'CREATE FUNCTION vxp.count(int) RETURNS int LANGUAGE sql AS \'SELECT 1\'',
	'a function of ours' => 'CREATE FUNCTION vxp.has_ancestor(text, text) RETURNS boolean LANGUAGE sql AS \'SELECT true\'',
	'a table' => 'CREATE TABLE vxp.resource_type (name text)',
	'a view' => 'CREATE VIEW vxp.resource_types AS SELECT 1 AS a',
	'a type' => 'CREATE DOMAIN vxp.lineage AS text',
	'an operator' => 'CREATE OPERATOR vxp.@^ (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)',
	'a sequence' => 'CREATE SEQUENCE vxp.operation_id_seq');
my $n = 0;
for my $what (sort keys %planted)
{
	my $db = 'planted' . $n++;
	$node->safe_psql('postgres', "CREATE DATABASE $db OWNER owner");
	$node->safe_psql($db, 'CREATE SCHEMA vxp AUTHORIZATION attacker');
	$node->safe_psql($db, $planted{$what}, extra_params => [ '-U', 'attacker' ]);
	for my $who ('postgres', 'owner')
	{
		my ($rc, $out, $err) = $node->psql($db, "\\set VERBOSITY sqlstate\nCREATE EXTENSION vxp_query", extra_params => $who eq 'owner' ? [ '-U', 'owner' ] : []);
		like($err, qr/ERROR:  42(710|501|723|P07)/, "$what: refused for $who") or diag $err;
	}
	is($node->safe_psql($db, "SELECT count(*) FROM pg_extension WHERE extname = 'vxp_query'"), 0, "$what: nothing was installed");
}

# what the path names first at CREATE EXTENSION is not used
$node->safe_psql('postgres', 'CREATE DATABASE path OWNER owner');
$node->safe_psql('path', <<'SQL');
CREATE SCHEMA trap AUTHORIZATION attacker;
SET ROLE attacker;
CREATE TABLE trap.caught (what text);
CREATE FUNCTION trap.caught() RETURNS void LANGUAGE sql AS 'INSERT INTO trap.caught VALUES (current_user)';
CREATE FUNCTION trap.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT trap.caught(); SELECT ''x''';
CREATE FUNCTION trap.pg_extension_config_dump(regclass, text) RETURNS void LANGUAGE sql AS 'SELECT trap.caught()';
CREATE FUNCTION trap.equal(oid, regnamespace) RETURNS boolean LANGUAGE sql AS 'SELECT trap.caught(); SELECT false';
CREATE OPERATOR trap.= (LEFTARG = oid, RIGHTARG = regnamespace, FUNCTION = trap.equal);
CREATE DOMAIN trap.text AS int;
SQL
$node->safe_psql('path', 'SET search_path = trap, public, pg_catalog; CREATE EXTENSION vxp_query');
is($node->safe_psql('path', 'SELECT count(*) FROM trap.caught'), 0, 'nothing in the path was called');

# the owner of the database installs it, and owns none of it
$node->safe_psql('postgres', 'CREATE DATABASE app OWNER owner');
$node->safe_psql('app', 'CREATE EXTENSION vxp_query', extra_params => [ '-U', 'owner' ]);
is($node->safe_psql('app', q{SELECT DISTINCT pg_get_userbyid(p.proowner) FROM pg_proc p WHERE p.pronamespace = 'vxp'::regnamespace}), 'postgres', 'functions belong to the superuser');
is($node->safe_psql('app', q{SELECT DISTINCT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.relnamespace = 'vxp'::regnamespace}), 'postgres', 'tables, too');
for my $statement ('CREATE OR REPLACE FUNCTION vxp.has_ancestor(path vxp.lineage, ancestor text) RETURNS boolean LANGUAGE sql AS \'SELECT true\'', 'DROP FUNCTION vxp.depth(vxp.lineage)',
	'ALTER TABLE vxp.resource_type DISABLE TRIGGER guard', 'ALTER TABLE vxp.resource_relation ADD x int',
	q{INSERT INTO vxp.resource_relation VALUES ('a', 1)}, 'ALTER EVENT TRIGGER vxp_follow_ddl DISABLE', 'ALTER TYPE vxp.lineage RENAME TO x')
{
	# the schema is the owner's, as CREATE EXTENSION has it, but not what the extension has in it
	for my $who ('owner', 'nobody_at_all')
	{
		my ($rc, $out, $err) = $node->psql('app', "\\set VERBOSITY sqlstate\n$statement", extra_params => [ '-U', $who ]);
		like($err, qr/ERROR:  (42501|2BP01)/, "$who: $statement") or diag $err;
	}
}

for my $statement ('CREATE TABLE vxp.mine (a int)', 'CREATE FUNCTION vxp.mine() RETURNS int LANGUAGE sql AS \'SELECT 1\'')
{
	my ($rc, $out, $err) = $node->psql('app', "\\set VERBOSITY sqlstate\n$statement", extra_params => [ '-U', 'nobody_at_all' ]);
	like($err, qr/ERROR:  42501/, "nobody_at_all: $statement") or diag $err;
}

# a role without any grant: pure functions answer, tables of others and what is theirs do not
$node->safe_psql('app', <<'SQL', extra_params => [ '-U', 'owner' ]);
CREATE SCHEMA own;
SET search_path = own;
SELECT vxp.create_resource_type('Crate', 'secret text', versioned => false);
INSERT INTO own.crate (identifier, secret) VALUES ('crate/1', 'hidden');
SELECT vxp.update('{"resource":"Crate","filter":{"id":"crate/1"},"update":{"metadata":{"user":{"a":1}}}}');
SQL
my @nobody = (extra_params => [ '-U', 'nobody_at_all' ]);
is($node->safe_psql('app', q{SELECT vxp.has_ancestor('a > b', 'a'), vxp.depth('a > b')}, @nobody), 't|2', 'no grant: paths');
is($node->safe_psql('app', 'SELECT count(*) FROM vxp.operation', @nobody), 0, "no grant: others' operations do not show");
for my $statement (q{SELECT vxp.count('{"resource":"Crate"}')}, q{SELECT vxp.page('{"resource":"Crate"}')}, q{SELECT * FROM vxp.items('{"resource":"Crate"}')}, q{SELECT vxp.update('{"resource":"Crate","filter":{"id":"crate/1"},"update":{"metadata":{"user":{"a":2}}}}')},
	q{SELECT vxp.delete('{"resource":"Crate","filter":{"id":"crate/1"},"delete":true}')}, q{SELECT vxp.undo(1)}, q{SELECT vxp.unregister('Crate')}, q{SELECT vxp.refresh('Crate')}, q{SELECT vxp.drop_resource_type('Crate')},
	q{SELECT vxp.register('Mine', 'own.crate'::regclass)}, q{SELECT * FROM vxp.check_lineage('Crate')}, q{SELECT * FROM vxp.facets('{"resource":"Crate"}', 'secret')})
{
	my ($rc, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\n$statement", @nobody);
	ok($rc != 0 || $err =~ /ERROR/, "no grant: $statement");
	like($err, qr/ERROR:  (42501|42P01|P0002|22023|42704)/, 'its SQLSTATE') or diag $err;
	unlike("$out$err", qr/hidden/, 'and no data');
}

# the library loaded in each way, with and without the extension in the database, and dropped in the middle of a session
for my $way ('', "shared_preload_libraries = 'vxp_query'", "session_preload_libraries = 'vxp_query'", "shared_preload_libraries = 'pg_stat_statements,vxp_query,auto_explain'", "shared_preload_libraries = 'auto_explain,vxp_query,pg_stat_statements'")
{
	my $other = PostgreSQL::Test::Cluster->new('loading' . $n++);
	$other->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
	$other->append_conf('postgresql.conf', "$way\nauto_explain.log_min_duration = 0\n") if $way;
	$other->start;
	is($other->safe_psql('postgres', 'CREATE TABLE t (a int); INSERT INTO t VALUES (1); ALTER TABLE t ADD b int; SELECT count(*) FROM t; DROP TABLE t'), 1, "'$way', not created");
	is($other->safe_psql('postgres', <<'SQL'), "1\n1\n1\n0", "'$way', created and dropped in one session");
CREATE EXTENSION vxp_query;
SELECT count(*) FROM (SELECT vxp.create_resource_type('Crate', versioned => false)) x;
INSERT INTO crate (identifier) VALUES ('crate/1');
SELECT count(*) FROM vxp.query(NULL::crate, '{}') b;
SET client_min_messages = error;
DROP EXTENSION vxp_query CASCADE;
CREATE TABLE t (a int);
ALTER TABLE t ADD b int;
INSERT INTO t VALUES (1);
SELECT count(*) FROM t;
DROP TABLE t;
CREATE EXTENSION vxp_query;
SELECT count(*) FROM vxp.resource_types;
SQL
	$other->stop;
}
$node->stop;
done_testing();
