\set id 2 * random(0, 3999) + 1
WITH gone AS (DELETE FROM samples WHERE id = :id RETURNING id) INSERT INTO removed SELECT id FROM gone;
