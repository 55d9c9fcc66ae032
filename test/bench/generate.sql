--
-- generate.sql: the tree of the bench, the same on every machine
--
-- In: rows (resources in all), shape (wide: 4 levels; deep: folders below the studies, up to 12 levels).
-- Out, in schema bench:
--   node      the tree in path order, so heaps made from it are clustered by patient
--   extra     three batches to insert, each a twelfth of the tree: studies in random order, a study before its volumes
--   ancestor  every resource with something below it, and how many rows of node that is
--   target    what the questions ask for
--   sample    1,000 ancestors in strata of their size; drawn: 1,000 as they come
--   set_NN    tables with ancestors of like size, for joins
-- Nothing is random: "chance" is a hash of the resource's number.
--
\set ON_ERROR_STOP on
\ir chance.sql

-- The largest of 60 datasources has about 29 % of all, the seventeenth about 1 %.
CREATE TABLE bench.datasource AS
	SELECT d, format('datasource/ds-%s', lpad(d::text, 2, '0')) AS identifier,
		sum(power(d, -1.2)) OVER (ORDER BY d) / sum(power(d, -1.2)) OVER () AS upto
	FROM generate_series(1, 60) d;

-- 26 rows for each patient on average, with long tails: most have one study, some 60; a study has 3 to 1,000 volumes
CREATE TABLE bench.patient AS
	SELECT p, (SELECT min(d) FROM bench.datasource WHERE upto >= bench.chance(p, 1)) AS d,
		format('DA%s', lpad(p::text, greatest(5, length(p::text)), '0')) AS name,
		least(floor(power(bench.chance(p, 2), -1 / 1.5)), 60)::int AS studies
	FROM generate_series(1, ceil(:rows / (CASE :'shape' WHEN 'deep' THEN 37.0 ELSE 25.9 END))::bigint) p;

-- a fifth of the studies comes later
CREATE TABLE bench.study AS
	SELECT p.*, s, p * 100 + s AS number, bench.chance(p * 100 + s, 3) < 0.2 AS later,
		least(floor(3.5 * power(bench.chance(p * 100 + s, 4), -1 / 1.3)), 1000)::int AS volumes
	FROM bench.patient p, generate_series(1, p.studies) s;

-- deep: volume v hangs in a folder of level 0 (the study) to 8, whose number is v without its last bits
CREATE FUNCTION bench.folders(patient text, study int, volume int, levels int) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT coalesce(array_agg(format('folder/%s/study-%s/%s-%s', patient, study, l, volume >> (9 - l)) ORDER BY l), '{}')
	FROM generate_series(1, levels) l;
END;

CREATE TABLE bench.everything AS
	SELECT ARRAY[identifier] AS labels, false AS later, 0 AS number FROM bench.datasource
	UNION ALL
	SELECT ARRAY[d.identifier, 'patient/' || p.name], false, 0 FROM bench.patient p JOIN bench.datasource d USING (d)
	UNION ALL
	SELECT ARRAY[d.identifier, 'patient/' || s.name, format('imagingstudy/%s/study-%s', s.name, s.s)], s.later, s.number
	FROM bench.study s JOIN bench.datasource d USING (d)
	UNION ALL
	SELECT DISTINCT ARRAY[d.identifier, 'patient/' || s.name, format('imagingstudy/%s/study-%s', s.name, s.s)]
		|| bench.folders(s.name, s.s, v, l), s.later, s.number
	FROM bench.study s JOIN bench.datasource d USING (d), generate_series(1, s.volumes) v,
		generate_series(1, floor(9 * bench.chance(s.number * 1000 + v, 5))::int) l
	WHERE :'shape' = 'deep'
	UNION ALL
	SELECT ARRAY[d.identifier, 'patient/' || s.name, format('imagingstudy/%s/study-%s', s.name, s.s)]
		|| CASE :'shape' WHEN 'deep' THEN bench.folders(s.name, s.s, v, floor(9 * bench.chance(s.number * 1000 + v, 5))::int) ELSE '{}' END
		|| format('volume/%s/study-%s/series-%s', s.name, s.s, v), s.later, s.number
	FROM bench.study s JOIN bench.datasource d USING (d), generate_series(1, s.volumes) v;

