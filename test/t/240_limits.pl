#
# limits: a single call on the largest input there is ends within a second of a timeout (D2); a text of 1 GB gets an answer or an
# error of its own (B5); memory that runs out at any point (D3) and a file that cannot grow (D3) are ordinary errors, after
# which session and server go on
#
# What runs out does so by the limits of the kernel on the process (prlimit), which the session sets on itself: the server's
# own malloc, mmap, write and ftruncate fail, at a point that moves as the limit grows.
#
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

$| = 1;

my $node = PostgreSQL::Test::Cluster->new('limits');
# small WAL files, so that a limit on the size of files leaves WAL alone
$node->init(extra => [ '--encoding=UTF8', '--locale=C', '--wal-segsize=1' ]);
$node->append_conf('postgresql.conf', "jit = off\nautovacuum = off\nmax_parallel_workers_per_gather = 0\nlog_line_prefix = '%m [%p] %e '\nmax_wal_size = 256MB\nmin_wal_size = 32MB\n");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION vxp_query;
CREATE TABLE item (id bigserial PRIMARY KEY, path vxp.lineage NOT NULL);
INSERT INTO item (path) SELECT vxp.lineage(ARRAY['a', 'b/' || g % 20, 'c/' || g, 'd/' || g || repeat('x', 40)]) FROM generate_series(1, 30000) g;
CREATE TABLE wide (id text PRIMARY KEY, d jsonb);
INSERT INTO wide SELECT g::text, (SELECT jsonb_build_object('id', g::text, 'list', jsonb_agg(jsonb_build_object('v', h))) FROM generate_series(1, 300) h) FROM generate_series(1, 2000) g;
SELECT vxp.register('Wide', 'wide', document => 'd');
CREATE TABLE huge (id text PRIMARY KEY, d jsonb);
ALTER TABLE huge ALTER d SET STORAGE external;
INSERT INTO huge SELECT '1', jsonb_build_object('id', '1', 'numbers', jsonb_agg(g), 'objects', jsonb_agg(jsonb_build_object('v', g))) FROM generate_series(1, 500000) g;
SELECT vxp.register('Huge', 'huge', document => 'd');
CREATE TABLE request (name text, text text);
-- as large as a request may be: 16 MB
INSERT INTO request VALUES ('numbers', '{"resource":"Wide","filter":{"v":{"$in":[' || repeat('1234567,', 2000000) || '1]}}}'),
	('names', '{"resource":"Wide","filter":{"' || repeat('a.', 4000000) || 'a":1}}'), ('text', '{"resource":"Wide","filter":{"v":"' || repeat('*a', 4000000) || '"}}'),
	('select', '{"resource":"Wide","select":[' || repeat('"a",', 3000000) || '"a"]}');
SELECT vxp.create_resource_type('Crate', versioned => false), vxp.create_resource_type('Thing', 'n int', parents => '{Crate,Thing}', versioned => false);
INSERT INTO crate (identifier) SELECT 'crate/' || g FROM generate_series(1, 10) g;
INSERT INTO thing (identifier, parent_identifier, n) SELECT 'thing/' || g, CASE WHEN g = 1 THEN 'crate/1' ELSE 'thing/1' END, g FROM generate_series(1, 2000) g;
CHECKPOINT;
SQL

