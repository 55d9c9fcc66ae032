#
# small_tree: eight sessions write to one small versioned tree at the same time: upserts, moves, ends that are passed on,
# corrections, DQL, in transactions of one to three statements at each level of isolation. What comes out is sound
# (vxp.verify), and what was refused was refused by an error that such a session has to expect (C1). The isolation
# specs have the orders that somebody thought of; this has the others.
#
# VXP_SMALL_TREE=20000: so many transactions by each session instead of 1,500; VXP_SEED=n: others
#
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $transactions = $ENV{VXP_SMALL_TREE} || 1500;
my $seed = $ENV{VXP_SEED} || 1;
my ($sessions, $sites, $pats, $evs) = (8, 2, 8, 60);

my $node = PostgreSQL::Test::Cluster->new('small_tree');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
# a deadlock is found at once, so that the others go on
$node->append_conf('postgresql.conf', "fsync = off\njit = off\ndeadlock_timeout = 20ms\nlog_min_messages = panic\nmax_pred_locks_per_transaction = 256");
$node->start;
$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION vxp_query;
ALTER DATABASE postgres SET search_path = public, vxp;
SET search_path = public, vxp;
SELECT create_resource_type('Site', 'n int', versioned => true);
SELECT create_resource_type('Pat', 'n int', parents => '{Site,Pat}', versioned => true, on_close => 'cascade');
SELECT create_resource_type('Ev', 'n int', parents => '{Pat}', versioned => true, on_close => 'cascade');
INSERT INTO site (identifier, n, valid_from) SELECT 'site/' || g, 0, '2020-01-01' FROM generate_series(1, $sites) g;
INSERT INTO pat (identifier, parent_identifier, n, valid_from) SELECT 'pat/' || g, 'site/' || 1 + g % $sites, 0, '2021-01-01' FROM generate_series(1, $pats) g;
INSERT INTO ev (identifier, parent_identifier, n, valid_from) SELECT 'ev/' || g, 'pat/' || 1 + g % $pats, 0, '2022-01-01' FROM generate_series(1, $evs) g;
SQL

sub pick { return 1 + int(rand($_[0])) }

# one statement, and what it is called
sub statement
{
	my ($site, $pat, $other, $ev, $n) = ("site/" . pick($sites), "pat/" . pick($pats), "pat/" . pick($pats), "ev/" . pick($evs), pick(1000));
	my @kinds = (
		[ 30, 'upsert', "INSERT INTO ev (identifier, parent_identifier, n) VALUES ('$ev', '$pat', $n) ON CONFLICT (identifier) DO UPDATE SET n = excluded.n" ],
		[ 10, 'upsert that moves', "INSERT INTO ev (identifier, parent_identifier, n) VALUES ('$ev', '$pat', $n) ON CONFLICT (identifier) DO UPDATE SET n = excluded.n, parent_identifier = excluded.parent_identifier" ],
		[ 14, 'upsert above', "INSERT INTO pat (identifier, parent_identifier, n) VALUES ('$pat', '$site', $n) ON CONFLICT (identifier) DO UPDATE SET n = excluded.n" ],
		[ 8, 'insert', "INSERT INTO ev (identifier, parent_identifier, n) VALUES ('$ev', '$pat', $n) ON CONFLICT DO NOTHING" ],
		[ 10, 'update', "UPDATE ev SET n = $n WHERE identifier = '$ev'" ],
		[ 4, 'update of some', "UPDATE ev SET n = n + 1 WHERE parent_identifier = '$pat'" ],
		[ 8, 'move', "UPDATE ev SET parent_identifier = '$pat' WHERE identifier = '$ev'" ],
		[ 10, 'move of a subtree', "UPDATE pat SET parent_identifier = '$site' WHERE identifier = '$pat'" ],
		[ 6, 'move below another', "UPDATE pat SET parent_identifier = '$other' WHERE identifier = '$pat'" ],
		[ 5, 'delete', "DELETE FROM ev WHERE identifier = '$ev'" ],
		[ 5, 'cascade', "DELETE FROM pat WHERE identifier = '$pat'" ],
		[ 2, 'correction', "SELECT correct('Ev', '$ev', now() - interval '50 ms', now() - interval '20 ms', '{\"n\": $n}')" ],
		[ 2, 'DQL update', qq(SELECT vxp.update('{"resource":"Ev","filter":{"parent_identifier":"$pat"},"update":{"metadata":{"user":{"n":$n}}}}')) ],
		[ 2, 'DQL delete', qq(SELECT vxp.delete('{"resource":"Ev","filter":{"id":"$ev"},"delete":true}')) ]);
	my $sum = 0;
	$sum += $_->[0] for @kinds;
	my $at = rand($sum);
	for my $kind (@kinds)
	{
		return @$kind[ 1, 2 ] if ($at -= $kind->[0]) < 0;
	}
}

