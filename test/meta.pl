#!/usr/bin/env perl
# meta.pl META.json - is the file valid by the PGXN meta specification 1.0.0? Names each fault. What it names must exist.
use strict;
use warnings;
use JSON::PP;

my $file = shift // 'META.json';
my $meta = eval { JSON::PP->new->utf8->decode(do { local (@ARGV, $/) = $file; <> }) } or die "$file: $@";
my @faults;
my $semver = qr/^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-?[A-Za-z][-0-9A-Za-z.]*)?$/;
my $term = qr{^[^\s/\\\p{Cntrl}]{2,}$};
my %licenses = map { $_ => 1 } qw(agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd gfdl_1_2 gfdl_1_3 gpl_1 gpl_2 gpl_3
	lgpl_2_1 lgpl_3_0 mit mozilla_1_0 mozilla_1_1 openssl perl_5 postgresql qpl_1_0 ssleay sun zlib open_source restricted unrestricted unknown);

sub must { my ($good, $fault) = @_; push @faults, $fault if !$good; return $good; }
sub string { my ($value) = @_; return defined $value && !ref $value && $value ne ''; }
# a version, or conditions such as ">= 1.2.0, < 2.0.0"; 0 is any
sub range
{
	my ($value) = @_;
	return 0 if !defined $value || ref $value;
	for my $part (split /,\s*/, $value)
	{
		$part =~ s/^(?:>=|<=|==|!=|>|<)\s*//;
		return 0 if $part ne '0' && $part !~ $semver;
	}
	return 1;
}

must(string($meta->{$_}), "\"$_\" is missing or no text") for qw(name version abstract);
must(defined $meta->{$_}, "\"$_\" is missing") for qw(maintainer license provides meta-spec);
must($meta->{name} =~ $term, 'the name is no term') if string($meta->{name});
must($meta->{version} =~ $semver, 'the version is no semantic version') if string($meta->{version});
must($_ ne '', 'a maintainer is empty') for ref $meta->{maintainer} ? @{ $meta->{maintainer} } : $meta->{maintainer} // '';
my @named = ref $meta->{license} eq 'HASH' ? () : ref $meta->{license} ? @{ $meta->{license} } : $meta->{license} // '';
must($licenses{$_}, "\"$_\" is no licence of the specification") for @named;
must($meta->{'meta-spec'}{version} =~ /^1\.0\.\d+$/, 'meta-spec has no version 1.0') if ref $meta->{'meta-spec'};
must($meta->{'meta-spec'}{url} eq 'https://pgxn.org/meta/spec.txt', 'the url of meta-spec is another') if exists $meta->{'meta-spec'}{url};
if (must(ref $meta->{provides} eq 'HASH' && %{ $meta->{provides} }, 'provides names nothing'))
{
	for my $name (sort keys %{ $meta->{provides} })
	{
		my $one = $meta->{provides}{$name};
		must($name =~ $term, "provides: \"$name\" is no term");
		must(string($one->{file}) && -e $one->{file}, "provides: the file of $name is not there");
		must(string($one->{version}) && $one->{version} =~ $semver, "provides: the version of $name is no semantic version");
		must(-e $one->{docfile}, "provides: the docfile of $name is not there") if exists $one->{docfile};
		must(string($one->{abstract}), "provides: the abstract of $name is empty") if exists $one->{abstract};
		my @others = grep { !/^(?:file|version|docfile|abstract)$/ && !/^x_/i } keys %$one;
		must(!@others, "provides: $name has unknown members: @others");
	}
}
for my $phase (sort keys %{ $meta->{prereqs} // {} })
{
	must($phase =~ /^(?:configure|build|test|runtime|develop)$/, "prereqs: \"$phase\" is no phase");
	for my $relation (sort keys %{ $meta->{prereqs}{$phase} })
	{
		must($relation =~ /^(?:requires|recommends|suggests|conflicts)$/, "prereqs: \"$relation\" is no relation");
		my $wanted = $meta->{prereqs}{$phase}{$relation};
		must(range($wanted->{$_}), "prereqs: the version of $_ is no version or range") for sort keys %$wanted;
	}
}
must($meta->{release_status} =~ /^(?:stable|testing|unstable)$/, 'release_status is none of stable, testing, unstable') if exists $meta->{release_status};
if (exists $meta->{tags})
{
	must(ref $meta->{tags} eq 'ARRAY' && @{ $meta->{tags} }, 'tags is no list');
	must(length $_ && length $_ < 256 && !/[\/\\\p{Cntrl}]/, "\"$_\" is no tag") for @{ $meta->{tags} };
}
my @unknown = grep { !/^(?:abstract|maintainer|license|provides|name|version|meta-spec|description|generated_by|no_index|prereqs|release_status|resources|tags)$/ && !/^x_/i } sort keys %$meta;
must(!@unknown, "unknown members: @unknown");
print "$file: $_\n" for @faults;
exit(@faults ? 1 : 0);
