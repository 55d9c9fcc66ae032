--
-- derived_from: provenance as a graph beside the tree
--
-- Promise: derived_from and derivatives find, in both directions, over all types,
-- exactly what a recursive query over the lists finds, at the least distance; cycles,
-- diamonds and lists with nulls end; indexes serve both and DQL; a role sees what it
-- may read.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET search_path = public, vxp;
SET jit = off;
SELECT create_resource_type('Scan', 'size int', versioned => false);
SELECT create_resource_type('Mask', 'label text', parents => '{Scan}', versioned => false);
-- a table that is there: ids without prefix, and the list under another name
CREATE TABLE report (id text PRIMARY KEY, made_of varchar[], body jsonb);
CREATE INDEX report_made_of ON report USING gin (made_of);
SELECT register('Report', 'report', fields => '{"derived_from": "made_of"}');
-- one whose ids are numbers: they identify nothing elsewhere
CREATE TABLE tally (id int PRIMARY KEY, derived_from text[]);
SELECT register('Tally', 'tally');
INSERT INTO tally VALUES (1, '{scan/1}');
-- one with a prefix and no identifiers of its own, and a view
CREATE TABLE page (id text PRIMARY KEY, derived_from text[]);
SELECT register('Page', 'page', prefix => 'page');

-- a small graph: a diamond, a cycle, a self-reference, an address, nulls
INSERT INTO scan (identifier, derived_from) VALUES ('scan/1', NULL), ('scan/2', '{scan/1,https://example.org/x,NULL}'),
	('scan/3', '{scan/2,scan/4}'), ('scan/4', '{scan/3}'), ('scan/5', '{scan/5}'), ('scan/6', '{}');
INSERT INTO mask (identifier, parent_identifier, derived_from) VALUES ('mask/1', 'scan/1', '{scan/3,scan/2}'), ('mask/2', 'scan/1', '{mask/1}');
INSERT INTO report VALUES ('r', '{mask/1,gone/1}', '{"of": "scan/1"}');
INSERT INTO page VALUES ('1', '{scan/6}'), ('page/2', '{page/1}');
SELECT * FROM derived_from('mask/1');
SELECT * FROM derived_from('r', true);
SELECT * FROM derivatives('scan/1');
SELECT * FROM derivatives('scan/1', true);
-- what is no resource has derivatives all the same; what nobody made anything from has none
SELECT * FROM derivatives('gone/1');
SELECT * FROM derivatives('https://example.org/x', true);
SELECT count(*) FROM derivatives('scan/5', true);
SELECT count(*) FROM derived_from('nothing', true);
SELECT * FROM derivatives('scan/6', transitive => true);
-- NULL asks nothing
SELECT count(*) FROM derived_from(NULL), derivatives('scan/1', NULL);
-- beside other tables
SELECT m.identifier, string_agg(d.identifier, ' ' ORDER BY d.distance, d.identifier) FROM mask m, derived_from(m.identifier, true) d GROUP BY 1 ORDER BY 1;

-- a ladder of diamonds: 2 to the 40th ways, 41 steps
INSERT INTO report SELECT format('%s-%s', side, i), ARRAY[format('l-%s', i - 1), format('r-%s', i - 1)] FROM generate_series(1, 40) i, unnest('{l,r}'::text[]) side;
SELECT count(*), max(distance) FROM derived_from('l-40', true);
SELECT count(*), max(distance) FROM derivatives('r-0', true);

-- a random graph over three types, against a recursive query
DELETE FROM report;
INSERT INTO scan (identifier) SELECT format('scan/g%s', i) FROM generate_series(0, 17) i;
INSERT INTO mask (identifier, parent_identifier) SELECT format('mask/g%s', i), 'scan/1' FROM generate_series(0, 17) i;
INSERT INTO report SELECT format('g%s', i) FROM generate_series(0, 17) i;
SELECT setseed(0.25);
CREATE TABLE edge AS
SELECT DISTINCT (ARRAY['scan/', 'mask/', ''])[1 + (random() * 2.99)::int % 3] || 'g' || (random() * 20)::int AS source,
	(ARRAY['scan/', 'mask/', ''])[1 + (random() * 2.99)::int % 3] || 'g' || (random() * 17)::int AS target
FROM generate_series(1, 90);
UPDATE scan s SET derived_from = (SELECT array_agg(source) FROM edge WHERE target = s.identifier) WHERE identifier ~ 'g';
UPDATE mask s SET derived_from = (SELECT array_agg(source) FROM edge WHERE target = s.identifier) WHERE identifier ~ 'g';
UPDATE report s SET made_of = (SELECT array_agg(source) FROM edge WHERE target = s.id);
CREATE TABLE reached AS
WITH RECURSIVE walk AS (
	SELECT target, source, 1 AS distance FROM edge
	UNION SELECT w.target, e.source, w.distance + 1 FROM walk w JOIN edge e ON e.target = w.source WHERE w.distance < 20
)
SELECT target, source, min(distance) AS distance FROM walk WHERE source <> target GROUP BY 1, 2;
SELECT count(*) > 500 AS enough, max(distance) BETWEEN 6 AND 19 AS deep FROM reached;
CREATE TABLE up AS
	SELECT t.target, d.identifier AS source, d.distance, d.resource
	FROM (SELECT DISTINCT target FROM edge) t, derived_from(t.target, true) d;
