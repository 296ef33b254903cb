\set id random(1, 8000)
SELECT t.label, t.score, s.curve FROM samples AS s JOIN tags AS t USING (id) WHERE id = :id;
