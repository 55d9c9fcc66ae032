#
# event_log: what a long random life of a tree leaves behind is what an
# independent reference says it was, at every instant
#
# The log creates, updates (in four ways), moves, ends and begins again, and
# corrects resources of four types, several in a transaction.  The reference knows
# nothing of versions or paths: for each resource it keeps when it existed and since
# when each of its own values held, and finds a path by walking up the parents that
# held at the instant asked for.  VXP_EVENTS sets the length of the log; where each
# event takes ten times as long, under a sanitizer, it is shorter (check_all.sh).
#
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $events = $ENV{VXP_EVENTS} // 100_000;
my $instants = 100;
srand(20261122);

# types from the top down: possible parents, and the lineage fields of a table
my @types = qw(Datasource Patient Folder Scan);
my %parents = (Datasource => [], Patient => ['Datasource'], Folder => [ 'Patient', 'Folder' ], Scan => [ 'Folder', 'Patient' ]);
my %fields = (Datasource => ['datasource'], Patient => [qw(datasource patient)], Folder => [qw(datasource patient folder)],
	Scan => [qw(datasource patient folder scan)]);

#
# The log: SQL for the server, and the same events for the reference
#
my %now;           # id -> { type, parent, kids, size, title, note, lives: [[first batch, last batch], ...] } of what exists
my %gone;          # id -> lives of what does not
my %by_type = map { $_ => [] } @types;    # ids that exist, in no order; holes are filled by the last
my (@log, @sql);
my $batch = 0;
my %number;

sub pick { return $_[ int(rand(@_)) ] }

sub some_of
{
	my ($type) = @_;
	my $list = $by_type{$type};
	return @$list ? $list->[ int(rand(@$list)) ] : undef;
}

sub put
{
	my ($id, $type) = @_;
	push @{ $by_type{$type} }, $id;
	$now{$id}{place} = $#{ $by_type{$type} };
	return;
}

sub take
{
	my ($id) = @_;
	my ($list, $place) = ($by_type{ $now{$id}{type} }, $now{$id}{place});
	my $last = pop @$list;
	if ($last ne $id) { $list->[$place] = $last; $now{$last}{place} = $place; }
	my $parent = $now{$id}{parent};
	delete $now{$parent}{kids}{$id} if defined $parent;
	$gone{$id} = $now{$id}{lives};
	$gone{$id}[-1][1] = $batch;
	delete $now{$id};
	return;
}

sub below
{
	my ($id) = @_;
	return map { ($_, below($_)) } sort keys %{ $now{$id}{kids} };
}

sub remark { return sprintf('{"a": %d, "b": {"c": "%s"}}', int(rand(5)), pick(qw(x y z))) }
sub literal { return defined $_[0] ? "'$_[0]'" : 'NULL' }

