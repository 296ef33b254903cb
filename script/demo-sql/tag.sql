-- The suite as a frozen value, and the tagging of every row.

CREATE TABLE suites AS
SELECT 'mnist' AS name, probe_suite_agg(label, curve, probe_id) AS suite FROM probes;

-- One text for the plan and for the run.  The function stands in a select list,
-- so that a large table is tagged in parallel (in FROM, with LATERAL, it is
-- not).  OFFSET 0 keeps (t).* from calling it once for each of its columns.
SELECT $$
SELECT example_id, (t).*
  FROM (SELECT example_id,
               tag_metadata(curve, (SELECT suite FROM suites WHERE name = 'mnist')) AS t
          FROM dataset
        OFFSET 0) AS tagged
$$ AS tag_query \gset

CREATE FUNCTION pg_temp.plan_of(query text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END
$$;

\echo '== The query that tags every row'
\echo :tag_query

\echo '== Its plan: the suite is read once (InitPlan), then the function runs once per row'
\echo
SELECT line AS "plan" FROM pg_temp.plan_of(:'tag_query') AS line;
SELECT format(CASE WHEN bool_or(line ~ 'Gather')
                   THEN 'It is parallel: the rows are shared out among worker processes.'
                   ELSE 'It is serial: the table takes %s only.  From %s on '
                        '(min_parallel_table_scan_size) the same query is parallel by itself.'
              END, pg_size_pretty(pg_table_size('dataset')),
              current_setting('min_parallel_table_scan_size')) AS remark
  FROM pg_temp.plan_of(:'tag_query') AS line \gset
\echo :remark
\echo

SELECT clock_timestamp() AS started \gset
CREATE TABLE tags AS :tag_query;
SELECT extract(epoch FROM clock_timestamp() - :'started')::numeric AS seconds \gset
ALTER TABLE tags ADD PRIMARY KEY (example_id);
ANALYZE tags;

\echo '== Rows per label: what kind of example each of the dataset''s rows behaves like'
\echo
SELECT label, count(*) AS rows, round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS percent,
       round(avg(probability)::numeric, 3) AS "mean share of votes",
       count(*) FILTER (WHERE margin < 0.2) AS "close votes (margin < 0.2)"
  FROM tags GROUP BY label ORDER BY count(*) DESC, label;

SELECT format('Tagged %s rows in %s s: %s microseconds a row.', count(*),
              round(:seconds, 3), round(1e6 * :seconds / count(*), 1)) AS remark
  FROM tags \gset
\echo :remark
\echo