# D2: one call each, not one in a loop of PL/pgSQL, which would be interrupted between calls
my %long = (
	'a request of 16 MB, numbers' => q{SELECT length(text::vxp.dql::text) FROM request WHERE name = 'numbers'},
	'a request of 16 MB, a name' => q{SELECT length(text::vxp.dql::text) FROM request WHERE name = 'names'},
	'a request of 16 MB, a pattern' => q{SELECT length(text::vxp.dql::text) FROM request WHERE name = 'text'},
	'a request of 16 MB, fields' => q{SELECT length(text::vxp.dql::text) FROM request WHERE name = 'select'},
	'matches over a list of half a million' => q{SELECT vxp.matches(d, '{"filter":{"numbers":{"$elemMatch":{"$lt":0}}}}') FROM huge},
	'matches over objects' => q{SELECT vxp.matches(d, '{"filter":{"objects.v":{"$lt":0}}}') FROM huge},
	'sort_key' => q{SELECT length(vxp.sort_key(d, 'objects.v', true)) FROM huge},
	'path_values' => q{SELECT cardinality(vxp.path_values(d, 'numbers')) FROM huge},
	'path_texts' => q{SELECT cardinality(vxp.path_texts(d, 'objects.v')) FROM huge},
	'facets' => q{SELECT count(*) FROM vxp.facets('{"resource":"Huge"}', 'numbers')},
	'fields' => q{SELECT count(*) FROM vxp.fields('Huge')},
	'a page' => q{SELECT length(vxp.page('{"resource":"Huge","sort":{"numbers":1}}')::text)},
	'a pattern over a long text' => q{SELECT vxp.matches(jsonb_build_object('a', repeat('ab', 50000000)), '{"filter":{"a":"*ba*aa*b*"}}')},
	'an index build' => q{CREATE INDEX built ON item USING gist (path)},
	'an index build of GIN' => q{CREATE INDEX built_gin ON item USING gin (path)},
	'ANALYZE' => q{SET default_statistics_target = 10000; ANALYZE item},
	'a move of 2,000' => q{UPDATE thing SET parent_identifier = 'crate/2' WHERE identifier = 'thing/1'});
for my $what (sort keys %long)
{
	my $begun = time;
	my ($rc, $o, $e) = $node->psql('postgres', "SET statement_timeout = '100ms'; BEGIN; SET max_parallel_maintenance_workers = 0; $long{$what}; ROLLBACK");
	my $took = time - $begun;
	# what ends before its time is not at fault; a second, and what a loaded machine adds to it
	like($e, qr/^$|canceling statement due to statement timeout|ERROR/, "$what: answers, or is cancelled");
	cmp_ok($took, '<', 1.1 + 5, "$what: within a second");
	note sprintf('%s: %.2f s, %s', $what, $took, $e =~ /(ERROR:.*)/ ? $1 : 'done');
}

# B5: 1 GB of text, less what its header takes
my ($rc, $out, $err) = $node->psql('postgres', <<'SQL');
DO $$
DECLARE
	big text := repeat('x', 1073741700);
	call text;
BEGIN
	FOREACH call IN ARRAY ARRAY['SELECT $1::vxp.lineage', 'SELECT $1::vxp.dql', 'SELECT vxp.has_ancestor(''a > b'', $1)', 'SELECT vxp.sort_key(''{}'', $1)', 'SELECT vxp.path_values(''{}'', $1)',
		'SELECT vxp.facets(''{"resource":"Wide"}'', $1)', 'SELECT vxp.sort_key(jsonb_build_object(''a'', left($1, 200000000)), ''a'')']
	LOOP
		BEGIN
			EXECUTE call USING big;
			RAISE NOTICE 'answered: %', call;
		EXCEPTION WHEN OTHERS THEN
			RAISE NOTICE '%: % %', SQLSTATE, call, left(SQLERRM, 80);
		END;
	END LOOP;
END $$;
SQL
is($rc, 0, '1 GB: the session goes on') or diag $err;
is(scalar(() = $err =~ /^(?:psql:\S+ )?NOTICE:/mg), 7, '1 GB: each call has an outcome') or diag $err;
unlike($err, qr/NOTICE:  XX/, '1 GB: no internal error') or diag $err;
note $err;

# D3: memory. The stack is grown first, since the kernel kills a process whose stack cannot grow
my $limit = 'CREATE TEMP TABLE limited (l text); COPY limited FROM PROGRAM $c$v=$(sed -n "s/^VmSize:[^0-9]*\([0-9]*\).*/\1/p" /proc/$PPID/status); prlimit --pid $PPID --as=$(( (v + %d) * 1024 )) && echo $v$c$';
my $grow = q~DO $$ BEGIN PERFORM repeat('[', 6000)::json; EXCEPTION WHEN OTHERS THEN END $$; DO $$ BEGIN PERFORM ('{"filter":' || repeat('{"a":', 200) || '1' || repeat('}', 201))::text::vxp.dql; EXCEPTION WHEN OTHERS THEN END $$;~;
my %hungry = (
	'a large request' => q{SELECT length(text::vxp.dql::text) FROM request WHERE name = 'numbers'},
	'a huge document' => q{SELECT cardinality(vxp.path_values(d, 'objects')) FROM huge},
	'facets' => q{SELECT count(*) FROM vxp.facets('{"resource":"Huge"}', 'numbers')},
	'a page of documents' => q{SELECT length(vxp.page('{"resource":"Wide","sort":{"id":1},"pageSize":1000}')::text)},
	'a sort in memory' => q{SET work_mem = '1GB'; SELECT count(*) FROM (SELECT * FROM vxp.query(NULL::wide, '{"sort":{"id":-1}}') w ORDER BY d::text) s},
	'an index build' => q{SET maintenance_work_mem = '1GB'; CREATE INDEX ON item USING gist (path)},
	'a move' => q{UPDATE thing SET parent_identifier = 'crate/3' WHERE identifier = 'thing/1'},
	'a checksum of the tree' => q{SELECT count(*) FROM vxp.verify('Thing')});
