--
-- small_loss_mixture and noise_posterior: the small-loss heuristic
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

-- fixed data, two modes apart and two that overlap, against scikit-learn 1.2: GaussianMixture(2, reg_covar=5e-4,
-- tol=1e-13) on losses scaled to [0, 1], scaled back
CREATE VIEW fixed AS
	SELECT 'apart' AS data, n, CASE WHEN n % 5 = 0 THEN 2 + m * 1.5 ELSE 0.1 + 0.4 * m * m END AS loss
		FROM generate_series(1, 1000) n, LATERAL (SELECT (n * 7919) % 1009 / 1009::float8 AS m) x
	UNION ALL
	SELECT 'overlap', n, CASE WHEN n % 5 < 2 THEN 1 + m ELSE 0.6 * m END
		FROM generate_series(1, 1000) n, LATERAL (SELECT (n * 7919) % 997 / 997::float8 AS m) x;
CREATE TABLE fitted AS SELECT data, small_loss_mixture(loss) AS mixture FROM fixed GROUP BY data;
CREATE TABLE wanted (data text, clean_weight float8, noise_weight float8, clean_mean float8, noise_mean float8,
	clean_stddev float8, noise_stddev float8, log_likelihood float8);
INSERT INTO wanted VALUES
	('apart', 0.79999996, 0.20000004, 0.23322867, 2.75490538, 0.1411541, 0.43849974, -69.19866045),
	('overlap', 0.59951718, 0.40048282, 0.28921822, 1.52692695, 0.1787954, 0.29294679, -541.40901573);
SELECT data, m.iterations BETWEEN 1 AND 100 AS converged,
	greatest(abs(m.clean_weight - w.clean_weight), abs(m.noise_weight - w.noise_weight),
		abs(m.clean_mean - w.clean_mean), abs(m.noise_mean - w.noise_mean), abs(m.clean_stddev - w.clean_stddev),
		abs(m.noise_stddev - w.noise_stddev)) < 1e-6 AS parameters, abs(m.log_likelihood - w.log_likelihood) < 1e-5 AS likelihood
	FROM fitted JOIN wanted w USING (data), LATERAL (SELECT (mixture).*) m ORDER BY data;
SELECT loss, round(noise_posterior(loss, mixture)::numeric, 5) AS posterior,
	abs(noise_posterior(loss, mixture) - wanted) < 1e-6 AS same
	FROM fitted, (VALUES (0, 1.90135514e-06), (0.3, 6.33991154e-05), (0.5, 1.74964758e-03), (0.8, 5.26148208e-01),
		(1, 9.95445093e-01), (1.2, 9.99989398e-01), (2, 1), (3, 1)) v(loss, wanted) WHERE data = 'overlap' ORDER BY loss;
-- one query does it all
SELECT count(*) FILTER (WHERE noise_posterior(loss, (SELECT small_loss_mixture(loss) FROM fixed WHERE data = 'apart')) > 0.5)
	FROM fixed WHERE data = 'apart';

-- the same bits in any order, and from workers
CREATE TABLE losses AS SELECT loss FROM fixed, generate_series(1, 20);
SELECT count(DISTINCT mixture) FROM (SELECT small_loss_mixture(loss ORDER BY loss) AS mixture FROM losses
	UNION ALL SELECT small_loss_mixture(loss ORDER BY loss DESC) FROM losses
	UNION ALL SELECT small_loss_mixture(loss ORDER BY md5(loss::text)) FROM losses) x;
CREATE TABLE serial AS SELECT small_loss_mixture(loss) AS mixture FROM losses;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT plan_of('SELECT small_loss_mixture(loss) FROM losses');
SELECT mixture = (SELECT small_loss_mixture(loss) FROM losses) AS same FROM serial;
SELECT small_loss_mixture(loss) FROM losses WHERE loss < -1;
RESET ALL;
SET search_path = public, test;

-- losses that are missing do not count; fewer than two different ones have no mixture
SELECT small_loss_mixture(loss) = (SELECT small_loss_mixture(loss) FROM fixed) AS same
	FROM (SELECT loss FROM fixed UNION ALL VALUES (NULL), ('NaN'::float8)) x;
SELECT small_loss_mixture(loss) FROM (VALUES (1), (1), (NULL)) v(loss);
SELECT small_loss_mixture(1);
SELECT small_loss_mixture(NULL);
SELECT small_loss_mixture(1) WHERE false;
SELECT small_loss_mixture(loss) FROM unnest('{0,-0}'::float8[]) loss;
SELECT clean_mean, noise_mean, clean_weight FROM (SELECT (small_loss_mixture(loss)).* FROM (VALUES (3), (1)) v(loss)) x;
-- a missing loss has no posterior, and without a mixture there is none
SELECT noise_posterior(NULL, mixture), noise_posterior('NaN', mixture), noise_posterior(1, NULL),
	noise_posterior(1, ROW(0.5, 0, 1, NULL, 1, 1, 1, 1)::loss_mixture) FROM fitted;
-- a mixture may be written by hand
SELECT loss, noise_posterior(loss, ROW(0.5, 0, 1, 0.5, 2, 1, NULL, NULL)) FROM (VALUES (1), (-1e38), (3.4e38)) v(loss);
SELECT noise_posterior(1, ROW(0, 0, 1, 1, 2, 1, NULL, NULL)), noise_posterior(1, ROW(1, 0, 1, 0, 2, 1, NULL, NULL));
-- what cannot be
SELECT error_of('SELECT small_loss_mixture(''Infinity'')');
SELECT error_of('SELECT small_loss_mixture(-1e39)');
SELECT error_of('SELECT noise_posterior(1e39, mixture) FROM fitted');
SELECT mixture || ' -> ' || error_of(format('SELECT noise_posterior(1, %L::loss_mixture)', mixture))
	FROM unnest(ARRAY['(0.5,0,0,0.5,1,1,,)', '(0.5,0,1,0.5,1,-1,,)', '(0.5,0,NaN,0.5,1,1,,)', '(1.5,0,1,0.5,1,1,,)',
		'(-0.5,0,1,0.5,1,1,,)', '(0,0,1,0,1,1,,)', '(0.5,Infinity,1,0.5,1,1,,)', '(0.5,0,1,0.5,1,Infinity,,)']) mixture;

DROP VIEW fixed;
DROP TABLE fitted, wanted, losses, serial;
