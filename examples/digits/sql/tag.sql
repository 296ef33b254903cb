-- From the recorded losses to a tag for each image.

CREATE TEMPORARY TABLE curves AS SELECT id, curve FROM loss_curves('loss_log');

CREATE TABLE suites AS
SELECT 'digits' AS name, probe_suite_agg(label, curve, id::text) AS suite
  FROM probes JOIN curves USING (id);

INSERT INTO samples
SELECT id, curve FROM curves WHERE id NOT IN (SELECT id FROM probes);

DROP TABLE curves;

CREATE TABLE tags AS
SELECT id, (tag).*
  FROM (SELECT id, tag_metadata(curve, (SELECT suite FROM suites WHERE name = 'digits')) AS tag
          FROM samples
        OFFSET 0) AS tagged;

ALTER TABLE tags ADD PRIMARY KEY (id);