-- width: what the columns of our own index set take, the most of all contestants (see bench.py)
-- local: the path of someone who shortens it by hand, which the text and short ltree peers may use
CREATE TABLE bench.node AS
	SELECT row_number() OVER () AS id, labels, labels[cardinality(labels)] COLLATE "C" AS identifier,
		labels[cardinality(labels) - 1] COLLATE "C" AS parent_identifier,
		(ARRAY['CT', 'MR', 'PT', 'US', 'SEG', 'CR', 'DX', 'MG'])[1 + floor(8 * bench.chance(n, 6))::int] COLLATE "C" AS modality,
		floor(1000000 * bench.chance(n, 7))::bigint AS size,
		timestamptz '2020-01-01 00:00Z' + 86400 * floor(2000 * bench.chance(n, 8)) * interval '1 second' AS created_at,
		'a note about ' || md5(n::text) AS note,
		later, number,
		(SELECT sum(pg_column_size(l)) FROM unnest(labels[:3]) l) + pg_column_size(labels[cardinality(labels)]) + pg_column_size(lineage(labels)) AS width,
		array_to_string(ARRAY(SELECT regexp_replace(label, '^.*/', '') FROM unnest(labels) WITH ORDINALITY u(label, o) ORDER BY o), '/') AS local
	FROM (SELECT *, row_number() OVER () AS n FROM (SELECT * FROM bench.everything ORDER BY labels COLLATE "C") e) e;
DROP TABLE bench.everything, bench.study;

CREATE TABLE bench.extra AS
	SELECT *, 1 + (row_number() OVER (ORDER BY bench.chance(number, 9), id) - 1) / :batch AS batch
	FROM bench.node WHERE later;
DELETE FROM bench.extra WHERE batch > 3;
DELETE FROM bench.node WHERE later;
VACUUM FULL bench.node;
ANALYZE bench.node;

-- ltree before 16 takes letters, digits and underscores only
CREATE FUNCTION bench.mapped(labels text[]) RETURNS ltree
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT text2ltree(translate(array_to_string(labels, '.'), '/-', '__'));
END;

CREATE TABLE bench.ancestor AS
	SELECT a.identifier, split_part(a.identifier, '/', 1) AS type, c.n, a.id, a.labels, a.local,
		lineage(a.labels) AS path, bench.mapped(a.labels) AS lpath, replace(translate(a.local, '-', '_'), '/', '.')::ltree AS spath
	FROM (SELECT label, count(*) AS n FROM bench.node, unnest(labels[:cardinality(labels) - 1]) label GROUP BY label) c
		JOIN bench.node a ON a.identifier = c.label;
ANALYZE bench.ancestor;

CREATE TABLE bench.target AS
	(SELECT 'few' AS kind, a.* FROM bench.ancestor a WHERE type = 'patient' AND n BETWEEN 44 AND 56
		ORDER BY abs(n - 50), bench.chance(id, 10) LIMIT 9)
	UNION ALL
	(SELECT 'hundredth', a.* FROM bench.ancestor a, (SELECT count(*) AS all FROM bench.node) c WHERE type = 'datasource'
		ORDER BY abs(n - 0.01 * c.all) LIMIT 1)
	UNION ALL
	(SELECT 'third', a.* FROM bench.ancestor a, (SELECT count(*) AS all FROM bench.node) c WHERE type = 'datasource'
		ORDER BY abs(n - 0.3 * c.all) LIMIT 1);

CREATE TABLE bench.wanted AS
	SELECT * FROM bench.ancestor WHERE type = 'patient' ORDER BY bench.chance(id, 11) LIMIT 500;
ANALYZE bench.wanted;

-- strata: sizes from 4^k to 4^(k+1); those with few ancestors give all, the others the same number each
CREATE TABLE bench.sample AS
	SELECT * FROM (SELECT a.*, floor(ln(n) / ln(4))::int AS stratum,
			row_number() OVER (PARTITION BY floor(ln(n) / ln(4)) ORDER BY bench.chance(id, 12)) AS place
		FROM bench.ancestor a) a
	ORDER BY place, stratum LIMIT 1000;
CREATE TABLE bench.drawn AS SELECT * FROM bench.ancestor ORDER BY bench.chance(id, 13) LIMIT 1000;

CREATE TABLE bench.sets (number int, type text, n bigint);
DO $$
DECLARE
	which record;
BEGIN
	-- of each stratum and type, sets of up to 25
	FOR which IN SELECT row_number() OVER (ORDER BY stratum, type, part) AS number, stratum, type, part, sum(n) AS n
		FROM (SELECT stratum, type, n, (place - 1) / 25 AS part FROM bench.sample WHERE place <= 100) s
		GROUP BY stratum, type, part HAVING count(*) >= 3
	LOOP
		EXECUTE format('CREATE TABLE bench.set_%s AS SELECT * FROM bench.sample '
			'WHERE stratum = %s AND type = %L AND (place - 1) / 25 = %s', which.number, which.stratum, which.type, which.part);
		EXECUTE format('ANALYZE bench.set_%s', which.number);
		INSERT INTO bench.sets VALUES (which.number, which.type, which.n);
	END LOOP;
END
$$;
