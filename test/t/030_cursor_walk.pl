#
# cursor_walk: a walk by nextCursor over a million rows while other sessions make
# 10,000 changes, each committed by itself, meets every starting row that was not
# deleted and whose sort keys were not changed exactly once; a late page reads
# about what the first one reads
#
# Two sessions change rows while a third one walks.  They keep pace: after page p
# the writers may make 200 * p changes, and the next page starts when all but 100
# of them are there.  So changes are spread over the whole walk, a part of them
# between two pages and a part while a page is read, however fast the machine is.
#
use strict;
use warnings;
use File::Spec;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('cursor_walk');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "fsync = off\nmax_wal_size = 4GB\nautovacuum = off\nmax_parallel_workers_per_gather = 0\nwork_mem = 128MB\njit = off");
$node->start;

# 20 rows of each place, far from each other in the table
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION vxp_query;
CREATE TABLE big (id text COLLATE "C" PRIMARY KEY, place int NOT NULL, touched int NOT NULL DEFAULT 0);
INSERT INTO big SELECT 's' || g, g::bigint * 7919 % 50000 FROM generate_series(1, 1000000) g;
CREATE INDEX ON big (place, id);
VACUUM ANALYZE big;
SELECT vxp.register('Big', 'big', id => 'id');

CREATE TABLE met (page int NOT NULL, nth int NOT NULL, id text COLLATE "C" NOT NULL);
CREATE TABLE step (page int PRIMARY KEY, last_id text NOT NULL, cursor text, changes int NOT NULL);
CREATE TABLE change (n int PRIMARY KEY, kind text NOT NULL, id text COLLATE "C" NOT NULL);

