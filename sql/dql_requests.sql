--
-- dql_requests: what clients send, and the ids that they must get, in order
--
-- test/data/requests.tsv holds requests as clients of both families send them
-- (sections 10 and 11): the kind, the request, and the expected answer: the ids
-- of the page in order, then totalItemsCount, totalPagesCount and hasNextPage;
-- or the SQLSTATE.  Each goes through vxp.execute and, without its paging,
-- through vxp.query.  Printed are deviations, of which there are none.
--
SET search_path = public, vxp;
SET client_min_messages = warning;
SET jit = off;
\getenv srcdir PG_ABS_SRCDIR
\if :{?srcdir}
\else
\set srcdir `pwd`
\endif
CREATE TABLE items (d jsonb NOT NULL);
INSERT INTO items VALUES
	('{"id":"i01","type":"file","filename":"/dogs/rex.jpg","name":"rex.jpg","dir":"/dogs","hidden":false,"annotated":true,"datasetId":"d1","createdAt":"2024-01-01T10:00:00.000Z","metadata":{"system":{"size":100,"mimetype":"image/jpeg","annotationStatus":["completed"],"refs":[{"type":"task","id":"t1"},{"type":"assignment","id":"a1"}]},"user":{"is_automated":true}}}'),
	('{"id":"i02","type":"file","filename":"/dogs/bo.png","name":"bo.png","dir":"/dogs","hidden":false,"annotated":true,"datasetId":"d1","createdAt":"2024-01-02T10:00:00.000Z","metadata":{"system":{"size":2000000,"mimetype":"image/png","annotationStatus":["completed","approved"],"refs":[{"type":"task","id":"t1"}],"tags":{"train":true}}}}'),
	('{"id":"i03","type":"file","filename":"/dogs/small/kit.jpg","name":"kit.jpg","dir":"/dogs/small","hidden":false,"annotated":false,"datasetId":"d1","createdAt":"2024-01-03T10:00:00.000Z","metadata":{"system":{"size":6000000,"mimetype":"image/jpeg","annotationStatus":[],"refs":[]}}}'),
	('{"id":"i04","type":"file","filename":"/cats/tom.mp4","name":"tom.mp4","dir":"/cats","hidden":true,"annotated":false,"datasetId":"d1","createdAt":"2024-01-04T10:00:00.000Z","metadata":{"system":{"size":5242880,"mimetype":"video/mp4","refs":[{"type":"task","id":"t2"}],"tags":{"train":null}}}}'),
	('{"id":"i05","type":"dir","filename":"/dogs","name":"dogs","dir":"/","hidden":false,"datasetId":"d1","createdAt":"2023-12-31T10:00:00.000Z"}'),
	('{"id":"i06","type":"file","filename":"/training/x.jpg","name":"x.jpg","dir":"/training","hidden":false,"annotated":"discarded","datasetId":"d2","createdAt":"2024-01-05T00:00:00.000Z","metadata":{"system":{"size":0,"mimetype":"image/jpeg"},"user":{"is_automated":false,"score":"7"}}}'),
	('{"id":"i07","type":"file","filename":"/root.jpg","name":"root.jpg","dir":"/","hidden":false,"datasetId":"d2","createdAt":"2024-01-05T01:00:00+01:00","metadata":{"system":{"size":300,"mimetype":"image/jpeg","annotationStatus":["approved","completed"],"refs":[{"type":"assignment","id":"t1"},{"type":"task","id":"a1"}]}}}'),
	('{"id":"i08","type":"file","filename":"/odd/a_b*.jpg","name":"a_b*.jpg","dir":"/odd","datasetId":"d2","createdAt":"2024-01-07T10:00:00.000Z","metadata":{"system":{"size":"100","mimetype":"image/jpeg","tags":{"train":false}}}}'),
	('{"id":"i09","type":"file","filename":"/odd/Ünï/😀.jpg","name":"😀.jpg","dir":"/odd/Ünï","hidden":false,"datasetId":"d1","createdAt":"2024-01-08T10:00:00.000Z","metadata":{"system":{"size":100.0,"mimetype":"image/jpeg"}}}');
