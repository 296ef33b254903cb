\set n random(1, 1250)
UPDATE probes AS p SET curve = d.curve FROM drawn_probes AS d WHERE d.n = :n AND p.id = 'spare ' || (:n + 1)::integer;
