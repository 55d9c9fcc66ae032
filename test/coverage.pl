#!/usr/bin/perl
# coverage.pl FOLDER - which blocks of C did no test run (FOLDER/*.gcov, made by coverage.sh), and does test/coverage.explained say why?
# A block is a run of lines that were not executed, without an executed line between. It is explained by its file and the text of
# its first line, so that the list outlives changes elsewhere; or by being an elog(ERROR): what cannot happen, by the rule
# that whatever a user can reach is an ereport. Prints what is not explained; the exit status says whether there is any.
use strict;
use warnings;

my ($folder) = @ARGV;
my (%reason, %used);
open(my $list, '<', 'test/coverage.explained') or die "test/coverage.explained: $!";
while (<$list>)
{
	chomp;
	next if /^#/ || /^\s*$/;
	my ($file, $text, $why) = split /\t/;
	die "test/coverage.explained:$.: not file, text, reason\n" unless defined $why && $why =~ /\S/;
	$reason{"$file\t$text"} = $why;
}
close $list;

my ($blocks, $never, $explained, @unexplained) = (0, 0, 0);
sub block
{
	my ($file, @lines) = @_;
	return unless @lines;
	$blocks++;
	if (!grep { $_->[1] !~ /^(elog\(ERROR|default:|case \w+:|break;)/ } @lines) { $never++; return }
	# the first line that does not only open a scope
	my ($first) = grep { $_->[1] !~ /^(?:\{|default:|case \w+:)$/ } @lines;
	my ($line, $text) = @{ $first // $lines[0] };
	if (exists $reason{"$file\t$text"}) { $explained++; $used{"$file\t$text"} = 1; return }
	push @unexplained, sprintf("%s:%d: %s\t(%d lines)", $file, $line, $text, scalar @lines);
	return;
}
for my $gcov (sort glob("$folder/*.gcov"))
{
	open(my $in, '<', $gcov) or die $!;
	my ($file, @open);
	while (<$in>)
	{
		my ($count, $line, $text) = /^\s*(\S+?):\s*(\d+):(.*)$/ or next;
		if ($line == 0) { $file = $1 if $text =~ /^Source:(.*)/; next }
		$text =~ s/^\s+|\s+$//g;
		if ($count =~ /^(#####|=====)/) { push @open, [ $line, $text ] }
		elsif ($count ne '-') { block($file, @open); @open = () }
		elsif ($text eq '' && $_ =~ /:\}$/) { block($file, @open); @open = () }
	}
	block($file, @open);
	close $in;
}
print "$blocks blocks were not run: $never raise an error that cannot happen, $explained are explained in test/coverage.explained, ", scalar @unexplained, " are not\n";
my @stale = sort grep { !$used{$_} } keys %reason;
print 'explained, and run now (or gone): ', scalar @stale, "\n", map { "  $_\n" } @stale if @stale;
print "not explained:\n", map { "  $_\n" } @unexplained if @unexplained;
exit(@unexplained ? 1 : 0);
