-- Fails when too many rows of a label look mislabelled: something happened to
-- the labels, or the suite no longer fits the model.
SELECT given_label, count(*) AS samples, avg(is_suspect::integer) AS share
FROM {{ ref('labelled_samples') }}
GROUP BY given_label
HAVING avg(is_suspect::integer) > {{ var('max_suspect_share') }}
