#!/usr/bin/env perl
# docs.pl - write the pages whose content is a fact into $VXP_TMP/results/docs: docs/reference.md from the COMMENTs of
# the installed extension, and README.md with the output of its examples, run on the sample data. Started through
# with_server.sh, by "make docs", which takes the pages over, and by "make check", which compares them.
use strict;
use warnings;

my $out = ($ENV{VXP_TMP} // die "start me through make docs\n") . '/results/docs';
system('mkdir', '-p', $out) == 0 or die;
chomp(my $bin = `\${PG_CONFIG:-pg_config} --bindir`);
$ENV{PGOPTIONS} = '-c client_min_messages=warning';

sub psql
{
	my @args = @_;
	my $pid = open(my $pipe, '-|') // die "fork: $!";
	if (!$pid)
	{
		open(STDERR, '>&', \*STDOUT);
		exec("$bin/psql", '-qX', @args) or die;
	}
	my $text = do { local $/; <$pipe> };
	close($pipe);
	return ($text // '', $?);
}

sub must
{
	my ($text, $rc) = psql(@_);
	die "psql @_: $text" if $rc;
	return $text;
}

# what psql answers to a statement that somebody types; "\\g (format=unaligned)" and the like may end it
sub ask
{
	my $statement = shift;
	open(my $file, '>', "$out/ask.sql") or die $!;
	print $file $statement;
	close($file);
	my ($answer, $rc) = psql('-f', "$out/ask.sql");
	unlink("$out/ask.sql");
	$answer =~ s/^psql:\S*?ask\.sql:\d+: //mg;
	return $answer;
}

sub write_file
{
	my ($name, $text) = @_;
	open(my $file, '>', "$out/$name") or die "$out/$name: $!";
	print $file $text;
	close($file);
}

must('-c', 'CREATE DATABASE demo', '-c', 'ALTER DATABASE demo SET search_path = public, vxp');
$ENV{PGDATABASE} = 'demo';
must('-o', '/dev/null', '-f', 'test/data/load.sql');

# Examples are what psql shows: prompts start a statement, the rest is its answer.
my $readme = do { local (@ARGV, $/) = 'README.md'; <> };
$readme =~ s{^(```sql\n)(demo=\#.*?)^(```)$}{
	my ($open, $body, $close) = ($1, $2, $3);
	my $new = '';
	while ($body =~ /^(demo=\# .*\n(?:demo-\# .*\n)*)/mg)
	{
		my $shown = $1;
		(my $statement = $shown) =~ s/^demo[=-]\# //mg;
		my ($answer) = ask($statement);
		$answer =~ s/[ \t]+$//mg;
		$answer =~ s/\n+\z/\n/;
		$new .= "\n" if $new ne '';
		$new .= $shown . $answer;
	}
	$open . $new . $close;
}gmse;
write_file('README.md', $readme);
write_file('reference.md', must('-At', '-f', 'test/reference.sql'));
