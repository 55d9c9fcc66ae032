#
# explain_advice: the indexes that vxp.explain advises are worth having
#
# For 50 requests over tables with statistics that lack all but their primary
# keys: the advice is made, btree and hash as hypothetical indexes by hypopg, GIN and
# GiST, which it cannot imagine, for real and taken back.  In at least 90 of 100
# cases the planner's cost of the statement that to_sql prints falls 5 times, and
# every statement of an advice can be executed as it is.
#
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('explain_advice');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\njit = off\nmax_parallel_workers_per_gather = 0\nmaintenance_work_mem = 256MB");
$node->start;
if ($node->safe_psql('postgres', "SELECT count(*) FROM pg_available_extensions WHERE name = 'hypopg'") eq '0')
{
	$node->stop;
	plan skip_all => 'hypopg is not installed for this server (Debian: postgresql-NN-hypopg)';
}

$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION vxp_query;
CREATE EXTENSION hypopg;
SELECT setseed(0.5);
CREATE TABLE patient (id text COLLATE "C" PRIMARY KEY, sex text, birth date NOT NULL, site text);
CREATE TABLE volume (
	id int PRIMARY KEY, patient_id text COLLATE "C" NOT NULL, modality text, manufacturer text COLLATE "C", description text, station text,
	created_at timestamptz NOT NULL, acquired date, size float8, instances int NOT NULL, rating smallint, flag boolean, uid uuid, tags text[], lineage vxp.lineage,
	document jsonb NOT NULL, taken text);
INSERT INTO patient SELECT 'p' || g, CASE WHEN g % 2 = 0 THEN 'F' ELSE 'M' END, date '1950-01-01' + g % 20000, 'site' || g % 400 FROM generate_series(1, 20000) g;
INSERT INTO volume
SELECT g, 'p' || 1 + g % 20000, (ARRAY['MR','CT','US','PT'])[1 + g % 4], 'maker ' || (random() * 500)::int, 'series ' || (random() * 5000)::int || ' of the head',
	CASE WHEN g % 3000 = 0 THEN NULL ELSE 'station ' || g % 700 END,
	timestamptz '2020-01-01Z' + (random() * 1e8) * interval '1 s', date '2015-01-01' + (random() * 3000)::int, random() * 1000, (random() * 10000)::int, (random() * 100)::int,
	g % 500 = 0, md5(g::text)::uuid, ARRAY['t' || (random() * 800)::int, 'u' || g % 3],
	vxp.lineage(ARRAY['datasource/' || g % 5, 'patient/' || g % 20000, 'volume/' || g]),
	jsonb_build_object('status', 's' || (random() * 600)::int, 'size', (random() * 1000)::int, 'rare', CASE WHEN g % 1000 = 0 THEN 'x' || g % 9 END,
		'meta', jsonb_build_object('kind', 'k' || (random() * 300)::int, 'tags', jsonb_build_array('a' || g % 900, 'b'))),
	'2020-01-01T00:00:00Z'::timestamptz + g * interval '1 min'
FROM generate_series(1, 120000) g;
VACUUM ANALYZE patient, volume;
SELECT vxp.register('Patient', 'patient', id => 'id'), vxp.register('Volume', 'volume', id => 'id', fields => '{"lineage":"lineage"}');

