\set id 2 * random(1, 4000)
\set epoch random(0, 39)
UPDATE samples SET curve[:epoch] = curve[:epoch] * 1.01 + 0.001, version = version + 1 WHERE id = :id;