# a sanitizer ends the process where its own memory ends
for my $what (($ENV{VXP_MODE} // '') =~ /asan|valgrind/ ? () : sort keys %hungry)
{
	my ($done, $refused, $other) = (0, 0, '');
	for my $room (0, 400, 2000, 9000, 30000, 2000000)
	{
		my ($rc, $o, $e) = $node->psql('postgres', "\\set VERBOSITY sqlstate\nSET max_parallel_maintenance_workers = 0; LOAD 'vxp_query';\n$grow\n" . sprintf($limit, $room) . ";\nBEGIN;\n$hungry{$what};\nROLLBACK;\nSELECT 'goes on'", on_error_stop => 0);
		# the server itself may end a session that has no memory for what it keeps for each
		if ($e =~ /FATAL:  53200/ || $e =~ /ERROR:  53200/ && $o =~ /goes on/) { $refused++ }
		elsif ($e eq '' && $o =~ /goes on/) { $done++ }
		else { $other .= "room $room: $e $o\n" }
		$other .= "room $room: the session ended: $e\n" if $rc == 2 && $e !~ /FATAL:  53200/;
	}
	is($other, '', "$what: an ordinary error where memory ends");
	cmp_ok($done, '>', 0, "$what: done where there is enough");
	cmp_ok($refused, '>', 0, "$what: refused where there is not");
}

# D3: files. (The server has no SQLSTATE for EFBIG, which is what the kernel says here; for ENOSPC it has 53100, by the same way.)
for my $case ([ 'temp_file_limit', q{SET work_mem = '64kB'; SET temp_file_limit = '100kB'; SET vxp.enable_inlining = off; SELECT count(*) FROM vxp.query_record('{"resource":"Wide","sort":{"list":1,"id":1}}') AS r(id text, list jsonb)}, 53400 ],
	[ 'a sort on a full disk', sprintf('%s; SET work_mem = \'64kB\'; SET vxp.enable_inlining = off; SELECT count(*) FROM vxp.query_record(\'{"resource":"Wide","sort":{"list":1,"id":1}}\') AS r(id text, list jsonb)', 'FSIZE'), 'XX000: could not (?:write|extend).*: File too large' ],
	[ 'an index on a full disk', 'FSIZE; CREATE INDEX ON item USING gist (path)', 'XX000: could not (?:write|extend).*: File too large' ],
	[ 'a GIN index on a full disk', 'FSIZE; CREATE INDEX ON item USING gin (path)', 'XX000: could not (?:write|extend).*: File too large' ])
{
	my ($what, $statement, $state) = @$case;
	my $fsize = 'CREATE TEMP TABLE limited (l text); COPY limited FROM PROGRAM $c$prlimit --pid $PPID --fsize=1048576 && echo x$c$';
	$statement =~ s/FSIZE/$fsize/;
	my ($rc, $o, $e) = $node->psql('postgres', "\\set VERBOSITY verbose\nLOAD 'vxp_query'; SET max_parallel_maintenance_workers = 0;\n$statement;\nROLLBACK;\nSELECT 'goes on'", on_error_stop => 0);
	like($e, qr/ERROR:  (?:$state)/, "$what: an ordinary error") or diag $e;
	like($o, qr/goes on/, "$what: the session goes on");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM vxp.verify()'), 0, 'nothing is broken');
my $log = join("\n", grep { !/File too large/ } split /\n/, slurp_file($node->logfile));
unlike($log, qr/\] XX[0-9A-Z]{3} ERROR|TRAP|terminated by signal|PANIC/, 'no internal error, nothing died');
$node->stop;
done_testing();