my @levels = (('READ COMMITTED') x 8, 'REPEATABLE READ', 'SERIALIZABLE');
my (@run, @out, @err);
for my $session (1 .. $sessions)
{
	srand($seed * 1000 + $session);
	my $file = $node->basedir . "/session$session.sql";
	open(my $sql, '>', $file) or die;
	print $sql "\\set VERBOSITY sqlstate\nSET search_path = public, vxp;\n";
	for (1 .. $transactions)
	{
		my $count = rand() < 0.6 ? 1 : pick(3);
		my @statements = map { [ statement() ] } 1 .. $count;
		if ($count == 1) { print $sql "$statements[0][1];\n\\echo :SQLSTATE $statements[0][0]\n" }
		else
		{
			print $sql "BEGIN ISOLATION LEVEL $levels[rand @levels];\n";
			print $sql "$_->[1];\n\\echo :SQLSTATE $_->[0]\n" for @statements;
			print $sql(rand() < 0.15 ? "ROLLBACK;\n" : "COMMIT;\n\\echo :SQLSTATE commit\n");
		}
	}
	close($sql);
	($out[$session], $err[$session]) = ('', '');
	# what is asked for is the errors of statements; rows of functions are not printed
	$run[$session] = IPC::Run::start([ 'psql', '-XqAt', '-o', '/dev/null', '-d', $node->connstr('postgres'), '-f', $file ], '>', \$out[$session], '2>', \$err[$session]);
}
my (%done, %refused);
for my $session (1 .. $sessions)
{
	ok($run[$session]->finish, "session $session came to its end") or diag $err[$session];
	for my $line (split /\n/, $out[$session])
	{
		my ($state, $kind) = $line =~ /^(\w{5}) (.*)$/ or die "psql says $line";
		if ($state eq '00000') { $done{$kind}++ } else { $refused{$state}{$kind}++ }
	}
}

# a parent that is not there (or lies below, or is younger), a parent's or child's interval, a deadlock, a transaction that came too late;
# a correction of what was not there; 25P02: what follows one of these in a transaction
my %expected = map { $_ => 1 } qw(23503 23514 40P01 40001 P0002 25P02);
for my $state (sort keys %refused)
{
	my $of = $refused{$state};
	note("$state: " . join(', ', map { "$of->{$_} $_" } sort keys %$of));
	ok($expected{$state}, "refused with $state, which such sessions have to expect");
}
note('done: ' . join(', ', map { "$done{$_} $_" } sort keys %done));
my @never = grep { !$done{$_} } ('upsert', 'upsert that moves', 'upsert above', 'insert', 'update', 'update of some', 'move', 'move of a subtree', 'move below another', 'delete', 'cascade', 'correction', 'DQL update', 'DQL delete', 'commit');
is("@never", '', 'each kind of statement succeeded');

is($node->safe_psql('postgres', 'SELECT * FROM vxp.verify() ORDER BY 1, 2, 3'), '', 'paths, versions and indexes are sound');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM ev'), '>', $transactions, 'versions were made');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM ev_current e LEFT JOIN pat_current p ON p.identifier = e.parent_identifier
	WHERE e.lineage IS DISTINCT FROM p.lineage || e.identifier}), '0', 'each current path is its parent\'s and its own identifier');
is($node->safe_psql('postgres', q{
	WITH bound AS (SELECT valid_from AS at FROM pat UNION SELECT valid_from FROM ev UNION SELECT valid_to FROM pat WHERE valid_to IS NOT NULL)
	SELECT count(*) FROM (SELECT at FROM bound ORDER BY random() LIMIT 200) b JOIN ev e ON vxp.valid_at(e.valid_from, e.valid_to, b.at)
		LEFT JOIN pat p ON p.identifier = e.parent_identifier AND vxp.valid_at(p.valid_from, p.valid_to, b.at)
	WHERE e.lineage IS DISTINCT FROM p.lineage || e.identifier}), '0', 'and so at two hundred boundaries of the past');
$node->stop;
done_testing();