CREATE TABLE annotations (d jsonb NOT NULL);
INSERT INTO annotations VALUES
	('{"id":"n01","itemId":"i01","datasetId":"d1","label":"dog","type":"box","creator":"u1","score":0.9,"metadata":{"system":{"attributes":[]}}}'),
	('{"id":"n02","itemId":"i01","datasetId":"d1","label":"cat","type":"point","creator":"u2","score":0.5,"metadata":{"system":{"attributes":{}}}}'),
	('{"id":"n03","itemId":"i02","datasetId":"d1","label":"dog","type":"box","creator":"u1","score":0.8,"metadata":{"system":{"attributes":["black"]}}}'),
	('{"id":"n04","itemId":"i02","datasetId":"d1","label":"dog","type":"segment","creator":"u1","metadata":{"system":{"attributes":["white","black"]}}}'),
	('{"id":"n05","itemId":"i03","datasetId":"d1","label":"person","type":"box","creator":"u2","metadata":{"system":{"attributes":{"1":"x"}}}}'),
	('{"id":"n06","itemId":"i07","datasetId":"d2","label":"car","type":"box","creator":"u1"}'),
	('{"id":"n07","itemId":"i07","datasetId":"d2","label":"person","type":"box","creator":"u3"}'),
	('{"id":"n08","datasetId":"d2","label":"dog","type":"box"}'),
	('{"id":"n09","itemId":"i99","datasetId":"d2","label":"Dog*","type":"note"}');
SELECT register('items', 'items', document => 'd'), register('annotations', 'annotations', document => 'd', default_sort => '{"id":"ascending"}');
SELECT create_resource_type('Patient', 'sex text, age int', versioned => false),
	create_resource_type('Volume', 'modality text, slices int, thickness numeric, description text, acquired timestamptz, tags text[]', parents => '{Patient}', versioned => false);
INSERT INTO patient (identifier, sex, age) VALUES ('patient/p1', 'F', 34), ('patient/p2', 'M', 71), ('patient/p3', NULL, NULL);
INSERT INTO volume (identifier, parent_identifier, modality, slices, thickness, description, acquired, tags) VALUES
	('volume/v1', 'patient/p1', 'MR', 20, 5.0, 'T2* GRE', '2024-02-01T10:00:00Z', '{brain,axial}'),
	('volume/v2', 'patient/p1', 'CT', 200, 0.625, 'chest thin', '2024-02-02T10:00:00Z', '{chest}'),
	('volume/v3', 'patient/p2', 'MR', 30, 3.5, 'T2 tra', '2024-03-01T10:00:00Z', NULL),
	('volume/v4', 'patient/p2', 'US', 1, NULL, NULL, NULL, '{}'),
	('volume/v5', 'patient/p3', 'MR', 30, 3.5, 't2 TSE', '2023-12-31T23:59:59Z', '{brain}');

CREATE TABLE request (n int GENERATED ALWAYS AS IDENTITY, kind text NOT NULL, request text NOT NULL, expected text NOT NULL);
\set requests :srcdir '/test/data/requests.tsv'
\set load '\\copy request (kind, request, expected) FROM ' :'requests' ' WITH (FORMAT csv, HEADER, DELIMITER E''\\t'', QUOTE E''\\b'')'
:load
SELECT count(*) >= 150 AS many, count(DISTINCT request) = count(*) AS different FROM request;

