--
-- lineage_op: operators and functions agree with arrays of labels
--
-- The oracle is slow and obvious: text[] and bytea[] with the server's own
-- operators.  A query that prints no rows, or 0, found no disagreement.
--
SET search_path = public, vxp;
SELECT setseed(0.5);

-- labels that are prefixes of one another, multi-byte, with bytes at both ends
-- of the range, and of lengths about the place where a second length byte begins
CREATE TEMP TABLE pool (n serial, label text);
INSERT INTO pool (label) VALUES
	('a'), ('ab'), ('abc'), ('a/b'), ('A'), ('b'), ('patient/1'), ('patient/10'), ('patient/100'), ('patient/'), ('/1'),
	('study/1'), ('é'), ('éa'), ('日'), ('日本'), ('😀'), (U&'\FFFF'), ('a '), (' a'), ('"'), ('>'), (E'\x01'), (E'\x7f'),
	('x'), (repeat('x', 126)), (repeat('x', 127)), (repeat('x', 128)), (repeat('x', 129)), (repeat('x', 300));
CREATE TEMP TABLE path AS
SELECT g, array_agg(label ORDER BY level) AS labels
FROM (SELECT g, level, 1 + floor(random() * CASE WHEN level < 3 THEN 6 ELSE 30 END)::int AS n
	  FROM generate_series(1, 4500) g, generate_series(1, 1 + g % 6) level) x
JOIN pool USING (n)
GROUP BY g;
-- parents too, so that ancestors by path are among the values
INSERT INTO path SELECT g + 10000, labels[1:cardinality(labels) - 1] FROM path WHERE cardinality(labels) > 1 AND g % 5 < 2;
ALTER TABLE path ADD lineage lineage, ADD bytes bytea[];
UPDATE path SET lineage = lineage(labels),
	bytes = ARRAY(SELECT convert_to(l, 'UTF8') FROM unnest(labels) WITH ORDINALITY u(l, o) ORDER BY o);
ANALYZE path;
-- every pair of a sample of 420 paths
CREATE TEMP TABLE pair AS
SELECT a.lineage AS a, b.lineage AS b, a.labels AS al, b.labels AS bl, a.bytes AS ab, b.bytes AS bb
FROM (SELECT * FROM path ORDER BY g % 97, g LIMIT 420) a, (SELECT * FROM path ORDER BY g % 97, g LIMIT 420) b;
SELECT count(*) > 100000 AS enough, bool_or(a = b AND al IS DISTINCT FROM bl) AS confused,
	   count(*) FILTER (WHERE a <@ b) > 1000 AS related FROM pair;

-- order: that of the arrays of bytes, which is total, hence so is ours
SELECT count(*) FROM pair
WHERE sign(lineage_cmp(a, b)) <> CASE WHEN ab < bb THEN -1 WHEN ab = bb THEN 0 ELSE 1 END
   OR (a < b) <> (ab < bb) OR (a <= b) <> (ab <= bb) OR (a = b) <> (ab = bb)
   OR (a <> b) <> (ab <> bb) OR (a >= b) <> (ab >= bb) OR (a > b) <> (ab > bb)
   OR lineage_smaller(a, b) <> LEAST(a, b) OR lineage_larger(a, b) <> GREATEST(a, b);
-- equal values have equal hashes, whatever the seed; seeds matter; few of the others collide
SELECT count(*) FROM pair
WHERE a = b AND (lineage_hash(a) <> lineage_hash(b) OR lineage_hash_extended(a, 0) <> lineage_hash_extended(b, 0)
				 OR lineage_hash_extended(a, 42) <> lineage_hash_extended(b, 42));
SELECT count(DISTINCT lineage) - count(DISTINCT lineage_hash(lineage)) AS collisions,
	   bool_and(lineage_hash_extended(lineage, 1) <> lineage_hash_extended(lineage, 2)) AS seeds_matter,
	   bool_and(lineage_hash_extended(lineage, 0) & 4294967295 = lineage_hash(lineage)::bigint & 4294967295) AS low_bits_agree
