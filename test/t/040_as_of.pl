#
# as_of: a value of vxp.as_of that no session has set, with the library loaded
# when the server starts: nobody reads the present who asked for the past
#
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node;

# the library that the server loads, and the value of its configuration file
sub configure
{
	my ($preload, $value) = @_;
	my $conf = "shared_preload_libraries = '$preload'\n" . (defined $value ? "vxp.as_of = '$value'\n" : '');
	open(my $file, '>', $node->data_dir . '/as_of.conf') or die $!;
	print $file $conf;
	close($file);
	return;
}

$node = PostgreSQL::Test::Cluster->new('as_of');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "fsync = off\ntimezone = 'UTC'\ninclude = 'as_of.conf'");
configure('', undef);
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION vxp_query;
	ALTER DATABASE postgres SET search_path = public, vxp;
});
$node->safe_psql('postgres', q{
	SELECT create_resource_type('Scan', 'n int', versioned => true);
	INSERT INTO scan (identifier, n, valid_from, valid_to) VALUES ('scan/1', 1, '2020-01-01', '2021-01-01'), ('scan/1', 2, '2021-01-01', NULL);
	CREATE ROLE reader LOGIN;
	GRANT SELECT ON scan TO reader;
});

# SQLSTATE and output of a statement in a session of its own
sub answer
{
	my ($sql, %options) = @_;
	my ($stdout, $stderr);
	$node->psql('postgres', $sql, stdout => \$stdout, stderr => \$stderr, extra_params => [ '-v', 'VERBOSITY=verbose', @{ $options{params} || [] } ]);
	chomp $stdout;
	return $stderr =~ /(?:ERROR|FATAL):\s+(\w{5})/ ? $1 : $stdout;
}

sub restart
{
	configure(@_);
	$node->restart;
	return;
}

for my $preload ('', 'vxp_query')
{
	my $how = $preload ? 'preloaded' : 'loaded when used';
	restart($preload, '2020-06-01');
	is(answer('SELECT n FROM scan_current'), '1', "$how: an instant of the configuration file");
	is(answer(q{SET vxp.as_of = ''; SELECT n FROM scan_current}), '2', "$how: a session goes back to the present");
	restart($preload, 'rubbish');
	is(answer('SELECT n FROM scan_current'), '22007', "$how: a bad value of the configuration file");
	is(answer(q{SELECT vxp.count('{"resource":"Scan"}')}), '22007', "$how: a bad value, DQL");
	is(answer(q{INSERT INTO scan (identifier) VALUES ('scan/2')}), '25006', "$how: a bad value, a write");
	is(answer(q{SET vxp.as_of = '2020-06-01'; SELECT n FROM scan_current}), '1', "$how: a session sets another");
	restart($preload);
	is(answer('SELECT n FROM scan_current'), '2', "$how: none");

	# of a role, stored by a session that does not know the setting
	restart('');
	$node->safe_psql('postgres', q{ALTER ROLE reader SET vxp.as_of = 'rubbish'});
	restart($preload);
	is(answer('SELECT n FROM scan_current', params => [ '-U', 'reader' ]), '22007', "$how: a bad value of a role");
	$node->safe_psql('postgres', q{ALTER ROLE reader RESET vxp.as_of});
	$node->safe_psql('postgres', q{ALTER ROLE reader SET vxp.as_of = '2020-06-01'});
	is(answer('SELECT n FROM scan_current', params => [ '-U', 'reader' ]), '1', "$how: an instant of a role");
	$node->safe_psql('postgres', q{ALTER ROLE reader RESET vxp.as_of});
}

# words that mean another instant each day have one when a session starts, not when the server does
restart('vxp_query', 'yesterday');
is(answer('SELECT n FROM scan_current'), '22007', 'preloaded: a relative value of the configuration file');
restart('vxp_query');
$node->safe_psql('postgres', q{ALTER ROLE reader SET vxp.as_of = 'yesterday'});
is(answer(q{SELECT current_setting('vxp.as_of')::timestamptz BETWEEN now() - interval '2 days' AND now(), count(*) FROM scan_current},
	params => [ '-U', 'reader' ]), 't|1', 'preloaded: a relative value of a role');

$node->stop;
done_testing();
