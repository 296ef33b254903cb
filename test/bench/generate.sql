-- Loss curves as training leaves them, made of a seed: the same ones on every
-- machine.  Variables: rows, epochs, probes, sample, seed.

CREATE EXTENSION metaprobe;

-- Three numbers of 20 bits, uniform in [0, 1), of the same 60 bits
CREATE FUNCTION part(bits bigint, i integer) RETURNS float8
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN ((bits >> (20 * i)) & 1048575) / 1048576.0::float8;

-- The loss of an example at x, from 0 to 1, of the training.  a, b and c tell
-- examples of a kind apart.
CREATE FUNCTION loss_at(kind bigint, x float8, a float8, b float8, c float8) RETURNS float8
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE kind
		-- fast decay: learnt in the first epochs
		WHEN 0 THEN 2.3 * exp(-(8 + 30 * a) * x) + 0.02 + 0.1 * b * b
		-- late decay: learnt, but slowly
		WHEN 1 THEN 2.4 * exp(-(2 + 9 * a) * x) + 0.02 + 0.4 * b * b
		-- memorised late: against the rest at first, then by heart
		WHEN 2 THEN (2.8 + 1.5 * a) * (1 + x) / (1 + exp((8 + 15 * b) * (x - 0.4 - 0.8 * c)))
		-- plateau: learnt in part
		WHEN 3 THEN 0.15 + 1.6 * a + 1.6 * exp(-(3 + 12 * b) * x)
		-- flat: never learnt
		ELSE 2.2 + 1.2 * a - 1.2 * b * x
	END;

CREATE FUNCTION kind_name(n bigint) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN (ARRAY['typical', 'atypical', 'random_outputs', 'corrupted', 'random_inputs'])[n % 5 + 1];

-- n examples, with the noise of evaluation, larger for larger losses, and a
-- spike now and then.
CREATE FUNCTION generate_examples(stream bigint, n bigint, epochs bigint)
	RETURNS TABLE (id bigint, kind text, curve loss_curve)
	LANGUAGE sql STABLE
	BEGIN ATOMIC
	SELECT i, kind_name(i), losses.curve
	FROM (
		SELECT i, part(bits, 0) AS a, part(bits, 1) AS b, part(bits, 2) AS c
		FROM (
			SELECT i, hashint8extended(i, stream) AS bits
			FROM generate_series(1, n) AS i
		) AS numbers OFFSET 0
	) AS example CROSS JOIN LATERAL (
		SELECT loss_curve_agg(
				loss_at(i % 5, e / epochs::float8, a, b, c) * (0.85 + 0.3 * part(bits, 0))
				+ 0.02 * part(bits, 1)
				+ CASE WHEN part(bits, 2) < 0.01 THEN 100 * part(bits, 2) ELSE 0 END,
				e) AS curve
		FROM (
			SELECT e, hashint8extended(i * 65536 + e, stream + 1) AS bits
			FROM generate_series(0, epochs - 1) AS e OFFSET 0
		) AS noise
	) AS losses;
	END;

CREATE TABLE samples AS
	SELECT * FROM generate_examples(4 * :seed, :rows, :epochs);
CREATE TABLE probes AS
	SELECT id, kind AS label, curve FROM generate_examples(4 * :seed + 2, :probes, :epochs);
CREATE TABLE suites AS
	SELECT probe_suite_agg(label, curve, id::text) AS suite FROM probes;

-- The same losses as arrays; the sample is spread over all rows.
CREATE TABLE sample_arrays AS
	SELECT id, curve::real[] AS losses
	FROM (SELECT id, curve FROM samples ORDER BY hashint8extended(id, :seed) LIMIT :sample) AS s;
CREATE TABLE probe_arrays AS
	SELECT label, curve::real[] AS losses FROM probes;

VACUUM ANALYZE;
CHECKPOINT;
