\set id random(1, 8000)
INSERT INTO samples (curve) SELECT curve FROM originals WHERE id = :id;
