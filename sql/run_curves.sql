--
-- The example of runs that are classified by their own curves (examples/runs),
-- and what may stand in MLflow's table of metrics
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set data :srcdir '/examples/runs'
\set load :data '/sql/load.sql'
\set curves :data '/sql/curves.sql'
\set classify :data '/sql/classify.sql'
SET client_min_messages = warning;
CREATE SCHEMA run_curves;
SET search_path = run_curves, public;
\i :load
\i :curves
\i :classify
\set ECHO all

-- every run has a curve of 50 places without a gap
SELECT count(*), count(DISTINCT run_uuid) AS runs, min(observed_epochs(curve)), max(epochs(curve)) FROM run_curves;
SELECT count(*) FROM (SELECT DISTINCT run_uuid FROM metrics WHERE key = 'val_loss') AS runs;

-- steps that count batches, not from 0, in any order; another metric; steps
-- logged twice; NaN, infinity, and losses too large for real
INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES
	('val_loss', 0.25, 4, 'batches', 300, false),
	('val_loss', 1, 2, 'batches', 100, false),
	('val_loss', 0.5, 3, 'batches', 200, false),
	('acc', 0.9, 2, 'batches', 100, false),
	('val_loss', 2, 1, 'restarted', 0, false),
	('val_loss', 1, 2, 'restarted', 1, false),
	('val_loss', 3, 9, 'restarted', 1, false),
	('val_loss', 2, 1, 'exploded', 0, false),
	('val_loss', 1e39, 2, 'exploded', 1, false),
	('val_loss', 1.7976931348623157e308, 3, 'exploded', 2, false),
	('val_loss', 0, 4, 'exploded', 3, true),
	('val_loss', 0.5, 1, 'single', 7, false);
SELECT run_uuid, logged, resample_curve(curve, logged::integer) AS curve FROM run_curves
	WHERE length(run_uuid) < 32 ORDER BY run_uuid;
DROP SCHEMA run_curves CASCADE;
