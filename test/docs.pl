#!/usr/bin/env perl
# docs.pl - run the statements of README.md and docs/*.md, and write the pages with the answers of that run into
# $VXP_TMP/results/docs; and docs/reference.md from the COMMENTs of the installed extension. Started through
# with_server.sh, by "make docs", which takes the pages over, and by "make check", which compares them.
#
# What a fenced block is, its first line says:
#   ```sql            with prompts (demo=#, demo-#): the statements are typed into psql, in the database that the prompt
#                     names, and what it answers stands below each. "demo" has the sample data of test/data, "releases" that
#                     with all its versions.
#                     Without prompts: the statements run, in the database of the page, and must not fail.
#   ```sql NAME       without prompts, in the database NAME
#   ```sql not run    shown only: it needs what is not here. CREATE EXTENSION and the rest around it stay true by care.
# A block is one session. Any other database is empty when the page begins, but for the extension, unless
# the page creates it; no page sees another's. A block that looks like SQL and does not say so is a fault.
use strict;
use warnings;

my $out = ($ENV{VXP_TMP} // die "start me through make docs\n") . '/results/docs';
system('mkdir', '-p', "$out/docs") == 0 or die;
chomp(my $bin = `\${PG_CONFIG:-pg_config} --bindir`);
$ENV{PGOPTIONS} = '-c client_min_messages=warning';
my $faults = 0;

sub fault { print "$_[0]\n"; $faults++; }

# psql, with what it says on both channels in the order of time
sub psql
{
	my @args = @_;
	my $pid = open(my $pipe, '-|') // die "fork: $!";
	if (!$pid)
	{
		open(STDERR, '>&', \*STDOUT);
		exec('stdbuf', '-o0', "$bin/psql", '-qX', @args) or die;
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

sub slurp { my $name = shift; local (@ARGV, $/) = $name; return scalar <>; }

sub write_file
{
	my ($name, $text) = @_;
	open(my $file, '>', $name) or die "$name: $!";
	print $file $text;
	close($file);
}

sub create_database
{
	my ($name, $template) = @_;
	must('-d', 'postgres', '-c', "DROP DATABASE IF EXISTS \"$name\"",
		'-c', "CREATE DATABASE \"$name\" TEMPLATE " . ($template // 'template0'),
		'-c', "ALTER DATABASE \"$name\" SET search_path = public, vxp");
}

# database PAGE NAME: the one that the page's statements mean, made at its first use
my %made;
sub database
{
	my ($page, $name, $text) = @_;
	if (!$made{$name})
	{
		create_database($name, $name eq 'demo' ? 'sample' : undef);
		must('-d', $name, '-o', '/dev/null', '-f', 'test/data/load_versions.sql') if $name eq 'releases';
		# "demo" is a copy of the sample; a page that shows how to begin begins with nothing
		must('-d', $name, '-c', 'CREATE EXTENSION vxp_query') if $name !~ /^(?:demo|releases)$/ && $text !~ /^(?:\w+=[#>] )?CREATE EXTENSION vxp_query/m;
		$made{$name} = 1;
	}
	return $name;
}

# ask DATABASE STATEMENT...: what psql answers to each, in one session
sub ask
{
	my ($name, @statements) = @_;
	my $file = "$ENV{VXP_TMP}/ask.sql";
	my $mark = '-- next statement --';
	write_file($file, join("\\echo '$mark'\n", @statements));
	my ($answer, $rc) = psql('-d', $name, '-f', $file);
	unlink($file);
	$answer =~ s/^psql:\S*?ask\.sql:\d+: //mg;
	$answer =~ s/[ \t]+$//mg;
	my @answers = split(/^\Q$mark\E\n/m, $answer, -1);
	s/\n+\z/\n/ for @answers;
	return @answers;
}

# a block with prompts, as it comes out of this run
sub typed
{
	my ($page, $body, $text) = @_;
	my (@shown, @statements, $name);
	while ($body =~ /^((\w+)=[#>] .*\n(?:\2[-*('"\$][#>](?: .*)?\n)*)/mg)
	{
		my ($shown, $of) = ($1, $2);
		fault("$page: one block asks two databases, $name and $of") if defined $name && $name ne $of;
		$name = $of;
		(my $statement = $shown) =~ s/^\Q$of\E[-=*('"\$][#>] ?//mg;
		push @shown, $shown;
		push @statements, $statement;
	}
	my @answers = ask(database($page, $name, $text), @statements);
	my $new = '';
	for my $n (0 .. $#shown)
	{
		# a blank line after an answer, none between statements that say nothing
		$new .= "\n" if $n > 0 && $answers[ $n - 1 ] ne '';
		$new .= $shown[$n] . ($answers[$n] // '');
	}
	return $new;
}

sub page
{
	my $page = shift;
	my $text = slurp($page);
	(my $own = lc $page) =~ s{^.*/|\.md$}{}g;
	$own =~ s/\W/_/g;
	%made = ();
	$text =~ s{^(```([^\n]*)\n)(.*?)^(```)$}{
		my ($open, $info, $body, $close) = ($1, $2, $3, $4);
		if ($info =~ /^sql(?: (.*))?$/)
		{
			my $where = $1;
			if (($where // '') eq 'not run')
			{
			}
			elsif ($body =~ /^\w+=[#>] /)
			{
				$body = typed($page, $body, $text);
			}
			else
			{
				my $name = database($page, $where // $own, $text);
				my $file = "$ENV{VXP_TMP}/run.sql";
				write_file($file, $body);
				my ($answer, $rc) = psql('-d', $name, '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', $file);
				fault("$page: $answer") if $rc;
			}
		}
		elsif ($info eq '' && $body =~ /^\s*(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|WITH|EXPLAIN|\w+=\#) /)
		{
			fault("$page: a block with statements does not say \"sql\": " . substr($body, 0, 60));
		}
		$open . $body . $close;
	}gmse;
	fault("$page: indented statements; put them into a block that says \"sql\": $1")
		if $text =~ /^\n    ((?:SELECT|INSERT|UPDATE|DELETE FROM|CREATE|ALTER|WITH|EXPLAIN) .*)/m;
	write_file("$out/$page", $text);
	must('-d', 'postgres', map { ('-c', "DROP DATABASE \"$_\" WITH (FORCE)") } keys %made) if %made;
}

create_database('sample');
must('-d', 'sample', '-o', '/dev/null', '-f', 'test/data/load.sql');
$ENV{PGDATABASE} = 'sample';
my @pages = @ARGV ? @ARGV : ('README.md', grep { $_ ne 'docs/reference.md' } sort glob('docs/*.md'));
page($_) for grep { $_ ne 'docs/reference.md' } @pages;
write_file("$out/docs/reference.md", must('-At', '-f', 'test/reference.sql')) if !@ARGV || grep { $_ eq 'docs/reference.md' } @ARGV;
exit($faults ? 1 : 0);
