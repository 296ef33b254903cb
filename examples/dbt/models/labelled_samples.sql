{{ config(materialized='table') }}

SELECT samples.id,
       samples.given_label,
       tags.label AS tag,
       tags.score,
       tags.novelty,
       coalesce(tags.label = 'random_outputs', false) AS is_suspect
FROM {{ source('training', 'samples') }} AS samples
LEFT JOIN {{ ref('sample_tags') }} AS tags USING (id)