CREATE TABLE cases (n int GENERATED ALWAYS AS IDENTITY, resource text, body text, advice text[], before float8, after float8);
INSERT INTO cases (resource, body) VALUES
	('Volume', '"filter":{"manufacturer":"maker 7"}'),
	('Volume', '"filter":{"patient_id":"p77"}'),
	('Volume', '"filter":{"patient_id":{"$in":["p1","p2","p3"]}}'),
	('Volume', '"filter":{"description":"series 17 of the head"}'),
	('Volume', '"filter":{"description":"series 17 *"}'),
	('Volume', '"filter":{"description":{"$startsWith":"series 170"}}'),
	('Volume', '"filter":{"description":{"$ieq":"SERIES 17 of the HEAD"}}'),
	('Volume', '"filter":{"description":{"$gt":"series 9990"}}'),
	('Volume', '"filter":{"station":null}'),
	('Volume', '"filter":{"station":"station 5"}'),
	('Volume', '"filter":{"station":{"$exists":false}}'),
	('Volume', '"filter":{"created_at":{"$gt":"2023-02-28"}}'),
	('Volume', '"filter":{"created_at":{"$gte":"2021-01-01","$lt":"2021-01-03"}}'),
	('Volume', '"filter":{"created_at":{"$after":"2022-05-05","$before":"2022-05-06"}}'),
	('Volume', '"filter":{"acquired":"2016-02-03"}'),
	('Volume', '"filter":{"acquired":{"$lt":"2015-01-04"}}'),
	('Volume', '"filter":{"size":{"$between":[10,11]}}'),
	('Volume', '"filter":{"size":{"$gt":999}}'),
	('Volume', '"filter":{"instances":12}'),
	('Volume', '"filter":{"instances":{"$in":[1,2,3,4,5]}}'),
	('Volume', '"filter":{"instances":{"$lt":10.5}}'),
	('Volume', '"filter":{"uid":"c4ca4238-a0b9-2382-0dcc-509a6f75849b"}'),
	('Volume', '"filter":{"flag":true}'),
	('Volume', '"filter":{"rating":17,"manufacturer":"maker 9"}'),
	('Volume', '"filter":{"rating":17,"instances":{"$lt":500}}'),
	('Volume', '"filter":{"modality":"MR","instances":{"$gte":9990}}'),
	('Volume', '"filter":{"modality":{"$ne":"MR"},"manufacturer":"maker 3"}'),
	('Volume', '"filter":{"$or":[{"manufacturer":"maker 3"},{"instances":7}]}'),
	('Volume', '"filter":{"$or":[{"manufacturer":"maker 3"},{"manufacturer":"maker 4"}]}'),
	('Volume', '"filter":{"$and":[{"modality":"CT"},{"$or":[{"instances":8},{"rating":100,"size":{"$lt":5}}]}]}'),
	('Volume', '"sort":{"created_at":"descending"},"limit":20'),
	('Volume', '"sort":{"size":"descending"},"limit":20'),
	('Volume', '"sort":{"modality":"ascending","created_at":"descending"},"limit":20'),
	('Volume', '"filter":{"modality":"CT"},"sort":{"created_at":"descending"},"limit":20'),
	('Volume', '"filter":{"modality":"CT","rating":3},"sort":{"created_at":"descending"},"limit":20'),
	('Volume', '"filter":{"station":"station 7"},"sort":{"description":"ascending"},"pageSize":10'),
	('Volume', '"filter":{"created_at":{"$gt":"2022-01-01"}},"sort":{"created_at":"ascending"},"pageSize":10'),
	('Volume', '"sort":{"document.size":"descending"},"limit":20'),
	('Volume', '"filter":{"tags":"t17"}'),
	('Volume', '"filter":{"tags":{"$in":["t17","t18"]}}'),
	('Volume', '"filter":{"$hasAncestor":"patient/99"}'),
	('Volume', '"filter":{"$hasAncestor":["patient/99","patient/98"]}'),
	('Volume', '"filter":{"document.status":"s55"}'),
	('Volume', '"filter":{"document.meta.kind":{"$in":["k5","k6"]},"document.size":{"$gt":900}}'),
	('Volume', '"filter":{"document":{"meta":{"tags":"a77"}}}'),
	('Volume', '"filter":{"taken":{"$after":"2020-03-24T00:00:00Z"}}'),
	('Volume', '"join":{"on":{"resource":"Patient","local":"id","forigen":"patient_id"},"filter":{"birth":"1950-01-02"}}'),
	('Patient', '"filter":{"site":"site9"},"join":{"on":{"resource":"Volume","local":"patient_id","forigen":"id"},"filter":{"instances":{"$gt":9000}}}'),
	('Patient', '"filter":{"id":{"$in":{"resource":"Volume","select":["patient_id"],"filter":{"uid":"c4ca4238-a0b9-2382-0dcc-509a6f75849b"}}}}'),
	('Patient', '"filter":{"birth":"1960-01-01"},"join":{"on":{"resource":"Volume","local":"patient_id","forigen":"id"},"quantifier":"none"}');

CREATE FUNCTION cost(statement text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Total Cost';
END $$;
CREATE FUNCTION try(n int, request vxp.dql) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	advised text[] := (SELECT array_agg(DISTINCT advice) FROM vxp.explain(request) WHERE advice IS NOT NULL);
	costs float8[] := ARRAY[cost(vxp.to_sql(request))];
	statement text;
BEGIN
	BEGIN
		FOREACH statement IN ARRAY coalesce(advised, '{}') LOOP
			IF statement ~ ' USING (gin|gist) ' THEN
				EXECUTE statement;
			ELSE
				PERFORM hypopg_create_index(statement);
			END IF;
		END LOOP;
		costs := costs || cost(vxp.to_sql(request));
		-- as it is, on the server itself
		IF advised IS NOT NULL AND n % 5 = 0 THEN
			PERFORM hypopg_reset();
			FOREACH statement IN ARRAY advised LOOP
				EXECUTE statement;
			END LOOP;
		END IF;
		RAISE EXCEPTION 'back' USING ERRCODE = 'ZZ001';
	EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
		PERFORM hypopg_reset();
	END;
	UPDATE cases c SET advice = advised, before = costs[1], after = costs[2] WHERE c.n = try.n;
END $$;
DO $$
BEGIN
	PERFORM try(n, format('{"resource":"%s",%s}', resource, body)::vxp.dql) FROM (SELECT * FROM cases ORDER BY n) c;
END $$;
SQL

my $all = $node->safe_psql('postgres', 'SELECT count(*) FROM cases');
my $good = $node->safe_psql('postgres', 'SELECT count(*) FROM cases WHERE advice IS NOT NULL AND before >= 5 * after');
my $rest = $node->safe_psql('postgres', "SELECT n, body, round(before), round(after), advice FROM cases WHERE (advice IS NOT NULL AND before >= 5 * after) IS NOT TRUE ORDER BY n");
note("below 5 times:\n$rest");
note($node->safe_psql('postgres', "SELECT n, round((before / after)::numeric, 1), advice FROM cases ORDER BY n"));
is($all, '50', '50 requests');
cmp_ok($good, '>=', 45, 'the cost falls 5 times in at least 90 % of the cases');

# an index that is there is not advised
my $again = $node->safe_psql('postgres', <<'SQL');
CREATE INDEX ON volume (manufacturer);
CREATE INDEX ON volume USING gin (document jsonb_path_ops);
ANALYZE volume;
SELECT count(*) FILTER (WHERE advice IS NOT NULL) || ' ' || string_agg(served_by, ',' ORDER BY clause)
FROM (SELECT * FROM vxp.explain('{"resource":"Volume","filter":{"manufacturer":"maker 7"}}') UNION ALL
	  SELECT * FROM vxp.explain('{"resource":"Volume","filter":{"document.status":"s55"}}')) e WHERE kind = 'condition';
SQL
is($again, '0 index and filter,index', 'an index that is there is used and not advised');

$node->stop;
done_testing();