-- The changes of the writer "client" (0, 1) are numbered; each has a starting row of its own, s97 to s970000, so none
-- meets a row that another one needs.  A change that does not find its one row is an error.
CREATE FUNCTION make_change(client int, i int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	number int := 2 * i - 1 + client;
	own text := 's' || number * 97;
	inserted text := 'n' || number - 8;	-- by this writer, four changes ago
	made text;
	changed text;
BEGIN
	WHILE number > 200 * (SELECT count(*) FROM step) LOOP
		PERFORM pg_sleep(0.002);
	END LOOP;
	CASE
		WHEN i % 5 = 1 THEN
			made := 'insert';
			INSERT INTO big VALUES ('n' || number, number * 7907 % 50000) RETURNING id INTO STRICT changed;
		WHEN i % 5 = 2 THEN
			-- the row of the cursor in use, while it is there and nobody's own; else the own one
			made := 'delete';
			DELETE FROM big WHERE id = (SELECT last_id FROM step WHERE last_id ~ '^s' AND substr(last_id, 2)::int % 97 > 0 ORDER BY page DESC LIMIT 1)
				RETURNING id INTO changed;
			IF changed IS NULL THEN
				DELETE FROM big WHERE id = own RETURNING id INTO STRICT changed;
			END IF;
		WHEN i % 5 = 3 THEN
			made := 'update';
			UPDATE big SET touched = touched + 1 WHERE id = own RETURNING id INTO STRICT changed;
		WHEN i % 5 = 4 THEN
			made := 'move';
			UPDATE big SET place = (place + 25000) % 50000 WHERE id = own RETURNING id INTO STRICT changed;
		WHEN i % 10 = 0 THEN
			made := 'delete';
			DELETE FROM big WHERE id = inserted RETURNING id INTO STRICT changed;
		ELSE
			made := 'update';
			UPDATE big SET touched = touched + 1 WHERE id = inserted RETURNING id INTO STRICT changed;
	END CASE;
	INSERT INTO change VALUES (number, made, changed);
END $$;

-- one page a transaction
CREATE PROCEDURE walk(request jsonb) LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
	pages int := 0;
	before int;
BEGIN
	LOOP
		SELECT count(*) INTO before FROM change;
		answer := vxp.execute(request::json);
		pages := pages + 1;
		INSERT INTO met SELECT pages, n, i ->> 'id' FROM jsonb_array_elements(answer -> 'items') WITH ORDINALITY x(i, n);
		INSERT INTO step VALUES (pages, answer #>> '{items,-1,id}', answer ->> 'nextCursor', before);
		COMMIT;
		EXIT WHEN NOT answer ? 'nextCursor';
		request := request || jsonb_build_object('after', answer -> 'nextCursor');
		WHILE (SELECT count(*) FROM change) < least(200 * pages, 10000) - 100 LOOP
			PERFORM pg_sleep(0.002);
		END LOOP;
	END LOOP;
END $$;
SQL

my $folder = PostgreSQL::Test::Utils::tempdir;
my $script = File::Spec->catfile($folder, 'change.sql');
append_to_file($script, "\\set i :i + 1\nSELECT make_change(:client_id, :i);\n");
my ($out, $err) = ('', '');
my $writers = IPC::Run::start(
	[ 'pgbench', '-h', $node->host, '-p', $node->port, '-n', '-M', 'prepared', '-c', 2, '-t', 5000, '-D', 'i=0', '-f', $script, 'postgres' ],
	'<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(600));
$node->safe_psql('postgres', <<'SQL', timeout => 600);
SET vxp.max_page_size = 20000;
CALL walk('{"resource":"Big","sort":[{"place":1},{"id":1}],"select":["id"],"count":"none","pageSize":20000}');
SQL
ok($writers->finish, 'the writers end without an error') or diag($err);

# what was written, and when
is($node->safe_psql('postgres', 'SELECT kind, count(*) FROM change GROUP BY 1 ORDER BY 1'),
	"delete|3000\ninsert|2000\nmove|2000\nupdate|3000", '10,000 changes were made');
is($node->safe_psql('postgres', 'SELECT count(*) >= 50, max(changes) >= 9700,
	count(*) FILTER (WHERE changes NOT BETWEEN 200 * (page - 1) - 100 AND 200 * (page - 1))
	FROM step'), 't|t|0', 'they were made in equal parts before, between and during the pages');
is($node->safe_psql('postgres', q{SELECT count(*) >= 40 FROM step s JOIN change c ON c.id = s.last_id AND c.kind = 'delete'}), 't',
	'the rows of most cursors were deleted');

# how often each row was met
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE fate AS
	SELECT id, kind, coalesce(times, 0) AS times FROM (SELECT 's' || g FROM generate_series(1, 1000000) g) s(id)
		FULL JOIN (SELECT id, count(*) AS times FROM met GROUP BY id) m USING (id)
		LEFT JOIN (SELECT id, max(kind) AS kind FROM change WHERE kind IN ('delete', 'move') AND id LIKE 's%' GROUP BY id) c USING (id);
SQL
is($node->safe_psql('postgres', q{SELECT count(*), count(*) FILTER (WHERE times = 0), count(*) FILTER (WHERE times > 1)
	FROM fate WHERE id LIKE 's%' AND kind IS NULL}), '996000|0|0', 'each starting row that stayed in its place was met exactly once');
is($node->safe_psql('postgres', q{SELECT count(*), max(times) FROM fate WHERE kind = 'delete'}), '2000|1', 'a deleted row was met at most once');
is($node->safe_psql('postgres', q{SELECT count(*) > 100, max(times) FROM fate WHERE id LIKE 'n%'}), 't|1', 'new rows were met, none twice');

# a walk over one snapshot would pass all of the above: this one saw what moved
is($node->safe_psql('postgres', q{SELECT count(*), count(*) FILTER (WHERE times = 0) > 100, count(*) FILTER (WHERE times = 2) > 100, max(times)
	FROM fate WHERE kind = 'move'}), '2000|t|t|2', 'rows that moved over the cursor were met in both places or in none');
is($node->safe_psql('postgres', q{SELECT count(*) >= 996000, count(*) FILTER (WHERE (place, id) <= (last_place, last_id))
	FROM (SELECT place, id, lag(place) OVER w AS last_place, lag(id) OVER w AS last_id
		FROM (SELECT page, nth, id, substr(id, 2)::bigint * 7919 % 50000 AS place FROM met
			WHERE id LIKE 's%' AND id NOT IN (SELECT id FROM change WHERE kind = 'move')) m
		WINDOW w AS (ORDER BY page, nth)) o}), 't|0', 'and the walk kept the order');

note($node->safe_psql('postgres', q{SELECT format('%s pages, %s changes before the last one; moved rows met never, once, twice: %s, %s, %s; new rows met: %s',
	(SELECT count(*) FROM step), (SELECT max(changes) FROM step), count(*) FILTER (WHERE kind = 'move' AND times = 0),
	count(*) FILTER (WHERE kind = 'move' AND times = 1), count(*) FILTER (WHERE kind = 'move' AND times = 2),
	count(*) FILTER (WHERE id LIKE 'n%')) FROM fate}));

# Buffers of a page of 1,000 rows: behind the cursors of the walk, and by number.  Each runs twice, since the first run
# reads the catalogs.
$node->safe_psql('postgres', <<'SQL');
VACUUM big;
CREATE FUNCTION buffers(request jsonb) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	FOR run IN 1 .. 2 LOOP
		EXECUTE format('EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) SELECT vxp.page(%L)',
			'{"resource":"Big","sort":[{"place":1},{"id":1}],"select":["id"],"count":"none","pageSize":1000}'::jsonb || request) INTO plan;
	END LOOP;
	RETURN (plan #>> '{0,Plan,Shared Hit Blocks}')::int + (plan #>> '{0,Plan,Shared Read Blocks}')::int;
END $$;
SQL
my ($first, $second, $late, $number) = split /\|/, $node->safe_psql('postgres', q{SELECT buffers('{}'),
	buffers(jsonb_build_object('after', (SELECT cursor FROM step WHERE page = 1))),
	buffers(jsonb_build_object('after', (SELECT cursor FROM step WHERE page = 49))), buffers('{"page":980}')});
note("buffers of page 0: $first, behind 20,000 rows: $second, behind 980,000: $late, page 980 by number: $number");
cmp_ok($first, '>', 0, 'the first page reads buffers');
cmp_ok($late, '<=', 2 * $first + 20, 'a late page reads about what the first one reads');
cmp_ok($number, '>', 5 * $late, 'which a page by number does not');

$node->stop;
done_testing();