FROM path;
-- by path
SELECT count(*) FROM pair
WHERE (a @> b) <> (al = bl[1:cardinality(al)]) OR (b <@ a) <> (a @> b);
-- a subtree is one interval that begins with its own path (0)
WITH numbered AS (SELECT lineage, row_number() OVER (ORDER BY lineage) AS place FROM (SELECT DISTINCT lineage FROM path) d)
SELECT count(*)
FROM (SELECT FROM numbered p JOIN numbered n ON n.lineage <@ p.lineage
	  GROUP BY p.lineage, p.place
	  HAVING max(n.place) - min(n.place) + 1 <> count(*) OR min(n.place) <> p.place) broken;
-- common ancestor: the longest array of labels that both begin with
SELECT count(*) FROM pair
WHERE common_ancestor(a, b) IS DISTINCT FROM
	  (SELECT lineage(al[1:max(k)]) FROM generate_series(1, cardinality(al)) k
	   WHERE al[1:k] = bl[1:k] HAVING max(k) IS NOT NULL);
SELECT bool_and(common_ancestor(a, a) = a) AS of_itself,
	   bool_and(common_ancestor(a, b) IS NOT DISTINCT FROM common_ancestor(b, a)) AS either_way FROM pair;

-- by identifier alone: over 100,000 pairs of a path and a label
CREATE TEMP TABLE asked AS
SELECT lineage, labels, labels[1:cardinality(labels) - 1] AS ancestors, label FROM path, pool;
SELECT count(*) > 100000 AS enough, count(*) FILTER (WHERE has_ancestor(lineage, label)) > 10000 AS found FROM asked;
SELECT count(*) FROM asked
WHERE has_ancestor(lineage, label) IS DISTINCT FROM (label COLLATE "C" = ANY (ancestors))
   OR is_within(lineage, label) IS DISTINCT FROM (label COLLATE "C" = ANY (labels))
   OR lineage @^ label IS DISTINCT FROM has_ancestor(lineage, label)
   OR lineage @^= label IS DISTINCT FROM is_within(lineage, label)
   OR has_any_ancestor(lineage, ARRAY[label]) IS DISTINCT FROM has_ancestor(lineage, label)
   OR has_all_ancestors(lineage, ARRAY[label]) IS DISTINCT FROM has_ancestor(lineage, label);
-- of several: random sets, some with NULL, some empty, some of two dimensions
CREATE TEMP TABLE sets AS
SELECT s, array_agg(CASE WHEN s % 4 = 0 AND i = 2 THEN NULL ELSE label END ORDER BY i) AS labels
FROM (SELECT s, i, 1 + floor(random() * 30)::int AS n
	  FROM generate_series(1, 40) s, generate_series(1, 1 + s % 4) i) x JOIN pool USING (n) GROUP BY s
UNION ALL VALUES (100, '{}'::text[]), (101, ARRAY[NULL]), (102, '{{a,ab},{abc,b}}'), (103, '{{a,NULL},{NULL,a}}'), (104, ARRAY[''])
UNION ALL SELECT 105, array_agg('none/' || i) || 'a'::text FROM generate_series(1, 300) i
UNION ALL SELECT 106, array_agg('nine/' || i) || 'b'::text FROM generate_series(1, 300) i
UNION ALL SELECT 107, array_agg('none/' || i) || '{b,NULL,b}'::text[] FROM generate_series(1, 300) i
UNION ALL SELECT 108, array_agg(label) FROM pool;
SELECT count(*) > 100000 AS enough, count(*) FILTER (WHERE has_any_ancestor(p.lineage, s.labels)) > 1000 AS any_found,
	   count(*) FILTER (WHERE has_all_ancestors(p.lineage, s.labels)) > 1000 AS all_found
