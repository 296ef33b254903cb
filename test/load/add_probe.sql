\set n random(1, 1250)
INSERT INTO probes SELECT 'spare ' || n, label, curve FROM drawn_probes WHERE n = :n ON CONFLICT DO NOTHING;
