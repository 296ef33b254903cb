-- Queries to go on with.  Each is planned here before it is shown, so that one
-- that no longer fits the extension stops the demo.

\echo '== How to go on: queries to type next'

SELECT format($$-- The chances of every label for one row
SELECT p.* FROM dataset AS d,
       metadata_probabilities(d.curve, (SELECT suite FROM suites WHERE name = 'mnist')) AS p
 WHERE d.example_id = %s;$$, :suspect) AS chances,
$$-- Rows unlike anything in the suite (novelty: about 1 inside its cloud, more outside)
SELECT example_id, label, round(novelty::numeric, 2) AS novelty, sparkline(curve, 40)
  FROM tags JOIN dataset USING (example_id) ORDER BY novelty DESC NULLS LAST LIMIT 10;$$ AS novel,
$$-- The same tags while training still runs: the first 20 epochs alone
SELECT classify_metadata(curve[0:19], (SELECT suite FROM suites WHERE name = 'mnist')) AS label, count(*)
  FROM dataset GROUP BY label ORDER BY count(*) DESC;$$ AS early,
$$-- Another suite of the same probes: Manhattan distance, nearer probes' votes weigh more
INSERT INTO suites
SELECT 'mnist_l1', configure_probe_suite(suite, k => 15, metric => 'l1', weights => 'distance')
  FROM suites WHERE name = 'mnist';$$ AS other,
$$-- How well a suite tells its own probes apart (each left out once)
SELECT * FROM probe_suite_confusion((SELECT suite FROM suites WHERE name = 'mnist'));$$ AS confusion
\gset

\o /dev/null
EXPLAIN :chances
EXPLAIN :novel
EXPLAIN :early
EXPLAIN :other
EXPLAIN :confusion
\o

\echo
\echo :chances
\echo
\echo :novel
\echo
\echo :early
\echo
\echo :other
\echo
\echo :confusion
