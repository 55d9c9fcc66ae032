--
-- corpus: requests over real metadata, against SQL written by hand
--
-- For each request of the list: the rows of vxp.query, of the statement that
-- vxp.to_sql prints, and of an independent hand-written query are equal both
-- ways; where the request sorts, so is their order; the executor path gives the
-- same; and EXPLAIN shows one plan for the first two, without a Function Scan.
--
\getenv source PG_ABS_SRCDIR
\if :{?source} \else \set source .
\endif
\set data :source '/test/data'
\set load :data '/load.sql'
\set ECHO none
\o /dev/null
\i :load
\o
\set ECHO all
SET search_path = public, vxp;

CREATE TABLE request (
	n int GENERATED ALWAYS AS IDENTITY,
	resource text,				-- table
	dql text,
	hand text,					-- what follows FROM in the hand-written query
	columns text DEFAULT '*',
	n_rows bigint				-- set by the test: an empty answer proves little
);
INSERT INTO request (resource, dql, hand) VALUES
-- plain equality and every comparison on typed columns
('volume', '{}', 'volume'),
('volume', '{"filter":{"modality":"MR"}}', $$volume WHERE modality = 'MR'$$),
('volume', '{"filter":{"modality":{"$eq":"CT"}}}', $$volume WHERE modality = 'CT'$$),
('volume', '{"filter":{"modality":{"$ne":"CT"}}}', $$volume WHERE modality <> 'CT' OR modality IS NULL$$),
('volume', '{"filter":{"body_part":{"$ne":"BREAST"}}}', $$volume WHERE NOT (coalesce(body_part, '') = 'BREAST')$$),
('volume', '{"filter":{"modality":{"$in":["MR","CT"]},"instance_count":{"$gt":100}}}', $$volume WHERE (modality = 'MR' OR modality = 'CT') AND instance_count > 100$$),
('volume', '{"filter":{"body_part":{"$nin":["BREAST","CHEST",null]}}}', $$volume WHERE body_part NOT IN ('BREAST', 'CHEST')$$),
('volume', '{"filter":{"body_part":{"$nin":["BREAST","CHEST"]}}}', $$volume WHERE body_part IS NULL OR body_part NOT IN ('BREAST', 'CHEST')$$),
('volume', '{"filter":{"instance_count":{"$gte":10,"$lt":20}}}', 'volume WHERE instance_count BETWEEN 10 AND 19'),
('volume', '{"filter":{"instance_count":{"$gt":99.5}}}', 'volume WHERE instance_count >= 100'),
('volume', '{"filter":{"size_mb":{"$between":[1,2.5]}}}', 'volume WHERE size_mb BETWEEN 1 AND 2.5'),
('volume', '{"filter":{"size_mb":{"$lte":"0.5"}}}', 'volume WHERE size_mb <= 0.5'),
('volume', '{"filter":{"series_date":{"$after":"2010-01-01","$before":"2012-01-01"}}}', $$volume WHERE series_date > '2010-01-01' AND series_date < '2012-01-01'$$),
('volume', '{"filter":{"created_at":{"$gte":"2021-01-01T00:00:00Z"}}}', $$volume WHERE created_at >= '2021-01-01 00:00:00+00'$$),
('volume', '{"filter":{"body_part":null}}', 'volume WHERE body_part IS NULL'),
('volume', '{"filter":{"body_part":{"$exists":true}}}', 'volume WHERE body_part IS NOT NULL'),
('volume', '{"filter":{"series_number":{"$exists":false}}}', 'volume WHERE series_number IS NULL'),
('volume', '{"filter":{"series_number":1.0}}', 'volume WHERE series_number = 1'),
('volume', '{"filter":{"series_number":1.5}}', 'volume WHERE false'),
-- text
('volume', '{"filter":{"series_description":{"$contains":"T2"}}}', $$volume WHERE strpos(series_description, 'T2') > 0$$),
('volume', '{"filter":{"series_description":{"$startsWith":"ax"}}}', $$volume WHERE left(series_description, 2) = 'ax'$$),
('volume', '{"filter":{"series_description":{"$ieq":"*t2*"}}}', $$volume WHERE lower(series_description) LIKE '%t2%'$$),
('volume', '{"filter":{"manufacturer":{"$ieq":"siemens"}}}', $$volume WHERE lower(manufacturer) = 'siemens'$$),
('volume', '{"filter":{"manufacturer":"GE*"}}', $$volume WHERE manufacturer LIKE 'GE%'$$),
('volume', '{"filter":{"manufacturer":{"$in":["GE*","Philips*","SIEMENS"]}}}', $$volume WHERE manufacturer ~ '^(GE|Philips)' OR manufacturer = 'SIEMENS'$$),
('volume', '{"filter":{"modality":"?R"}}', $$volume WHERE length(modality) = 2 AND right(modality, 1) = 'R'$$),
('volume', '{"filter":{"identifier":{"$glob":"volume/*"}}}', $$volume WHERE identifier ~ '^volume/[^/]*$'$$),
('volume', '{"filter":{"series_description":{"$gte":"T","$lt":"U"}}}', $$volume WHERE series_description COLLATE "C" >= 'T' AND series_description COLLATE "C" < 'U'$$),
-- logic, nested
('volume', '{"filter":{"$or":[{"modality":"SEG"},{"$and":[{"modality":"MR"},{"instance_count":{"$lt":5}}]}]}}', $$volume WHERE modality = 'SEG' OR (modality = 'MR' AND instance_count < 5)$$),
('volume', '{"filter":{"$nor":[{"modality":"MR"},{"body_part":"CHEST"}]}}', $$volume WHERE modality IS DISTINCT FROM 'MR' AND body_part IS DISTINCT FROM 'CHEST'$$),
('volume', '{"filter":{"instance_count":{"$not":{"$gt":2}}}}', 'volume WHERE instance_count <= 2 OR instance_count IS NULL'),
('volume', '{"filter":{"$or":[{"modality":"MR"},{"modality":"CT"},{"modality":"PT"}],"body_part":{"$or":["BREAST","CHEST"]}}}', $$volume WHERE modality = ANY ('{MR,CT,PT}') AND body_part IN ('BREAST', 'CHEST')$$),
('volume', '{"filter":{"$or":[]}}', 'volume WHERE false'),
('volume', '{"filter":{"$and":[],"modality":{"$match":{"$gt":"M","$lt":"N"}}}}', $$volume WHERE modality COLLATE "C" > 'M' AND modality COLLATE "C" < 'N'$$),
-- lineage: fields, ancestors, the own level
('volume', '{"filter":{"datasource_id":{"$in":["datasource/rider_pilot","datasource/remind","datasource/none"]}}}', $$volume v WHERE EXISTS (SELECT FROM imagingstudy s JOIN patient p ON p.identifier = s.parent_identifier WHERE s.identifier = v.parent_identifier AND p.parent_identifier IN ('datasource/rider_pilot', 'datasource/remind'))$$),
('volume', '{"filter":{"$hasAncestor":"@D"}}', $$volume v WHERE EXISTS (SELECT FROM imagingstudy s JOIN patient p ON p.identifier = s.parent_identifier WHERE s.identifier = v.parent_identifier AND p.parent_identifier = '@D')$$),
('volume', '{"filter":{"$hasAncestor":["@D","@P"],"modality":{"$ne":"SEG"}}}', $$volume v WHERE modality <> 'SEG' AND EXISTS (SELECT FROM imagingstudy s JOIN patient p ON p.identifier = s.parent_identifier WHERE s.identifier = v.parent_identifier AND (p.parent_identifier = '@D' OR p.identifier = '@P'))$$),
('volume', '{"filter":{"patient_id":"@P"}}', $$volume v WHERE EXISTS (SELECT FROM imagingstudy s WHERE s.identifier = v.parent_identifier AND s.parent_identifier = '@P')$$),
('patient', '{"filter":{"patient_id":"@P"}}', $$patient WHERE identifier = '@P'$$),
('patient', '{"filter":{"$hasAncestor":"@P"}}', 'patient WHERE false'),
('imagingstudy', '{"filter":{"$nor":[{"$hasAncestor":"@D"}]}}', $$imagingstudy s WHERE NOT EXISTS (SELECT FROM patient p WHERE p.identifier = s.parent_identifier AND p.parent_identifier = '@D')$$),
-- JSON paths beside columns
('volume', '{"filter":{"metadata.dicom.PhotometricInterpretation":"MONOCHROME2"}}', $$volume WHERE metadata #> '{dicom,PhotometricInterpretation}' @> '"MONOCHROME2"'$$),
('volume', '{"filter":{"metadata":{"idc":{"first_release":{"$lte":15}}},"modality":"CT"}}', $$volume WHERE modality = 'CT' AND (metadata #>> '{idc,first_release}')::int <= 15$$),
('volume', '{"filter":{"metadata.dicom.TransferSyntax":{"$startsWith":"Explicit"}}}', $$volume WHERE EXISTS (SELECT FROM jsonb_array_elements_text(metadata #> '{dicom,TransferSyntax}') t WHERE t LIKE 'Explicit%')$$),
('volume', '{"filter":{"metadata.idc.analysis":{"$exists":true}}}', $$volume WHERE metadata #> '{idc,analysis}' IS NOT NULL$$),
('datasource', '{"filter":{"metadata.cancer_types":"Breast Cancer"}}', $$datasource WHERE metadata -> 'cancer_types' @> '"Breast Cancer"'$$),
-- documents
('items', '{"filter":{"$and":[{"hidden":false},{"type":"file"},{"metadata.user.modality":"CT"}]}}', $$items WHERE document ->> 'hidden' = 'false' AND document ->> 'type' = 'file' AND document #>> '{metadata,user,modality}' = 'CT'$$),
('items', '{"filter":{"metadata.system.size":{"$gt":"0","$lt":"5242880"}}}', $$items WHERE (document #>> '{metadata,system,size}')::bigint BETWEEN 1 AND 5242879$$),
('items', '{"filter":{"metadata.user.bodyPart":null}}', $$items WHERE document #> '{metadata,user,bodyPart}' IS NULL$$),
('items', '{"filter":{"metadata":{"user":{"modality":{"$in":["MR","SEG"]},"derived":true}}}}', $$items WHERE document #>> '{metadata,user,modality}' IN ('MR', 'SEG') AND document #>> '{metadata,user,derived}' = 'true'$$),
('items', '{"filter":{"createdAt":{"$gte":1640995200000}}}', $$items WHERE (document ->> 'createdAt')::timestamptz >= '2022-01-01 00:00:00+00'$$),
('items', '{"filter":{"metadata.user.description":{"$not":{"$contains":"T1"}}}}', $$items WHERE coalesce(document #>> '{metadata,user,description}', '') NOT LIKE '%T1%'$$),
-- order and cut
('volume', '{"filter":{"modality":"MR"},"sort":{"series_date":"descending","identifier":"ascending"},"limit":25}', $$volume WHERE modality = 'MR' ORDER BY series_date DESC NULLS LAST, identifier COLLATE "C" LIMIT 25$$),
('volume', '{"sort":{"size_mb":"ascending"},"skip":10,"limit":10}', $$volume ORDER BY size_mb NULLS FIRST, identifier COLLATE "C" OFFSET 10 LIMIT 10$$),
('volume', '{"sort":[{"series_number":1},{"created_at":-1}],"page":2,"pageSize":50}', $$volume ORDER BY series_number NULLS FIRST, created_at DESC, identifier COLLATE "C" OFFSET 100 LIMIT 50$$),
('volume', '{"page":1,"pageSize":100,"sort":{"id":"ascending"}}', $$volume ORDER BY identifier COLLATE "C" OFFSET 100 LIMIT 100$$),
('volume', '{"pageSize":0}', 'volume LIMIT 0'),
('patient', '{"sort":{"parent_identifier":"ascending","sex":"descending"}}', $$patient ORDER BY parent_identifier COLLATE "C" NULLS FIRST, sex COLLATE "C" DESC NULLS LAST, identifier COLLATE "C"$$),
('items', '{"sort":{"metadata.system.size":"descending","filename":"ascending"},"limit":40}', $$items ORDER BY (document #>> '{metadata,system,size}')::numeric DESC, document ->> 'filename' COLLATE "C", id LIMIT 40$$);
INSERT INTO request (resource, dql, hand, columns) VALUES
('volume', '{"filter":{"modality":"SEG"},"select":["identifier","patient_id"]}', $$volume WHERE modality = 'SEG'$$, 'identifier, patient_id');

-- a datasource and a patient of the sample, chosen by their data alone
SELECT datasource_id AS d, min(patient_id) AS p FROM volume GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1 \gset
UPDATE request SET dql = replace(replace(dql, '@D', :'d'), '@P', :'p'), hand = replace(replace(hand, '@D', :'d'), '@P', :'p');

CREATE FUNCTION plan_of(statement text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON, COSTS OFF) ' || statement INTO plan;
	RETURN plan;
END
$$;

-- rows of a statement as text, in order
CREATE FUNCTION rows_of(statement text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	rows text[];
BEGIN
	EXECUTE format('SELECT coalesce(array_agg(t::text), ''{}'') FROM (%s) t', statement) INTO rows;
	RETURN rows;
END
$$;

-- prints a line for every deviation
CREATE PROCEDURE check_request(r request) LANGUAGE plpgsql AS $$
DECLARE
	called text := format('SELECT %s FROM vxp.query(NULL::%I, %L)', r.columns, r.resource, r.dql);
	printed text;
	hand text := format('SELECT %s FROM %s', r.columns, r.hand);
	answer text[];
	other text[];
	what text;
	is_sorted boolean := r.dql::jsonb ? 'sort';
BEGIN
	EXECUTE format('SELECT vxp.to_sql(NULL::%I, %L)', r.resource, r.dql) INTO printed;
	answer := rows_of(called);
	UPDATE request SET n_rows = cardinality(answer) WHERE n = r.n;
	FOREACH what IN ARRAY ARRAY['printed', 'hand', 'executor'] LOOP
		IF what = 'executor' THEN
			PERFORM set_config('vxp.enable_inlining', 'off', true);
		END IF;
		other := rows_of(CASE what WHEN 'printed' THEN printed WHEN 'hand' THEN hand ELSE called END);
		PERFORM set_config('vxp.enable_inlining', 'on', true);
		IF EXISTS (SELECT unnest(answer) EXCEPT ALL SELECT unnest(other))
		   OR EXISTS (SELECT unnest(other) EXCEPT ALL SELECT unnest(answer)) THEN
			RAISE WARNING 'request %: other rows by %: % against %', r.dql, what, cardinality(answer), cardinality(other);
		ELSIF is_sorted AND answer <> other THEN
			RAISE WARNING 'request %: other order by %', r.dql, what;
		END IF;
	END LOOP;
	IF plan_of(called) IS DISTINCT FROM plan_of(format('SELECT %s FROM (%s) query', r.columns, printed)) THEN
		RAISE WARNING 'request %: other plan: % %', r.dql, plan_of(called), plan_of(format('SELECT * FROM (%s) query', printed));
	END IF;
	IF plan_of(called)::text LIKE '%Function Scan%' THEN
		RAISE WARNING 'request %: not inlined', r.dql;
	END IF;
END
$$;

DO $$
DECLARE
	r request;
BEGIN
	FOR r IN SELECT * FROM request ORDER BY n LOOP
		CALL check_request(r);
	END LOOP;
END
$$;

-- how many requests, and which of them have no row (those that cannot have one)
SELECT count(*) AS requests, count(*) FILTER (WHERE n_rows > 0) AS with_rows FROM request;
SELECT dql FROM request WHERE n_rows = 0 ORDER BY n;

-- one statement with a join: the order of joins and the conditions are those of plain SQL
SELECT plan_of($$SELECT patient_id, count(*) FROM vxp.query(NULL::volume, '{"filter":{"modality":"MR"}}') v
	JOIN patient_current p USING (patient_id) WHERE p.sex = 'F' GROUP BY 1 ORDER BY 2 DESC LIMIT 5$$)
	 = plan_of($$SELECT patient_id, count(*) FROM (SELECT * FROM volume v WHERE modality = 'MR') v
	JOIN patient_current p USING (patient_id) WHERE p.sex = 'F' GROUP BY 1 ORDER BY 2 DESC LIMIT 5$$) AS same_plan;

-- remove what the sample made, so that every other test may use the names
DROP TABLE request CASCADE;
DROP FUNCTION plan_of, rows_of;
SELECT unregister('items');
DROP TABLE items;
SELECT drop_resource_type(name) FROM unnest('{Volume,ImagingStudy,Patient,Datasource}'::text[]) name;