CREATE TABLE down AS
	SELECT d.identifier AS target, s.source, d.distance, d.resource
	FROM (SELECT DISTINCT source FROM edge) s, derivatives(s.source, true) d;
SELECT count(*) AS wrong FROM ((SELECT target, source, distance FROM up EXCEPT ALL SELECT * FROM reached)
	UNION ALL (SELECT * FROM reached EXCEPT ALL SELECT target, source, distance FROM up)) d;
SELECT count(*) AS wrong FROM ((SELECT target, source, distance FROM down EXCEPT ALL SELECT * FROM reached)
	UNION ALL (SELECT * FROM reached EXCEPT ALL SELECT target, source, distance FROM down)) d;
SELECT count(*) AS wrong FROM up WHERE resource IS DISTINCT FROM
	CASE WHEN source ~ 'g(18|19|20)' THEN NULL WHEN source ~ '^scan' THEN 'Scan' WHEN source ~ '^mask' THEN 'Mask' ELSE 'Report' END;
-- the first step is the same without the others
SELECT count(*) AS wrong FROM (SELECT DISTINCT target FROM edge LIMIT 20) t,
	LATERAL ((SELECT * FROM derived_from(t.target) EXCEPT ALL SELECT * FROM derived_from(t.target, true) WHERE distance = 1)
		UNION ALL (SELECT * FROM derived_from(t.target, true) WHERE distance = 1 EXCEPT ALL SELECT * FROM derived_from(t.target))) d;

