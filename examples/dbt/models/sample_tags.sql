{{ config(
    materialized='table',
    indexes=[{'columns': ['id'], 'unique': True}]
) }}

-- OFFSET 0: the tag is computed once per row, in parallel, and then taken apart.
SELECT id, (tag).*
FROM (
    SELECT id, tag_metadata(curve, (SELECT suite FROM {{ source('training', 'mnist_suite') }})) AS tag
    FROM {{ source('training', 'samples') }}
    OFFSET 0
) AS tagged