FROM path p, sets s;
SELECT count(*) FROM path p, sets s, LATERAL (SELECT p.labels[1:cardinality(p.labels) - 1]) o(ancestors)
WHERE has_any_ancestor(p.lineage, s.labels) IS DISTINCT FROM (o.ancestors && s.labels)
   OR has_all_ancestors(p.lineage, s.labels) IS DISTINCT FROM (s.labels <@ o.ancestors);
-- a long list that stays from row to row is prepared, one that changes is not; 105 and 106 have one length
SELECT count(*) FILTER (WHERE found) > 1000 AS found, count(*) FILTER (WHERE found IS DISTINCT FROM (labels[1:cardinality(labels) - 1] && list)) AS wrong
FROM (SELECT p.labels, p.list, has_any_ancestor(lineage, p.list) AS found
	  FROM (SELECT p.*, s.s, s.labels AS list FROM path p, sets s WHERE s >= 105 ORDER BY s) p) a;
SELECT count(*) FILTER (WHERE found) > 1000 AS found, count(*) FILTER (WHERE found IS DISTINCT FROM (labels[1:cardinality(labels) - 1] && list)) AS wrong
FROM (SELECT p.labels, p.list, has_any_ancestor(lineage, p.list) AS found
	  FROM (SELECT p.*, s.s, s.labels AS list FROM path p, sets s WHERE s >= 105 ORDER BY lineage, s) p) a;

-- parts
SELECT count(*) FROM path
WHERE labels(lineage) <> labels OR depth(lineage) <> cardinality(labels)
   OR self(lineage) <> labels[cardinality(labels)] OR root(lineage) <> labels[1]
   OR parent(lineage) IS DISTINCT FROM
	  CASE WHEN cardinality(labels) > 1 THEN lineage(labels[1:cardinality(labels) - 1]) END
   OR lineage || 'é > "x"' <> lineage(labels || 'é > "x"'::text)
   OR parent(lineage || 'x') <> lineage OR self(lineage || 'x') <> 'x';
-- the nearest label of a type; a label without a slash, or with nothing before it, has no type
SELECT count(*) FROM path, (VALUES ('patient'), ('study'), ('a'), ('b'), ('x'), (''), ('/'), ('patient/'), ('pat'), ('é')) t(type)
WHERE ancestor_of_type(lineage, type) IS DISTINCT FROM
	  (SELECT l FROM unnest(labels) WITH ORDINALITY u(l, o)
	   WHERE type <> '' AND l LIKE '%/%' AND split_part(l, '/', 1) = type ORDER BY o DESC LIMIT 1);
SELECT ancestor_of_type('datasource/d > patient/1 > patient/2 > study/1/2 > volume/7', 'patient') AS nearest,
	   ancestor_of_type('datasource/d > patient/1 > patient/2', 'patient') AS itself,
	   ancestor_of_type('datasource/d > patient/1', 'study') AS none;

-- subpath as users of ltree know it: every offset and length about the ends of
-- a path of five; where ltree has an empty path or wraps round, 22023
DO $$
DECLARE
	l text[] := '{a,b,c,d,e}';
	path vxp.lineage := vxp.lineage(l);
	first int;
	past int;
	expected text[];
	got text[];
	errors int := 0;
	parts int := 0;
BEGIN
	FOR o IN -7..7 LOOP
		FOR n IN -7..8 LOOP
			-- 8 stands for no length
			first := CASE WHEN o < 0 THEN 5 + o ELSE o END;
			past := CASE WHEN n = 8 THEN 5 WHEN n < 0 THEN 5 + n ELSE first + n END;
			expected := CASE WHEN first BETWEEN 0 AND 4 AND past > first THEN l[first + 1:past] END;
			BEGIN
				IF n = 8 THEN
					got := vxp.labels(vxp.subpath(path, o));
				ELSE
					got := vxp.labels(vxp.subpath(path, o, n));
				END IF;
				parts := parts + 1;
			EXCEPTION WHEN invalid_parameter_value THEN
				got := NULL;
				errors := errors + 1;
			END;
			IF got IS DISTINCT FROM expected THEN
				RAISE NOTICE 'subpath(%, %): % for %', o, n, got, expected;
			END IF;
		END LOOP;
	END LOOP;
	RAISE NOTICE '% parts, % errors', parts, errors;
