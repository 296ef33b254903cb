-- The suite as a frozen value, and the tagging of every row.

CREATE TABLE suites AS
SELECT 'mnist' AS name, probe_suite_agg(label, curve, probe_id) AS suite FROM probes;

-- One text for the plan and for the run.  LATERAL calls the function once per
-- row; (tag_metadata(...)).* would call it once per column.
SELECT $$
SELECT d.example_id, t.*
  FROM dataset AS d
 CROSS JOIN LATERAL
       tag_metadata(d.curve, (SELECT suite FROM suites WHERE name = 'mnist')) AS t
$$ AS tag_query \gset

CREATE FUNCTION pg_temp.plan_of(query text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END
$$;

\echo
\echo '== The query that tags every row'
\echo :tag_query

\echo '== Its plan: the suite is read once (InitPlan), then the function runs once per row'
\echo
SELECT line AS "plan" FROM pg_temp.plan_of(:'tag_query') AS line;
SELECT CASE WHEN bool_or(line ~ 'Gather')
            THEN 'It is parallel: the rows are shared out among worker processes.'
            ELSE 'It is serial: the table takes ' || pg_size_pretty(pg_table_size('dataset'))
                 || ', and from min_parallel_table_scan_size ('
                 || current_setting('min_parallel_table_scan_size')
                 || ') on the same query goes parallel by itself.' END AS remark
  FROM pg_temp.plan_of(:'tag_query') AS line \gset
\echo :remark

SELECT clock_timestamp() AS started \gset
CREATE TABLE tags AS :tag_query;
SELECT extract(epoch FROM clock_timestamp() - :'started')::numeric AS seconds \gset
ALTER TABLE tags ADD PRIMARY KEY (example_id);
ANALYZE tags;

\echo
\echo '== Rows per label: what kind of example each of the dataset''s rows behaves like'
\echo
SELECT label, count(*) AS rows, round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS percent,
       round(avg(probability)::numeric, 3) AS "mean share of votes",
       count(*) FILTER (WHERE margin < 0.2) AS "close votes (margin < 0.2)"
  FROM tags GROUP BY label ORDER BY count(*) DESC, label;

SELECT 'Tagged ' || count(*) || ' rows in ' || round(:seconds, 3) || ' s ('
       || round(1e6 * :seconds / count(*), 1) || ' microseconds a row).' AS remark
  FROM tags \gset
\echo :remark
