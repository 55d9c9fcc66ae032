--
-- show.sql: one question of questions.sql: its words, the request, the SQL it stands for, the plan, the first rows
--
-- In: title, dql; what to select and from which type (columns, type) or a whole statement; rows (default 5).
--
SELECT coalesce(:'number'::int, 0) + 1 AS number \gset
\if :{?rows} \else \set rows 5
\endif
\if :{?statement} \else
SELECT format(E'SELECT %s\nFROM vxp.query(NULL::%I, :dql)', :'columns', :'type') AS statement \gset
\endif
\echo
\echo ════ :number. :title
\echo
\echo :dql
\echo
\echo '-- as SQL (vxp.to_sql):'
\pset tuples_only on
\pset format unaligned
SELECT regexp_replace(vxp.to_sql(:'dql'), E',\n +', ', ', 'g');	-- the columns on one line
\echo
\echo '-- asked as:'
\echo :statement
\echo
\echo '-- plan:'
SELECT replace(:'statement', ':dql', quote_literal(:'dql')) AS statement \gset
EXPLAIN (COSTS OFF) :statement;
\pset tuples_only off
\pset format aligned
\pset footer off
SELECT count(*) AS total FROM (:statement) s \gset
\echo
\echo '-- rows, at most' :rows 'of' :total:
SELECT * FROM (:statement) s LIMIT :rows;
\pset footer on
\unset statement
\unset rows