END
$$;
SELECT subpath('a > b > c', 1, 2147483647) AS far, subpath('a > b > c', -3) AS whole;
SELECT subpath('a > b > c', -2147483648, -2147483648);

-- aggregates: NULLs are left out, none gives NULL, different roots give NULL
-- wherever they come, and that NULL stays
SELECT common_ancestor(p) FROM (VALUES ('a > b > c'::lineage), ('a > b'), (NULL), ('a > b > d > e')) v(p);
SELECT common_ancestor(p) FROM (VALUES ('a > b'::lineage), ('b > b'), (NULL), ('b > b')) v(p);
SELECT common_ancestor(p), min(p), max(p) FROM (VALUES (NULL::lineage)) v(p);
SELECT count(*) FROM (SELECT labels[1] AS root, common_ancestor(lineage), min(lineage), max(lineage),
							 array_agg(lineage ORDER BY lineage) AS ordered
					  FROM path GROUP BY labels[1]) g
WHERE min <> ordered[1] OR max <> ordered[cardinality(ordered)]
   OR common_ancestor IS DISTINCT FROM common_ancestor(min, max) OR root(common_ancestor) <> root;

-- large paths: a thousand levels, labels of 4 kB, toasted and compressed
CREATE TEMP TABLE large (n int, labels text[], path lineage);
INSERT INTO large
SELECT n, l, l FROM (
	SELECT 1, array_agg('level/' || i ORDER BY i) FROM generate_series(1, 1000) i
	UNION ALL SELECT 2, array_agg('level/' || i ORDER BY i) FROM generate_series(1, 999) i
	UNION ALL SELECT 3, array_agg(repeat(chr(97 + i % 26), 4096) ORDER BY i) FROM generate_series(1, 1000) i
	UNION ALL SELECT 4, array_agg(repeat(chr(97 + i % 26), 4096 - (i = 1000)::int) ORDER BY i) FROM generate_series(1, 1000) i
	UNION ALL SELECT 5, ARRAY[repeat('é', 2048), 'x']
	UNION ALL SELECT 6, ARRAY[repeat('é', 2047) || 'ea', 'x']) v(n, l);
SELECT count(*) FROM large a, large b
WHERE (a.path = b.path) <> (a.n = b.n) OR (a.path < b.path) <> (a.labels COLLATE "C" < b.labels COLLATE "C")
   OR (a.path = b.path AND lineage_hash(a.path) <> lineage_hash(b.path))
   OR (a.path @> b.path) <> (a.labels = b.labels[1:cardinality(a.labels)])
   OR has_ancestor(a.path, self(b.path)) <> (self(b.path) = ANY (a.labels[1:cardinality(a.labels) - 1]))
   OR depth(a.path) <> cardinality(a.labels)
   OR common_ancestor(a.path, b.path) IS DISTINCT FROM
	  CASE WHEN a.n = b.n THEN a.path WHEN a.n + b.n = 3 THEN lineage(a.labels[1:999]) WHEN a.n + b.n = 7 AND abs(a.n - b.n) = 1 THEN lineage(a.labels[1:999]) END;
SELECT n, subpath(path, 998) = lineage(labels[999:1000]) AS tail, ancestor_of_type(path, 'level') AS nearest
FROM large WHERE n = 1;

-- NULL in any argument, in all, and in none: an answer or an ordinary error,
-- and NULL for NULL, for each function on paths (one per line if it is otherwise)
DO $$
DECLARE
	f record;
	sample jsonb := '{"vxp.lineage": "a/1 > b/2", "text": "b", "vxp.identifier": "a/1", "integer": "1", "bigint": "1",
					  "text[]": "{a/1,b/2}", "cstring": "a > b"}';
	args text;
	result text;
	called int := 0;
