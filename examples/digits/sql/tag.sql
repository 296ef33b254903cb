-- From the recorded losses to a tag for each image.

CREATE TEMPORARY TABLE curves AS SELECT id, curve FROM loss_curves('loss_log');

CREATE TABLE suites AS
SELECT 'digits' AS name, probe_suite_agg(label, curve, id::text) AS suite
  FROM probes JOIN curves USING (id);

INSERT INTO samples
SELECT id, curve FROM curves WHERE id NOT IN (SELECT id FROM probes);

DROP TABLE curves;

SELECT create_tag_table('tags', 'samples');
CALL refresh_tags('tags', 'samples', 'suites');
