-- Loss curves as training leaves them, made of a seed: the same ones on every
-- machine.  Variables: rows, epochs, probes, sample, seed.

CREATE EXTENSION metaprobe;

-- Uniform in [0, 1), one number for each (stream, n, i)
CREATE FUNCTION noise(stream bigint, n bigint, i bigint) RETURNS float8
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN (hashint8extended(n * 65536 + i, stream) & 16777215) / 16777216.0::float8;

-- The loss of an example at x, from 0 to 1, of the training.  a, b and c tell
-- examples of a kind apart.
CREATE FUNCTION loss_at(kind bigint, x float8, a float8, b float8, c float8) RETURNS float8
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
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

-- With the noise of evaluation, larger for larger losses, and a spike now and
-- then.
CREATE FUNCTION generate_losses(stream bigint, n bigint, epochs bigint) RETURNS real[]
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	BEGIN ATOMIC
	SELECT array_agg((
			loss_at(n % 5, e / epochs::float8, a, b, c)
			* (0.85 + 0.3 * noise(stream, n, e))
			+ 0.02 * noise(stream + 1, n, e)
			+ CASE WHEN noise(stream + 2, n, e) < 0.01 THEN noise(stream + 3, n, e) ELSE 0 END
		)::real ORDER BY e)
	FROM (SELECT noise(stream + 4, n, 0) AS a, noise(stream + 4, n, 1) AS b,
			noise(stream + 4, n, 2) AS c OFFSET 0) AS example,
		generate_series(0, epochs - 1) AS e;
	END;

CREATE FUNCTION kind_name(n bigint) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN (ARRAY['typical', 'atypical', 'random_outputs', 'corrupted', 'random_inputs'])[n % 5 + 1];

CREATE TABLE samples AS
	SELECT n AS id, kind_name(n) AS kind, generate_losses(100 * :seed, n, :epochs)::loss_curve AS curve
	FROM generate_series(1, :rows) AS n;
CREATE TABLE probes AS
	SELECT n AS id, kind_name(n) AS label, generate_losses(100 * :seed + 50, n, :epochs)::loss_curve AS curve
	FROM generate_series(1, :probes) AS n;
CREATE TABLE suites AS
	SELECT probe_suite_agg(label, curve, id::text) AS suite FROM probes;

-- The same losses as arrays; the sample is spread over all rows.
CREATE TABLE sample_arrays AS
	SELECT id, curve::real[] AS losses
	FROM (SELECT id, curve FROM samples ORDER BY noise(:seed, id, 0) LIMIT :sample) AS s;
CREATE TABLE probe_arrays AS
	SELECT label, curve::real[] AS losses FROM probes;

VACUUM ANALYZE;
CHECKPOINT;