BEGIN
	FOR f IN
		SELECT p.oid::regprocedure AS name, p.oid::regproc AS proc, p.prokind, a.types, a.count
		FROM pg_proc p, LATERAL (SELECT array_agg(format_type(t, NULL) ORDER BY o), count(*)::int
								 FROM unnest(p.proargtypes) WITH ORDINALITY u(t, o)) a(types, count)
		WHERE p.pronamespace = 'vxp'::regnamespace
		  AND ('vxp.lineage'::regtype = ANY (p.proargtypes) OR 'vxp.identifier'::regtype = ANY (p.proargtypes)
			   OR p.prorettype IN ('vxp.lineage'::regtype, 'vxp.identifier'::regtype))
		  AND p.prorettype NOT IN ('internal'::regtype, 'trigger'::regtype) AND NOT p.proretset
		  AND NOT 'internal'::regtype = ANY (p.proargtypes)
		  AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) t
						  WHERE format_type(t, NULL) NOT IN ('lineage', 'identifier', 'vxp.lineage', 'vxp.identifier',
															'text', 'integer', 'bigint', 'text[]', 'cstring'))
	LOOP
		-- i = 0: no argument NULL; 1..n: that one; n + 1: all
		FOR i IN 0..f.count + 1 LOOP
			SELECT string_agg(CASE WHEN n = i OR i = f.count + 1 THEN 'NULL::' || t
								   ELSE format('%L::%s', coalesce(sample->>t, sample->>('vxp.' || t)), t) END, ', ' ORDER BY n)
			INTO args FROM unnest(f.types) WITH ORDINALITY u(t, n);
			EXECUTE format('SELECT %s(%s)::text', f.proc, args) INTO result;
			called := called + 1;
			IF (i = 0) = (result IS NULL) THEN
				RAISE NOTICE '%(%) is %', f.proc, args, result;
			END IF;
		END LOOP;
	END LOOP;
	RAISE NOTICE 'enough calls: %', called > 80;
END
$$;

-- markings: all immutable and parallel safe (but for the client encoding of the
-- binary form), all strict but the inlined ones
SELECT p.oid::regprocedure AS function, provolatile, proisstrict, proparallel
FROM pg_proc p
WHERE p.pronamespace = 'vxp'::regnamespace AND prokind = 'f'
  AND ('vxp.lineage'::regtype = ANY (p.proargtypes) OR 'vxp.identifier'::regtype = ANY (p.proargtypes)
	   OR p.prorettype IN ('vxp.lineage'::regtype, 'vxp.identifier'::regtype))
  AND p.proname IN ('lineage_in', 'lineage_out', 'lineage_recv', 'lineage_send', 'lineage', 'labels', 'depth', 'self', 'parent',
					'root', 'subpath', 'ancestor_of_type', 'common_ancestor', 'lineage_add_label', 'lineage_eq', 'lineage_cmp',
					'lineage_hash', 'lineage_below', 'lineage_within', 'has_ancestor', 'is_within',
					'has_any_ancestor', 'has_all_ancestors')
  AND (provolatile <> 'i' OR NOT proisstrict OR proparallel <> 's')
ORDER BY 1::text COLLATE "C";

-- an operator may be an index condition under row security only if its function
-- is leak-proof: all are but the one that makes a new path
SELECT oprname FROM pg_operator o JOIN pg_proc p ON p.oid = oprcode
WHERE oprleft = 'lineage'::regtype AND NOT proleakproof;

-- has_ancestor and is_within are their operator in a plan, for constants,
-- columns and parameters, also when the result could be NULL
CREATE TEMP TABLE item (path lineage, id text);
EXPLAIN (COSTS OFF) SELECT FROM item WHERE has_ancestor(path, 'a') AND is_within(path, id);
SET plan_cache_mode = force_generic_plan;
PREPARE ask(text, varchar) AS SELECT FROM item WHERE has_ancestor(path, $1) OR NOT is_within(path, $2);
EXPLAIN (COSTS OFF) EXECUTE ask('a', 'b');
RESET plan_cache_mode;
