--
-- versions_tree.sql: the tree of the part versions, the same on every machine
--
-- In: rows (resources in all, about). Out, in schema bench: node, in path order (so heaps made from it are clustered by patient).
-- Nothing is random: "chance" is a hash of the resource's number.
--
\set ON_ERROR_STOP on
\ir chance.sql

-- The first of 20 datasources has 44 % of all, the others share the rest unevenly, down to 1 %.
CREATE TABLE bench.datasource AS
	SELECT d, format('datasource/ds-%s', lpad(d::text, 2, '0')) AS identifier,
		0.44 + 0.56 * sum(CASE WHEN d > 1 THEN power(d, -0.7) ELSE 0 END) OVER (ORDER BY d) / sum(CASE WHEN d > 1 THEN power(d, -0.7) ELSE 0 END) OVER () AS upto
	FROM generate_series(1, 20) d;

CREATE TABLE bench.node AS
WITH patient AS MATERIALIZED (
	SELECT p, (SELECT min(d) FROM bench.datasource WHERE upto >= bench.chance(p, 1)) AS d,
		format('DA%s', lpad(p::text, 6, '0')) AS name, least(floor(power(bench.chance(p, 2), -1 / 1.5)), 40)::int AS studies
	FROM generate_series(1, ceil(:rows / 32.0)::bigint) p),
study AS MATERIALIZED (
	SELECT p.*, s, format('imagingstudy/%s/study-%s', p.name, s) AS study,
		least(floor(3.5 * power(bench.chance(p * 100 + s, 4), -1 / 1.3)), 1000)::int AS volumes
	FROM patient p, generate_series(1, p.studies) s),
everything AS (
	SELECT 1 AS level, ARRAY[identifier, '', '', ''] AS place, 'project/a' AS parent_identifier, identifier FROM bench.datasource
	UNION ALL
	SELECT 2, ARRAY[d.identifier, p.name, '', ''], d.identifier, 'patient/' || p.name FROM patient p JOIN bench.datasource d USING (d)
	UNION ALL
	SELECT 3, ARRAY[d.identifier, s.name, s.study, ''], 'patient/' || s.name, s.study FROM study s JOIN bench.datasource d USING (d)
	UNION ALL
	SELECT 4, ARRAY[d.identifier, s.name, s.study, lpad(v::text, 4, '0')], s.study, format('volume/%s/study-%s/series-%s', s.name, s.s, v)
	FROM study s JOIN bench.datasource d USING (d), generate_series(1, s.volumes) v)
SELECT n, level, identifier COLLATE "C" AS identifier, parent_identifier COLLATE "C" AS parent_identifier,
	(ARRAY['CT', 'MR', 'PT', 'US', 'SEG', 'CR', 'DX', 'MG'])[1 + floor(8 * bench.chance(n, 6))::int] COLLATE "C" AS modality,
	floor(1000000 * bench.chance(n, 7))::bigint AS size, (10 * bench.chance(n, 8))::numeric(4, 1) AS quality,
	timestamptz '2020-01-01 00:00Z' + 86400 * floor(2000 * bench.chance(n, 9)) * interval '1 second' AS acquired_at,
	'a note about ' || md5(n::text) AS note
FROM (SELECT *, row_number() OVER (ORDER BY place COLLATE "C") AS n FROM everything) e
ORDER BY n;
CREATE UNIQUE INDEX ON bench.node (n);
CREATE INDEX ON bench.node (identifier);
VACUUM ANALYZE bench.node;
