--
-- cliff.sql: the table for the question whether a filter makes ORDER BY and LIMIT fall off a cliff
--
-- In: rows.  Out: cliff.item, resource type CliffItem, and cliff.timed(statement, settings, runs), the least
-- milliseconds of so many runs, planning included.  Codes: eight are common (11 % of the rows each), the others
-- have about six rows each.  Nothing goes along with created_at.
--
\set ON_ERROR_STOP on
CREATE SCHEMA cliff;
SELECT setseed(0.125) \g /dev/null
CREATE TABLE cliff.item (id int PRIMARY KEY, created_at timestamptz NOT NULL, code text COLLATE "C", document jsonb NOT NULL);
CREATE FUNCTION cliff.draw(rows int) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN r < 0.88 THEN 'common' || floor(r / 0.11)::int ELSE 'rare' || floor((r - 0.88) / 0.12 * rows / 50)::int END FROM (SELECT random() AS r OFFSET 0) x
$$;
INSERT INTO cliff.item
	SELECT g, timestamptz '2020-01-01Z' + random() * interval '1500 days', cliff.draw(:rows),
		jsonb_build_object('code', cliff.draw(:rows), 'site', cliff.draw(:rows), 'flag', random() < 0.5, 'size', floor(random() * 10000)::int,
			'name', md5(g::text), 'meta', jsonb_build_object('kind', cliff.draw(:rows), 'note', 'the note of ' || g))
	FROM generate_series(1, :rows) g;
CREATE INDEX ON cliff.item (created_at DESC, id);
CREATE INDEX ON cliff.item (code);
CREATE INDEX ON cliff.item USING gin (document jsonb_path_ops);
VACUUM ANALYZE cliff.item;
SELECT vxp.register('CliffItem', 'cliff.item', fields => '{"document":"document"}') \g /dev/null

CREATE FUNCTION cliff.timed(statement text, settings text, runs int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	best float8;
	began timestamptz;
	took float8;
	result record;
BEGIN
	EXECUTE settings;
	FOR i IN 1..runs LOOP
		began := clock_timestamp();
		FOR result IN EXECUTE statement LOOP END LOOP;
		took := extract(epoch FROM clock_timestamp() - began) * 1000;
		best := least(best, took);
	END LOOP;
	RESET enable_bitmapscan;
	RETURN best;
END $$;
CREATE FUNCTION cliff.walks(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP plan := plan || line; END LOOP;
	RETURN plan NOT LIKE '%Sort%';
END $$;