--
-- Indexes
--
INSERT INTO scan (identifier, size, derived_from) SELECT format('scan/b%s', i), i, ARRAY[format('scan/b%s', i / 2)] FROM generate_series(1, 4000) i;
INSERT INTO mask (identifier, parent_identifier, label, derived_from)
SELECT format('mask/b%s', i), 'scan/1', 'label ' || i % 7, ARRAY[format('scan/b%s', i % 4000 + 1), format('mask/b%s', i - 1)] FROM generate_series(1, 12000) i;
VACUUM (ANALYZE) scan, mask, report;
CREATE FUNCTION plan_of(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || statement;
END
$$;
DO $$
BEGIN
	EXECUTE format('PREPARE up(text[], text[]) AS %s', vxp.provenance_statement(false));
	EXECUTE format('PREPARE down(text[], text[]) AS %s', vxp.provenance_statement(true));
END
$$;
SELECT count(*) AS sequential FROM plan_of($$EXECUTE up('{scan/b7,mask/b9}', '{}')$$) p WHERE p ~ 'Seq Scan on (scan|mask)';
SELECT count(*) AS sequential FROM plan_of($$EXECUTE down('{scan/b7,mask/b9}', '{}')$$) p WHERE p ~ 'Seq Scan on (scan|mask)';
-- DQL: members of the list are found by index, whether given or asked for
\set small '{"resource": "Scan", "filter": {"size": {"$lt": 9}}, "select": "identifier"}'
SELECT count(*) AS by_index FROM plan_of(format('SELECT * FROM query(NULL::mask, %L)', '{"filter": {"derived_from": {"$in": ' || :'small' || '}}}')) p WHERE p ~ 'Index Cond: \(derived_from && ';
SELECT count(*) AS by_index FROM plan_of(format('SELECT * FROM query(NULL::mask, %L)', '{"filter": {"derived_from": {"$in": ["scan/b7", "mask/b9"]}}}')) p WHERE p ~ 'Index Cond: \(derived_from && ';
SELECT count(*) AS by_index FROM plan_of(format('SELECT * FROM query(NULL::mask, %L)', '{"join": {"on": {"resource": "Scan", "local": "identifier", "forigen": "derived_from"}, "filter": {"size": 7}}}')) p WHERE p ~ 'Index Cond: \(derived_from && ';
-- the other way: what these were made from
SELECT count(*) AS sequential FROM plan_of(format('SELECT * FROM query(NULL::scan, %L)',
	'{"filter": {"identifier": {"$in": {"resource": "Mask", "filter": {"identifier": "mask/b9"}, "select": "derived_from"}}}}')) p WHERE p ~ 'Seq Scan on scan';

-- with and without an index the same rows, whatever type and collation the other field has
CREATE TABLE other (id int PRIMARY KEY, plain text COLLATE "C", local text COLLATE "POSIX", fallback text, short varchar(20), many text[], doc jsonb, n int);
INSERT INTO other SELECT i, v, v, v, v, ARRAY[v, NULL, 'scan/none'], jsonb_build_object('of', jsonb_build_array(v, i, NULL)), i
FROM (SELECT i, CASE WHEN i % 5 > 0 THEN format('scan/b%s', i) END AS v FROM generate_series(1, 30) i) s;
SELECT register('Other', 'other');
CREATE TABLE found (field text, negated boolean, indexed boolean, identifier text);
CREATE FUNCTION find(indexed boolean) RETURNS void LANGUAGE sql AS $$
	INSERT INTO public.found
	SELECT f, o = '$nin', indexed, m.identifier
	FROM unnest('{plain,local,fallback,short,many,doc.of}'::text[]) f, unnest('{$in,$nin}'::text[]) o,
		vxp.query(NULL::public.mask, format('{"filter": {"derived_from": {%s: {"resource": "Other", "select": %s}}}}', to_json(o), to_json(f))::vxp.dql) m
$$;
INSERT INTO mask (identifier, parent_identifier, derived_from) VALUES ('mask/null', 'scan/1', NULL), ('mask/empty', 'scan/1', '{}'), ('mask/nulls', 'scan/1', '{NULL}');
SELECT find(true);
DROP INDEX mask_derived_from_idx;
SELECT find(false);
SELECT field, negated, count(*) FILTER (WHERE indexed), count(*) FILTER (WHERE NOT indexed),
	(SELECT count(*) FROM (SELECT identifier FROM found x WHERE x.field = f.field AND x.negated = f.negated AND indexed
		EXCEPT ALL SELECT identifier FROM found x WHERE x.field = f.field AND x.negated = f.negated AND NOT indexed) d) AS wrong
FROM found f GROUP BY 1, 2 ORDER BY 1, 2;
-- the rule itself, by hand: a negation holds where the list is missing
SELECT count(*) AS wrong FROM mask m FULL JOIN (SELECT identifier FROM found WHERE field = 'plain' AND negated AND indexed) f USING (identifier)
WHERE (f.identifier IS NOT NULL) IS DISTINCT FROM NOT EXISTS (SELECT FROM other o WHERE o.plain = ANY (m.derived_from));
CREATE INDEX mask_derived_from_idx ON mask USING gin (derived_from) WHERE derived_from IS NOT NULL;

--
-- Rights
--
CREATE ROLE regress_derived;
GRANT SELECT ON scan TO regress_derived;
GRANT SELECT (identifier, derived_from) ON mask TO regress_derived;
ALTER TABLE scan ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON scan USING (identifier <> 'scan/2');
SET ROLE regress_derived;
-- scan/2 is hidden: a name in a list, but no resource, and what lies behind it is not found
SELECT * FROM derived_from('mask/1', true);
SELECT * FROM derivatives('scan/2');
-- reports may not be read at all
SELECT * FROM derivatives('mask/1');
RESET ROLE;
REVOKE SELECT ON mask, scan FROM regress_derived;
SET ROLE regress_derived;
SELECT count(*) FROM derived_from('mask/1', true);
RESET ROLE;

--
-- Time: what was made from what, now and then
--
SELECT create_resource_type('Draft', versioned => true);
INSERT INTO draft (identifier, derived_from, valid_from, valid_to) VALUES
	('draft/1', NULL, '2020-01-01', NULL),
	('draft/2', '{draft/1}', '2020-01-01', '2022-01-01'), ('draft/2', '{draft/3}', '2022-01-01', NULL),
	('draft/3', '{draft/1,scan/1}', '2020-01-01', '2021-01-01'), ('draft/3', NULL, '2021-01-01', '2022-06-01');
SELECT * FROM derived_from('draft/2', true);
SELECT * FROM derivatives('draft/1', true);
SET vxp.as_of = '2020-06-01';
SELECT * FROM derived_from('draft/2', true);
SELECT * FROM derivatives('scan/1', true) WHERE resource = 'Draft';
SET vxp.as_of = '2022-03-01';
SELECT * FROM derived_from('draft/2', true);
SELECT * FROM derivatives('draft/1', true);
RESET vxp.as_of;
-- each by its index: of the current rows, and of all
INSERT INTO draft (identifier, derived_from, valid_from, valid_to)
SELECT format('draft/%s', i), ARRAY[format('draft/%s', i / 2)], '2020-01-01'::timestamptz + v * interval '100 days', CASE WHEN v < 5 THEN '2020-01-01'::timestamptz + (v + 1) * interval '100 days' END
FROM generate_series(10, 3000) i, generate_series(0, 5) v;
VACUUM (ANALYZE) draft, draft_history;
SELECT p FROM plan_of($$SELECT identifier FROM query(NULL::draft, '{"filter": {"derived_from": "draft/700"}}')$$) p WHERE p ~ 'Index Scan';
SELECT p FROM plan_of($$SELECT identifier FROM query(NULL::draft, '{"filter": {"derived_from": "draft/700"}, "asOf": "2020-06-01"}')$$) p WHERE p ~ 'Index Scan';
SELECT drop_resource_type('Draft');

DROP TABLE edge, reached, up, down, found;
DROP FUNCTION find, plan_of;
SELECT unregister(t) FROM unnest('{Report,Tally,Page,Other}'::text[]) t;
DROP TABLE report, tally, page, other;
SELECT drop_resource_type('Mask');
SELECT drop_resource_type('Scan');
DROP ROLE regress_derived;