sub create
{
	my $type = pick(qw(Datasource Patient Patient Folder Folder Folder Scan Scan Scan Scan Scan Scan));
	$type = 'Datasource' if !@{ $by_type{Datasource} };
	my ($parent) = @{ $parents{$type} } ? some_of(pick(@{ $parents{$type} })) : undef;
	return if @{ $parents{$type} } && !defined $parent;
	my $id = lc($type) . '/' . ++$number{$type};
	if (rand() < 0.2)
	{
		my @again = grep { /^\L$type\// && exists $gone{$_} } map { pick(keys_of_gone()) // () } 1 .. 3;
		$id = $again[0] if @again;
	}
	my %row = (type => $type, parent => $parent, kids => {}, size => int(rand(1000)), title => pick(qw(red green blue)), note => remark());
	$row{lives} = [ @{ delete($gone{$id}) // [] }, [ $batch, undef ] ];
	$now{$id} = \%row;
	put($id, $type);
	$now{$parent}{kids}{$id} = 1 if defined $parent;
	push @log, [ $batch, 'create', $id, { parent => $parent, map { $_ => $row{$_} } qw(size title note) } ];
	return sprintf(q{INSERT INTO %s (identifier, parent_identifier, size, title, metadata) VALUES ('%s', %s, %d, '%s', '%s')},
		lc $type, $id, literal($parent), @row{qw(size title note)});
}

# a hash has no order that a seed fixes: keep one
my @gone_order;
sub keys_of_gone { return @gone_order ? ($gone_order[ int(rand(@gone_order)) ]) : () }

sub update
{
	my $type = pick(qw(Datasource Patient Folder Folder Scan Scan Scan Scan));
	my $id = some_of($type);
	return if !defined $id;
	my $table = lc $type;
	my $way = rand();
	if ($way < 0.06)
	{
		# as it was: no version
		return "UPDATE $table SET size = size, title = title WHERE identifier = '$id' AND valid_to IS NULL";
	}
	my %set;
	$set{size} = int(rand(1000)) if rand() < 0.6;
	$set{title} = pick(qw(red green blue black)) if rand() < 0.4;
	$set{note} = remark() if rand() < 0.3 || !%set;
	my @ids = ($id);
	push @ids, grep { $_ ne $id } some_of($type) if rand() < 0.1;
	foreach my $one (@ids)
	{
		push @log, [ $batch, 'set', $one, {%set} ];
		$now{$one}{$_} = $set{$_} foreach keys %set;
	}
	my %column = (size => 'size', title => 'title', note => 'metadata');
	my $list = join ', ', map { "$column{$_} = '$set{$_}'" } sort keys %set;
	my $values = join ', ', map { "'$set{$_}'" } sort keys %set;
	my $names = join ', ', map { $column{$_} } sort keys %set;
	if (@ids == 1 && $way < 0.2)
	{
		return "INSERT INTO $table (identifier, parent_identifier, $names) VALUES ('$id', " . literal($now{$id}{parent}) . ", $values)"
		  . " ON CONFLICT (identifier) WHERE valid_to IS NULL DO UPDATE SET "
		  . join(', ', map { "$column{$_} = excluded.$column{$_}" } sort keys %set);
	}
	if (@ids == 1 && $way < 0.3)
	{
		return "MERGE INTO $table t USING (VALUES ('$id')) v(id) ON t.identifier = v.id AND t.valid_to IS NULL WHEN MATCHED THEN UPDATE SET $list";
	}
	return "UPDATE $table SET $list WHERE identifier IN (" . join(', ', map { "'$_'" } @ids) . ") AND valid_to IS NULL";
}

sub move
{
	my $type = pick(qw(Patient Folder Folder Folder Scan));
	my $id = some_of($type) // return;
	my $parent = some_of(pick(@{ $parents{$type} })) // return;
	return if $parent eq $id || $parent eq $now{$id}{parent};
	# not below itself
	for (my $above = $parent; defined $above; $above = $now{$above}{parent}) { return if $above eq $id; }
	delete $now{ $now{$id}{parent} }{kids}{$id};
	$now{$id}{parent} = $parent;
	$now{$parent}{kids}{$id} = 1;
	push @log, [ $batch, 'set', $id, { parent => $parent } ];
	return sprintf(q{UPDATE %s SET parent_identifier = '%s' WHERE identifier = '%s' AND valid_to IS NULL}, lc $type, $parent, $id);
}

sub end
{
	my $id = some_of(pick(qw(Datasource Patient Folder Folder Scan Scan Scan Scan Scan))) // return;
	my @kids = below($id);
	# scans end with their parent; others keep it
	return if grep { !/^scan\// } @kids;
	foreach my $one ($id, @kids)
	{
		push @log, [ $batch, 'end', $one ];
		push @gone_order, $one;
	}
	my $table = lc $now{$id}{type};
	take($_) foreach reverse $id, @kids;
	return "DELETE FROM $table WHERE identifier = '$id' AND valid_to IS NULL";
}

# a value, the place in the tree, or the existence of a resource was another in the past
sub correct
{
	my $id = some_of(pick(qw(Patient Folder Scan Scan))) // return;
	my ($type, $row) = ($now{$id}{type}, $now{$id});
	my $what = rand();
	my $life = $what < 0.2 ? $row->{lives}[-1] : pick(@{ $row->{lives} });
	my ($first, $last) = ($life->[0], $life->[1] // $batch);
	# what was removed from a life leaves a hole, in which there is nothing to correct
	return if $last - $first < 3 || $row->{hole};
	my $from = $first + int(rand($last - $first - 1));
	my $to = $from + 1 + int(rand($last - $from - 1));
	my ($from_plus, $to_plus) = (pick(0, 1), pick(0, 1));
	my %set = rand() < 0.5 ? (size => int(rand(1000))) : (title => pick(qw(white grey)));
	if ($what < 0.2)
	{
		# up to now and further
		$to = undef;
		$row->{$_} = $set{$_} foreach keys %set;
	}
	elsif ($what < 0.4)
	{
		# below a parent that was there, and that cannot have been below the resource
		return if $type eq 'Patient' && @{ $by_type{Datasource} } < 2;
		my $parent = some_of($type eq 'Patient' ? 'Datasource' : $type eq 'Folder' ? 'Patient' : pick('Folder', 'Patient')) // return;
		return if $now{$parent}{lives}[-1][0] >= $from;
		%set = (parent => $parent);
	}
	elsif ($what < 0.5 && $type eq 'Scan')
	{
		$row->{hole} = 1;
		%set = (exists => 0);
	}
	push @log, [ $batch, 'correct', $id, {%set}, $from, $from_plus, $to, $to_plus ];
	my ($key) = keys %set;
	my $changes = $key eq 'exists' ? 'NULL' : sprintf(q{'{"%s": %s}'}, $key eq 'parent' ? 'parent_identifier' : $key, $key eq 'size' ? $set{$key} : qq("$set{$key}"));
	return sprintf(q{SELECT vxp.correct('%s', '%s', %s, %s, %s)}, $type, $id,
		(map { defined $_->[0] ? sprintf(q{(SELECT at + interval '%d us' FROM batch WHERE k = %d)}, @$_[ 1, 0 ]) : 'NULL' } [ $from, $from_plus ], [ $to, $to_plus ]), $changes);
}

my %weight = (create => 30, update => 34, move => 8, end => 20, correct => 8);
my @kinds = map { ($_) x $weight{$_} } sort keys %weight;
my %action = (create => \&create, update => \&update, move => \&move, end => \&end, correct => \&correct);
my %happened;
my $total = 0;
while ($total < $events)
{
	my @statements;
	foreach (1 .. pick(1, 1, 1, 2, 3, 5, 8))
	{
		my $kind = pick(@kinds);
		# a population of some 2,000: instants are compared row by row
		$kind = 'end' if $kind eq 'create' && keys %now > 2_000 && rand() < 0.7;
		my $sql = $action{$kind}->() // next;
		push @statements, $sql;
		$happened{$kind}++;
	}
	next if !@statements;
	push @sql, join(' \; ', 'BEGIN', "INSERT INTO batch VALUES ($batch, now())", @statements, 'COMMIT') . ';';
	$total += @statements;
	$batch++;
}
note(join ', ', map { "$_ $happened{$_}" } sort keys %happened);

#
# The server
#
my $node = PostgreSQL::Test::Cluster->new('event_log');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "fsync = off\nsynchronous_commit = off\nmax_wal_size = 4GB\nshared_buffers = 256MB");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION vxp_query; ALTER DATABASE postgres SET search_path = public, vxp; ALTER DATABASE postgres SET timezone = \'UTC\'');
$node->safe_psql('postgres', 'CREATE TABLE batch (k int PRIMARY KEY, at timestamptz NOT NULL UNIQUE)');
foreach my $type (@types)
{
	$node->safe_psql('postgres', sprintf(q{SELECT create_resource_type('%s', 'size int, title text', parents => '{%s}', versioned => true%s)},
		$type, join(',', @{ $parents{$type} }), $type eq 'Scan' ? ", on_close => 'cascade'" : ''));
}
my $file = PostgreSQL::Test::Utils::tempdir() . '/log.sql';
PostgreSQL::Test::Utils::append_to_file($file, join("\n", @sql) . "\n");
my $started = time;
$node->command_ok([ 'psql', '-XqAt', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', $file ], "$total events ran");
note(sprintf('%d events in %d transactions: %d s', $total, $batch, time - $started));
$node->safe_psql('postgres', 'VACUUM ANALYZE');

#
# The reference: steps [since, value, ...] of each value
#
my @at;
foreach (split /\n/, $node->safe_psql('postgres', 'SELECT k, (extract(epoch FROM at) * 1000000)::bigint FROM batch'))
{
	my ($k, $time) = split /\|/;
	$at[$k] = $time;
}
my %life;

sub set_from
{
	my ($steps, $time, $value) = @_;
	if (@$steps && $steps->[-1][0] == $time) { $steps->[-1][1] = $value; }
	else { push @$steps, [ $time, $value ]; }
	return;
}

sub value_at
{
	my ($steps, $time) = @_;
	my ($low, $high) = (0, scalar @{ $steps // [] });
	while ($low < $high)
	{
		my $middle = int(($low + $high) / 2);
		if ($steps->[$middle][0] <= $time) { $low = $middle + 1; }
		else { $high = $middle; }
	}
	return $low ? $steps->[ $low - 1 ][1] : undef;
}

sub set_between
{
	my ($steps, $from, $to, $value) = @_;
	my $after = defined $to ? value_at($steps, $to) : undef;
	@$steps = ((grep { $_->[0] < $from } @$steps), [ $from, $value ], defined $to ? ([ $to, $after ], grep { $_->[0] > $to } @$steps) : ());
	return;
}

foreach (@log)
{
	my ($k, $kind, $id, $set, $from, $from_plus, $to, $to_plus) = @$_;
	if ($kind eq 'create' || $kind eq 'set')
	{
		set_from($life{$id}{exists} //= [], $at[$k], 1) if $kind eq 'create';
		set_from($life{$id}{$_} //= [], $at[$k], $set->{$_}) foreach keys %$set;
	}
	elsif ($kind eq 'end')
	{
		set_from($life{$id}{exists}, $at[$k], 0);
	}
	else
	{
		set_between($life{$id}{$_}, $at[$from] + $from_plus, defined $to ? $at[$to] + $to_plus : undef, $set->{$_}) foreach keys %$set;
	}
}
my %ids = map { my $type = lc $_; $_ => [ sort grep { /^$type\// } keys %life ] } @types;

# identifiers from the root down
my %memo;
sub path_at
{
	my ($id, $time) = @_;
	return $memo{$id} if $memo{$id};
	my $parent = value_at($life{$id}{parent}, $time);
	return $memo{$id} = [ (defined $parent ? @{ path_at($parent, $time) } : ()), $id ];
}

# what a type looked like: id -> line
sub state_at
{
	my ($type, $time) = @_;
	my %lines;
	foreach my $id (@{ $ids{$type} })
	{
		next if !value_at($life{$id}{exists}, $time);
		my $path = path_at($id, $time);
		my @above = map { my $prefix = $_; (grep { /^$prefix\// } @$path)[-1] // '-' } @{ $fields{$type} };
		$lines{$id} = join '|', $id, (map { value_at($life{$id}{$_}, $time) // '-' } qw(parent size title note)), join(' > ', @$path), @above;
	}
	return \%lines;
}

sub sql_lines
{
	my ($type) = @_;
	return join(q{ || '|' || }, 'identifier', q{coalesce(parent_identifier, '-')}, qw(size title metadata), 'lineage::text',
		map { "coalesce(${_}_id, '-')" } @{ $fields{$type} });
}

sub instant
{
	my ($time) = @_;
	return sprintf(q{'epoch'::timestamptz + %d * interval '1 us'}, $time);
}

my @asked = map { $at[0] + int(rand($at[-1] - $at[0])) } 1 .. $instants - 40;
push @asked, map { $at[ int(rand(@at)) ] - pick(0, 1) } 1 .. 39;
push @asked, $at[-1] + 1_000_000;
my @queries;
foreach my $time (@asked)
{
	push @queries, sprintf(q{SELECT set_config('vxp.as_of', (%s)::text, false) <> '';}, instant($time));
	foreach my $type (@types)
	{
		push @queries, sprintf(q{SELECT count(*) || ' ' || md5(coalesce(string_agg(%s, E'\n' ORDER BY identifier COLLATE "C"), '')) FROM %s_current;}, sql_lines($type), lc $type);
	}
}
$started = time;
my @answers = split /\n/, $node->safe_psql('postgres', join("\n", @queries));
note(sprintf('%d questions: %d s', $instants * @types, time - $started));
$started = time;
my ($wrong, $rows, $first) = (0, 0, undef);
my @counts;
foreach my $time (@asked)
{
	%memo = ();
	shift @answers;
	foreach my $type (@types)
	{
		my $lines = state_at($type, $time);
		my $expected = scalar(keys %$lines) . ' ' . md5_hex(join "\n", map { $lines->{$_} } sort keys %$lines);
		$rows += keys %$lines;
		$counts[$#counts + 1] = scalar(keys %$lines) if $type eq 'Scan';
		next if shift(@answers) eq $expected;
		$wrong++;
		$first //= [ $type, $time, $lines ];
	}
}
note(sprintf('%d rows by the reference: %d s', $rows, time - $started));
cmp_ok($rows, '>', $events / 4, 'there was something to compare');
is($wrong, 0, "$instants instants of four types are as the reference has them");
if ($first)
{
	# the rows that differ, for who has to find out why
	my ($type, $time, $lines) = @$first;
	my %found = map { (split /\|/)[0] => $_ } split /\n/, $node->safe_psql('postgres',
		sprintf(q{SET vxp.as_of = ''; SELECT %s FROM %s WHERE valid_at(valid_from, valid_to, %s)}, sql_lines($type), lc $type, instant($time)));
	my @differ = grep { ($found{$_} // '') ne ($lines->{$_} // '') } sort keys %{ { %found, %$lines } };
	diag("$type at $time: " . @differ . " rows differ");
	diag("expected " . ($lines->{$_} // 'nothing') . "\n   found " . ($found{$_} // 'nothing')) foreach @differ[ 0 .. ($#differ > 4 ? 4 : $#differ) ];
	diag($node->safe_psql('postgres', sprintf(q{SELECT valid_from, valid_to, * FROM %s WHERE identifier = '%s' ORDER BY valid_from}, lc $type, $differ[0])));
	diag(join ' ', map { defined $_ ? ref $_ ? join(',', %$_) : $_ : '-' } @$_, $at[ $_->[0] ]) foreach grep { $_->[2] eq $differ[0] } @log;
}

#
# The same history by other questions
#
my $step = int(($at[-1] - $at[0]) / 50);
my @timeline = split /\n/, $node->safe_psql('postgres', sprintf(
	q{SELECT count FROM timeline('{"resource": "Scan", "filter": {"size": {"$lt": 300}}}', %s, %s, %d * interval '1 us')}, instant($at[0]), instant($at[-1]), $step));
my @expected = map
{
	my $time = $at[0] + $_ * $step;
	scalar grep { value_at($life{$_}{exists}, $time) && value_at($life{$_}{size}, $time) < 300 } @{ $ids{Scan} }
} 0 .. $#timeline;
is("@timeline", "@expected", 'a timeline counts what the reference counts');

my $kinds_wrong = 0;
foreach (1 .. 5)
{
	my ($from, $to) = sort { $a <=> $b } map { $asked[ int(rand(@asked)) ] } 1, 2;
	%memo = ();
	my $old = state_at('Scan', $from);
	my %old_path = %memo;
	%memo = ();
	my $new = state_at('Scan', $to);
	# the datasource below which most happened
	my %below;
	foreach my $id (sort keys %{ { %$old, %$new } })
	{
		my ($old_root, $new_root) = (defined $old->{$id} ? $old_path{$id}[0] : '', defined $new->{$id} ? $memo{$id}[0] : '');
		next if ($old->{$id} // '') eq ($new->{$id} // '');
		my $kind = !defined $old->{$id} ? 'added' : !defined $new->{$id} ? 'removed' : "@{$old_path{$id}}" ne "@{$memo{$id}}" ? 'moved' : 'changed';
		$below{$_}{$id} = $kind foreach grep { $_ ne '' } $old_root, $new_root;
	}
	my ($root) = sort { keys %{ $below{$b} } <=> keys %{ $below{$a} } || $a cmp $b } keys %below;
	next if !defined $root;
	my $changes = $node->safe_psql('postgres', sprintf(q{SELECT identifier || ' ' || change FROM changes('Scan', '%s', %s, %s)}, $root, instant($from), instant($to)));
	$kinds_wrong++ if $changes ne join "\n", map { "$_ $below{$root}{$_}" } sort keys %{ $below{$root} };
}
is($kinds_wrong, 0, 'changes below a datasource are those of the reference');

is($node->safe_psql('postgres', join ' UNION ALL ', map { "SELECT 1 FROM check_lineage('$_')" } @types), '', 'every path is sound');
is($node->safe_psql('postgres', join ' UNION ALL ', map { "SELECT 1 FROM check_versions('$_')" } @types), '', 'every interval is sound');
$node->stop;
done_testing();
