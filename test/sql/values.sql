--
-- Tables of values for tests that make up their queries: ordinary ones, and
-- those at the edges of what the types can hold.  All in a schema of its own,
-- which is the first of the search_path.
--
CREATE SCHEMA hostile;
SET search_path = hostile, public;

CREATE TABLE curves (id bigint PRIMARY KEY, name text, curve loss_curve);
INSERT INTO curves (id, name, curve) VALUES
	(1, 'empty', '[]'),
	(2, 'one epoch', '[0.5]'),
	(3, 'falling', '[2.3, 1.9, 1.2, 0.8, 0.4, 0.2, 0.1, 0.05]'),
	(4, 'rising', '[0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8]'),
	(5, 'gaps', '[2.3, null, 1.2, null, null, 0.2, null, 0.05]'),
	(6, 'all missing', '[null, null, null, null, null, null, null, null]'),
	(7, 'zeros', '[0, 0, 0, 0, 0, 0, 0, 0]'),
	(8, 'negative', '[-1, -2, -3, -4, -5, -6, -7, -8]'),
	(9, 'huge', '[3.4028235e38, -3.4028235e38, 3.4028235e38, 1e30, -1e30, 1e20, 1, 3.4028235e38]'),
	(10, 'tiny', '[1e-45, 1e-40, 1.1754944e-38, -1e-45, 0, 1e-30, 1e-45, 1e-45]'),
	(11, 'mixed scales', '[1e-45, 3.4028235e38, 1, -1e-45, 0, -3.4028235e38, null, 1e10]'),
	(12, 'starts missing', '[null, null, null, null, 1, 0.5, 0.25, 0.125]'),
	(13, 'ends missing', '[1, 0.5, 0.25, 0.125, null, null, null, null]'),
	(14, 'one of two', '[null, 7]'),
	(15, 'constant', '[0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7]'),
	(17, 'none', NULL);
INSERT INTO curves SELECT 16, 'longest', resample_curve('[5, 1, 0.1]', 16000);
INSERT INTO curves SELECT 100 + n, 'ordinary', array_agg(exp(-e * (n % 5 + 1) / 4.0) + n % 7 / 10.0 ORDER BY e)::loss_curve
	FROM generate_series(1, 40) AS n, generate_series(0, 7) AS e GROUP BY n;
CREATE TABLE fixed_curves (id integer GENERATED ALWAYS AS IDENTITY, curve loss_curve(8));
INSERT INTO fixed_curves (curve) SELECT curve FROM curves WHERE epochs(curve) = 8;
CREATE INDEX fixed_curves_curve ON fixed_curves (curve);

CREATE TABLE losses AS
	SELECT id, epoch, curve[epoch]::float8 AS loss FROM curves, generate_series(0, 7) AS epoch;
CREATE TABLE scores AS
	SELECT id, loss AS score, id % 2 = 0 AS truth FROM losses;

-- Probes: ordinary ones, as a table, a view and a partitioned table.
CREATE TABLE probes (label text NOT NULL, curve loss_curve NOT NULL, id text);
INSERT INTO probes SELECT CASE id % 3 WHEN 0 THEN 'typical' WHEN 1 THEN 'late' ELSE 'noise' END, curve, 'P' || id
	FROM curves WHERE name = 'ordinary';
CREATE VIEW probe_view AS SELECT label, curve FROM probes WHERE id > 'P110';
CREATE TABLE parted (LIKE probes) PARTITION BY LIST (label);
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT * FROM probes;
CREATE SEQUENCE counter;
CREATE MATERIALIZED VIEW frozen AS SELECT probe_suite_agg(label, curve, id) AS suite FROM probes;

CREATE TABLE suites (name text PRIMARY KEY, suite probe_suite);
INSERT INTO suites SELECT 'ordinary', probe_suite_agg(label, curve, id) FROM probes;
INSERT INTO suites SELECT metric || ' ' || weights,
	configure_probe_suite(suite, k => 3, metric => metric, weights => weights)
	FROM suites, unnest(ARRAY['l1', 'l2', 'cosine', 'correlation', 'dtw']) AS metric,
		unnest(ARRAY['uniform', 'distance', 'balanced']) AS weights WHERE name = 'ordinary';
INSERT INTO suites SELECT 'banded', configure_probe_suite(suite, metric => 'dtw', band => 0)
	FROM suites WHERE name = 'ordinary';
INSERT INTO suites SELECT 'fitted', fit_probe_suite(suite) FROM suites WHERE name = 'ordinary';
INSERT INTO suites SELECT 'fitted by k', fit_probe_suite(configure_probe_suite(suite, k => 1))
	FROM suites WHERE name = 'ordinary';
INSERT INTO suites SELECT 'one probe', probe_suite_agg('only', '[1, 0.5]');
INSERT INTO suites SELECT 'one epoch', probe_suite_agg(id::text, ARRAY[id::integer]::loss_curve) FROM curves WHERE id < 5;
INSERT INTO suites SELECT 'empty label', probe_suite_agg(v.label, v.curve::loss_curve)
	FROM (VALUES ('', '[1]'), ('', '[2, 3]'), ('ü', '[null, 0]')) AS v(label, curve);
INSERT INTO suites SELECT 'equal probes', probe_suite_agg((n % 2)::text, '[0, 0, 0]') FROM generate_series(1, 30) AS n;
INSERT INTO suites SELECT 'edges', probe_suite_agg(name, curve) FROM curves
	WHERE observed_epochs(curve) > 0 AND epochs(curve) < 100;
INSERT INTO suites SELECT 'edges by ' || metric, configure_probe_suite(suite, metric => metric)
	FROM suites, unnest(ARRAY['l1', 'cosine', 'correlation', 'dtw']) AS metric WHERE name = 'edges';
INSERT INTO suites SELECT 'many labels', probe_suite_agg('label ' || n, ARRAY[n, 1000 - n, n * n]::loss_curve)
	FROM generate_series(1, 1000) AS n;
INSERT INTO suites SELECT 'long', probe_suite_agg((id % 2)::text, resample_curve(curve, 16000)) FROM curves
	WHERE id IN (3, 4, 5, 12, 13);
INSERT INTO suites VALUES ('none', NULL);
CREATE VIEW one_suite AS SELECT suite FROM suites WHERE name = 'ordinary';

CREATE TABLE mixtures AS SELECT 'fitted' AS name, small_loss_mixture(loss) AS mixture FROM losses
	WHERE abs(loss) < 100;
INSERT INTO mixtures VALUES ('none', NULL), ('nulls', (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)),
	('absurd', ('NaN', 'Infinity', '-Infinity', 2, -1, 0, -7, 1e308)),
	('far', (0.5, -1e300, 1e-300, 0.5, 1e300, 1e300, 0, 0));

-- What the extension's own functions make.
CREATE TABLE rows AS SELECT id, name, curve FROM curves;
ALTER TABLE rows ADD PRIMARY KEY (id);
SELECT create_tag_table('tags', 'rows');
CALL refresh_tags('tags', 'rows', 'probes');
SELECT create_loss_log('log');
INSERT INTO log (run, epoch, ids, losses)
	SELECT 'run', epoch, array_agg(id ORDER BY id), array_agg(loss::real ORDER BY id)
	FROM losses WHERE loss IS NOT NULL GROUP BY epoch;
ANALYZE curves, fixed_curves, losses, scores, probes, suites, rows, tags, log;
