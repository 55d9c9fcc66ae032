#
# update_paths: from every released version ALTER EXTENSION ... UPDATE gives what a fresh install gives, object by object,
# comments and privileges included (E3)
#
# Released scripts are in sql/upgrade; until there is one, and in any case, the test makes a release of its own: today's
# script under another version, an update from it, and updates with one planted difference each, which must be seen.
#
use strict;
use warnings;
use File::Copy;
use File::Find;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $config = $ENV{TEMP_CONFIG} ? slurp_file($ENV{TEMP_CONFIG}) : '';
my ($dest) = $config =~ /(?:extension_destdir|extension_control_path) = '([^':]+)/;
plan skip_all => 'needs a server that reads extensions from a folder of the test' unless $dest;

# a copy of what was installed, where this test may add versions
my $folder = PostgreSQL::Test::Utils::tempdir_short;
system('cp', '-r', (($dest =~ m{^(.*?/dest)})[0] // $dest), "$folder/dest") == 0 or die 'cp';
chmod 0755, $folder;
my $script_folder;
find({ no_chdir => 1, wanted => sub { $script_folder = $File::Find::dir if /vxp_query\.control$/ } }, "$folder/dest");
$config =~ s{'[^':]*/dest}{'$folder/dest}g;

my $node = PostgreSQL::Test::Cluster->new('update_paths');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', $config);
$node->start;

my ($version) = slurp_file("$script_folder/vxp_query.control") =~ /default_version = '([^']+)'/;
my $install = slurp_file("$script_folder/vxp_query--$version.sql");

sub snapshot
{
	my ($name, @statements) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, $_) for @statements;
	my $seen = $node->safe_psql($name, slurp_file('test/catalog_snapshot.sql'));
	$node->safe_psql('postgres', "DROP DATABASE $name");
	return $seen;
}
sub put
{
	my ($name, $text) = @_;
	open(my $f, '>', "$script_folder/$name") or die $!;
	print $f $text;
	close $f;
	return;
}

my $fresh = snapshot('fresh', 'CREATE EXTENSION vxp_query');
cmp_ok(scalar(split /\n/, $fresh), '>', 500, 'the snapshot has many facts');
is(snapshot('again', 'CREATE EXTENSION vxp_query'), $fresh, 'a second install is the same');

# every version that was released
my @released = map { /--([0-9.]+)\.sql$/ ? $1 : () } glob('sql/upgrade/vxp_query--*.sql');
for my $old (grep { $_ ne $version && !/--/ } @released)
{
	is(snapshot('updated', "CREATE EXTENSION vxp_query VERSION '$old'", 'ALTER EXTENSION vxp_query UPDATE'), $fresh, "$old to $version");
	isnt($node->safe_psql('postgres', "SELECT path FROM pg_extension_update_paths('vxp_query') WHERE source = '$old' AND target = '$version'"), '', "there is a path from $old");
}
is($node->safe_psql('postgres', "SELECT source FROM pg_extension_update_paths('vxp_query') WHERE target = '$version' AND path IS NULL"), '', 'no version without a path to this one');

# a release of the test's own: 98 is today, 99 has a function more
my $more = "CREATE FUNCTION \@extschema\@.added() RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT 1';\n"
  . "COMMENT ON FUNCTION \@extschema\@.added() IS 'one';\nGRANT EXECUTE ON FUNCTION \@extschema\@.added() TO pg_monitor;\n";
put('vxp_query--98.sql', $install);
put('vxp_query--99.sql', $install . $more);
put('vxp_query--98--99.sql', $more);
my @update = ("CREATE EXTENSION vxp_query VERSION '98'", "ALTER EXTENSION vxp_query UPDATE TO '99'");
my $next = snapshot('next', "CREATE EXTENSION vxp_query VERSION '99'");
isnt($next, $fresh, 'the next version differs');
is(snapshot('updated', @update), $next, '98 to 99 is a fresh 99');
for my $planted (
	[ 'a missing comment', sub { s/^COMMENT.*\n//m } ], [ 'a missing privilege', sub { s/^GRANT.*\n//m } ], [ 'another volatility', sub { s/IMMUTABLE/STABLE/ } ],
	[ 'another body', sub { s/SELECT 1/SELECT 2/ } ], [ 'an object too many', sub { $_ .= "CREATE TYPE \@extschema\@.extra AS (a int);\n" } ],
	[ 'a comment that changed', sub { $_ .= "COMMENT ON TYPE \@extschema\@.lineage IS 'x';\n" } ],
	[ 'a column that changed', sub { $_ .= "ALTER TABLE \@extschema\@.resource_type ALTER prefix SET DEFAULT 'x';\n" } ],
	[ 'a trigger that is off', sub { $_ .= "ALTER TABLE \@extschema\@.resource_type ENABLE TRIGGER guard;\n" } ],
	[ 'an operator that changed', sub { $_ .= "ALTER OPERATOR \@extschema\@.\@> (\@extschema\@.lineage, \@extschema\@.lineage) SET (RESTRICT = NONE);\n" } ])
{
	local $_ = $more;
	$planted->[1]->();
	put('vxp_query--98--99.sql', $_);
	isnt(snapshot('updated', @update), $next, "seen: $planted->[0]");
}

# rows of users stay through an update
put('vxp_query--98--99.sql', $more);
$node->safe_psql('postgres', "CREATE EXTENSION vxp_query VERSION '98'; SELECT vxp.create_resource_type('Crate', versioned => false); INSERT INTO crate (identifier) VALUES ('crate/1'); ALTER EXTENSION vxp_query UPDATE TO '99'");
is($node->safe_psql('postgres', q{INSERT INTO crate (identifier) VALUES ('crate/2'); SELECT count(*), vxp.added() FROM crate('{}')}), '2|1', 'types go on working after an update');
$node->stop;
done_testing();