CREATE FUNCTION ids(item jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(item ->> 'id', item ->> 'identifier', item::text)
$$;
-- what a gateway hands to the client
CREATE FUNCTION executed(request text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
BEGIN
	answer := vxp.execute(request::json);
	RETURN concat_ws(' ', (SELECT string_agg(public.ids(i), ' ' ORDER BY n) FROM jsonb_array_elements(answer -> 'items') WITH ORDINALITY a(i, n)), '|',
		answer ->> 'totalItemsCount', answer ->> 'totalPagesCount', CASE WHEN (answer ->> 'hasNextPage')::boolean THEN 'more' END);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
SELECT kind, request, expected, executed(request) FROM request WHERE executed(request) IS DISTINCT FROM expected ORDER BY n;
SET vxp.enable_inlining = off;
SELECT kind, request, expected, executed(request) FROM request WHERE executed(request) IS DISTINCT FROM expected ORDER BY n;
RESET vxp.enable_inlining;

-- vxp.query returns the rows of a request that fits one page
CREATE FUNCTION queried(request text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	source text := CASE WHEN request LIKE '"%' THEN request::jsonb #>> '{}' ELSE request END;
	relation text := lower(coalesce(source::jsonb ->> 'resource', 'items'));
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(id, '' '') FROM (SELECT coalesce(to_jsonb(q) -> ''d'', to_jsonb(q)) AS item FROM vxp.query(NULL::public.%I, %L) q) s, LATERAL (SELECT coalesce(item ->> ''id'', item ->> ''identifier'') AS id) i',
		relation, source::jsonb - 'page' - 'pageSize' - 'select' - 'sort' || CASE WHEN jsonb_typeof(source::jsonb -> 'sort') = 'object' THEN '{}' ELSE jsonb_build_object('sort', source::jsonb -> 'sort') END) INTO result;
	RETURN coalesce(result, '');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
CREATE FUNCTION sorted(ids text) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(i, ' ' ORDER BY i COLLATE "C") FROM unnest(string_to_array(ids, ' ')) i $$;
SELECT kind, request, expected, queried(request) FROM request
WHERE expected !~ '^\w{5}$' AND expected ~ ' \| ?(\d+) 1$' AND request !~ '"select"|"(skip|limit)"'
	AND sorted(queried(request)) IS DISTINCT FROM sorted(split_part(expected, ' |', 1)) ORDER BY n;

-- vxp.explain has every clause of each request that can be read once, and says what serves it; run, the request has as many rows as vxp.items gives
CREATE FUNCTION explained(request text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	source text := CASE WHEN request LIKE '"%' THEN request::jsonb #>> '{}' ELSE request END;
	fault text;
BEGIN
	SELECT string_agg(format('%s %s', clause, kind), ', ') INTO fault FROM (
		SELECT clause, kind FROM vxp.explain(source::vxp.dql, true) e WHERE served_by IS NULL OR condition IS NULL OR (clause IS NULL AND kind <> 'sort') OR
			(clause = '$' AND actual_rows IS DISTINCT FROM (SELECT count(*) FROM vxp.items(source::vxp.dql)))
		UNION ALL
		SELECT clause, 'twice' FROM vxp.explain(source::vxp.dql) WHERE clause IS NOT NULL GROUP BY clause, kind, condition HAVING count(*) > 1) f;
	RETURN fault;
EXCEPTION WHEN OTHERS THEN
	-- a write, or what no read accepts
	RETURN CASE WHEN executed(request) ~ '^\w{5}$' OR SQLERRM ~ 'cannot be read' THEN NULL ELSE SQLSTATE || ' ' || SQLERRM END;
END
$$;
SELECT kind, request, explained(request) FROM request WHERE explained(request) IS NOT NULL ORDER BY n;

-- "projects" limits the rows that have the field; documents without it stay (2 and 3 of 4)
CREATE TABLE scoped (id text PRIMARY KEY, document jsonb);
INSERT INTO scoped VALUES ('1', '{"projectId":"p"}'), ('2', '{}'), ('3', '{"projectId":"q"}'), ('4', '{"projectId":["q","r"]}');
SELECT vxp.register('scoped', 'scoped', document => 'document', id => 'id');
SELECT vxp.count('{"resource":"scoped","context":{"projects":["p"]}}'), vxp.count('{"resource":"scoped","projects":["q"]}');

DROP TABLE items, annotations, scoped, request CASCADE;
SELECT drop_resource_type('Volume');
SELECT drop_resource_type('Patient');
DROP FUNCTION ids, executed, explained, queried, sorted;
