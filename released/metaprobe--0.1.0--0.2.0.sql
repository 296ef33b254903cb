-- From 0.1.0 to 0.2.0.
-- Complain if the script is run by psql rather than by ALTER EXTENSION.
\echo Use "ALTER EXTENSION metaprobe UPDATE TO '0.2.0'" to load this file. \quit

-- First of all, so that an older library than these declarations are for fails
-- here, whatever else it lacks.
CREATE FUNCTION metaprobe_version(at_least text DEFAULT '0') RETURNS text
	AS 'MODULE_PATHNAME', 'metaprobe_library_0_2_0_or_newer'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION metaprobe_version(text) IS
	'the version of the library; an error if it is older than the given one';
SELECT metaprobe_version('0.2.0'::pg_catalog.text);

-- Equality of probe suites: the same probes and settings

CREATE FUNCTION probe_suite_eq(probe_suite, probe_suite) RETURNS boolean
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_eq'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION probe_suite_eq(probe_suite, probe_suite) IS
	'implementation of = operator';

CREATE FUNCTION probe_suite_ne(probe_suite, probe_suite) RETURNS boolean
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_ne'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION probe_suite_ne(probe_suite, probe_suite) IS
	'implementation of <> operator';

CREATE FUNCTION probe_suite_hash(probe_suite) RETURNS integer
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_hash'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION probe_suite_hash(probe_suite) IS 'hash';

CREATE FUNCTION probe_suite_hash_extended(probe_suite, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_hash_extended'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION probe_suite_hash_extended(probe_suite, bigint) IS 'hash';

CREATE OPERATOR = (
	LEFTARG = probe_suite, RIGHTARG = probe_suite, FUNCTION = probe_suite_eq,
	COMMUTATOR = =, NEGATOR = <>,
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR = (probe_suite, probe_suite) IS 'equal';

CREATE OPERATOR <> (
	LEFTARG = probe_suite, RIGHTARG = probe_suite, FUNCTION = probe_suite_ne,
	COMMUTATOR = <>, NEGATOR = =,
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (probe_suite, probe_suite) IS 'not equal';

CREATE OPERATOR CLASS probe_suite_ops DEFAULT FOR TYPE probe_suite USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 probe_suite_hash(probe_suite),
	FUNCTION 2 probe_suite_hash_extended(probe_suite, bigint);
COMMENT ON OPERATOR CLASS probe_suite_ops USING hash IS 'equality of probe suites';
COMMENT ON OPERATOR FAMILY probe_suite_ops USING hash IS 'equality of probe suites';
-- A limit of novelty: configure_probe_suite and probe_suite_info have a column
-- more, and charts depend on the latter.
DROP FUNCTION probe_suite_chart(probe_suite);
DROP FUNCTION curve_chart(loss_curve, probe_suite);
DROP FUNCTION confusion_chart(probe_suite);
DROP FUNCTION probe_suite_info(probe_suite);
DROP FUNCTION configure_probe_suite(probe_suite, integer, text, text, bigint);

-- Curves of many curves, epoch by epoch.  The state is a type with a text form,
-- so that Citus combines the states of its workers, too.

CREATE TYPE loss_curve_moments;

CREATE FUNCTION loss_curve_moments_in(cstring) RETURNS loss_curve_moments
	AS 'MODULE_PATHNAME', 'metaprobe_moments_in'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_moments_in(cstring) IS
	'input function';

CREATE FUNCTION loss_curve_moments_out(loss_curve_moments) RETURNS cstring
	AS 'MODULE_PATHNAME', 'metaprobe_moments_out'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_moments_out(loss_curve_moments) IS
	'output function';

CREATE FUNCTION loss_curve_moments_recv(internal) RETURNS loss_curve_moments
	AS 'MODULE_PATHNAME', 'metaprobe_moments_recv'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_moments_recv(internal) IS
	'binary input function';

CREATE FUNCTION loss_curve_moments_send(loss_curve_moments) RETURNS bytea
	AS 'MODULE_PATHNAME', 'metaprobe_moments_send'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_moments_send(loss_curve_moments) IS
	'binary output function';

CREATE TYPE loss_curve_moments (
	INPUT = loss_curve_moments_in,
	OUTPUT = loss_curve_moments_out,
	RECEIVE = loss_curve_moments_recv,
	SEND = loss_curve_moments_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = external
);
COMMENT ON TYPE loss_curve_moments IS
	'state of avg and stddev: counts and sums of every epoch';

CREATE FUNCTION loss_curve_moments_transfn(loss_curve_moments, loss_curve)
	RETURNS loss_curve_moments
	AS 'MODULE_PATHNAME', 'metaprobe_moments_transfn'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_moments_transfn(loss_curve_moments, loss_curve) IS
	'aggregate transition function';

CREATE FUNCTION loss_curve_moments_combine(loss_curve_moments, loss_curve_moments)
	RETURNS loss_curve_moments
	AS 'MODULE_PATHNAME', 'metaprobe_moments_combine'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_moments_combine(loss_curve_moments, loss_curve_moments) IS
	'aggregate combine function';

CREATE FUNCTION loss_curve_avg_finalfn(loss_curve_moments) RETURNS loss_curve
	AS 'MODULE_PATHNAME', 'metaprobe_moments_avg_final'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION loss_curve_avg_finalfn(loss_curve_moments) IS
	'aggregate final function';

CREATE FUNCTION loss_curve_stddev_finalfn(loss_curve_moments) RETURNS loss_curve
	AS 'MODULE_PATHNAME', 'metaprobe_moments_stddev_final'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION loss_curve_stddev_finalfn(loss_curve_moments) IS
	'aggregate final function';

-- Replaced, so that views of them stay.
CREATE OR REPLACE AGGREGATE avg(loss_curve) (
	SFUNC = loss_curve_moments_transfn,
	STYPE = loss_curve_moments,
	SSPACE = 4096,
	FINALFUNC = loss_curve_avg_finalfn,
	COMBINEFUNC = loss_curve_moments_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(loss_curve) IS
	'mean of every epoch, over the curves that observed it';

CREATE OR REPLACE AGGREGATE stddev(loss_curve) (
	SFUNC = loss_curve_moments_transfn,
	STYPE = loss_curve_moments,
	SSPACE = 4096,
	FINALFUNC = loss_curve_stddev_finalfn,
	COMBINEFUNC = loss_curve_moments_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE stddev(loss_curve) IS
	'sample standard deviation of every epoch, missing below two losses';

DROP FUNCTION loss_curve_moments_transfn(internal, loss_curve);
DROP FUNCTION loss_curve_moments_combine(internal, internal);
DROP FUNCTION loss_curve_moments_serialize(internal);
DROP FUNCTION loss_curve_moments_deserialize(bytea, internal);
DROP FUNCTION loss_curve_avg_finalfn(internal);
DROP FUNCTION loss_curve_stddev_finalfn(internal);

-- The vote of the k nearest over any join of rows and probes.  The state is a type
-- with a text form, so that Citus combines the states of its workers, too.

CREATE TYPE knn_neighbours;

CREATE FUNCTION knn_neighbours_in(cstring) RETURNS knn_neighbours
	AS 'MODULE_PATHNAME', 'metaprobe_neighbours_in'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION knn_neighbours_in(cstring) IS
	'input function';

CREATE FUNCTION knn_neighbours_out(knn_neighbours) RETURNS cstring
	AS 'MODULE_PATHNAME', 'metaprobe_neighbours_out'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION knn_neighbours_out(knn_neighbours) IS
	'output function';

CREATE FUNCTION knn_neighbours_recv(internal) RETURNS knn_neighbours
	AS 'MODULE_PATHNAME', 'metaprobe_neighbours_recv'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION knn_neighbours_recv(internal) IS
	'binary input function';

CREATE FUNCTION knn_neighbours_send(knn_neighbours) RETURNS bytea
	AS 'MODULE_PATHNAME', 'metaprobe_neighbours_send'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION knn_neighbours_send(knn_neighbours) IS
	'binary output function';

CREATE TYPE knn_neighbours (
	INPUT = knn_neighbours_in,
	OUTPUT = knn_neighbours_out,
	RECEIVE = knn_neighbours_recv,
	SEND = knn_neighbours_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = external
);
COMMENT ON TYPE knn_neighbours IS
	'state of knn_label and knn_probabilities: the nearest so far';

CREATE FUNCTION knn_transfn(knn_neighbours, text, double precision, integer)
	RETURNS knn_neighbours
	AS 'MODULE_PATHNAME', 'metaprobe_neighbours_transfn'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
COMMENT ON FUNCTION knn_transfn(knn_neighbours, text, double precision, integer) IS
	'aggregate transition function';

CREATE FUNCTION knn_combine(knn_neighbours, knn_neighbours) RETURNS knn_neighbours
	AS 'MODULE_PATHNAME', 'metaprobe_neighbours_combine'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION knn_combine(knn_neighbours, knn_neighbours) IS
	'aggregate combine function';

CREATE FUNCTION knn_label_finalfn(knn_neighbours) RETURNS text
	AS 'MODULE_PATHNAME', 'metaprobe_neighbours_label'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION knn_label_finalfn(knn_neighbours) IS
	'aggregate final function';

CREATE FUNCTION knn_probabilities_finalfn(knn_neighbours) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'metaprobe_neighbours_probabilities'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION knn_probabilities_finalfn(knn_neighbours) IS
	'aggregate final function';

-- Replaced, so that views of them stay.
CREATE OR REPLACE AGGREGATE knn_label(label text, distance double precision, k integer) (
	SFUNC = knn_transfn,
	STYPE = knn_neighbours,
	SSPACE = 512,
	FINALFUNC = knn_label_finalfn,
	COMBINEFUNC = knn_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE knn_label(text, double precision, integer) IS
	'label that most of the k nearest carry';

CREATE OR REPLACE AGGREGATE knn_probabilities(label text, distance double precision, k integer) (
	SFUNC = knn_transfn,
	STYPE = knn_neighbours,
	SSPACE = 512,
	FINALFUNC = knn_probabilities_finalfn,
	COMBINEFUNC = knn_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE knn_probabilities(text, double precision, integer) IS
	'share of the k nearest that each label has, as a jsonb object';

DROP FUNCTION knn_transfn(internal, text, double precision, integer);
DROP FUNCTION knn_combine(internal, internal);
DROP FUNCTION knn_serialize(internal);
DROP FUNCTION knn_deserialize(bytea, internal);
DROP FUNCTION knn_label_finalfn(internal);
DROP FUNCTION knn_probabilities_finalfn(internal);

CREATE FUNCTION configure_probe_suite(
	suite probe_suite,
	k integer DEFAULT NULL,
	metric text DEFAULT NULL,
	weights text DEFAULT NULL,
	band bigint DEFAULT NULL,
	max_novelty double precision DEFAULT NULL
) RETURNS probe_suite
	AS 'MODULE_PATHNAME', 'metaprobe_configure_probe_suite'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION configure_probe_suite(probe_suite, integer, text, text, bigint, double precision) IS
	'the same probes with other settings; NULL leaves a setting as it is';

CREATE FUNCTION probe_suite_info(
	suite probe_suite,
	OUT probes integer,
	OUT labels text[],
	OUT epochs integer,
	OUT k integer,
	OUT metric text,
	OUT weights text,
	OUT band integer,
	OUT hash text,
	OUT scale text,
	OUT shrinkage double precision,
	OUT max_novelty double precision
) RETURNS record
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_info'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION probe_suite_info(probe_suite) IS
	'facts of a suite: its size, labels, settings and content hash';

CREATE FUNCTION probe_suite_chart(suite probe_suite) RETURNS jsonb
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000000
BEGIN ATOMIC
	WITH info AS MATERIALIZED (
		SELECT i.*, ((i.epochs OPERATOR(pg_catalog.+) 499) OPERATOR(pg_catalog./) 500)::bigint AS step
		FROM probe_suite_info(suite) AS i
	), losses AS (
		SELECT p.label, u.n OPERATOR(pg_catalog.-) 1::bigint AS epoch, u.loss::double precision AS loss
		FROM info, probe_suite_probes(suite) AS p,
			pg_catalog.unnest(p.curve::real[]) WITH ORDINALITY AS u(loss, n)
		WHERE ((u.n OPERATOR(pg_catalog.-) 1::bigint) OPERATOR(pg_catalog.%) info.step) OPERATOR(pg_catalog.=) 0::bigint
			OR u.n OPERATOR(pg_catalog.=) info.epochs::bigint
	), spread AS (
		SELECT label, epoch, pg_catalog.count(loss) AS probes,
			pg_catalog.percentile_cont(ARRAY[0.25, 0.75]::double precision[]) WITHIN GROUP (ORDER BY loss) AS quartiles
		FROM losses GROUP BY label, epoch
	), means AS (
		SELECT label, avg(curve) AS curve FROM probe_suite_probes(suite) GROUP BY label
	), points AS (
		SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
				'label', s.label, 'epoch', s.epoch, 'mean', m.curve[s.epoch]::real,
				'lower', s.quartiles[1]::real, 'upper', s.quartiles[2]::real, 'probes', s.probes)
			ORDER BY s.label COLLATE pg_catalog."C", s.epoch) AS list
		FROM spread AS s JOIN means AS m ON m.label OPERATOR(pg_catalog.=) s.label
	)
	SELECT pg_catalog.jsonb_set(pg_catalog.jsonb_set('{
		"$schema": "https://vega.github.io/schema/vega-lite/v5.json",
		"width": 640,
		"height": 360,
		"encoding": {
			"x": {"field": "epoch", "type": "quantitative", "title": "epoch",
				"scale": {"nice": false}, "axis": {"grid": false, "format": "d", "labelExpr": "datum.value % 1 === 0 ? datum.label : ''''"}},
			"color": {"field": "label", "type": "nominal", "title": "label",
				"legend": {"labelLimit": 240, "titleLimit": 240, "symbolType": "stroke", "symbolOpacity": 1},
				"scale": {"range": ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"]}}
		},
		"layer": [
			{"mark": {"type": "area", "opacity": 0.2},
			 "encoding": {
				"y": {"field": "lower", "type": "quantitative", "title": "loss"},
				"y2": {"field": "upper"}}},
			{"mark": {"type": "line", "strokeWidth": 2.5, "strokeCap": "round", "point": {"filled": true, "size": 14}},
			 "encoding": {
				"y": {"field": "mean", "type": "quantitative", "title": "loss"},
				"strokeDash": {"field": "label", "type": "nominal", "title": "label",
					"legend": {"labelLimit": 240, "titleLimit": 240, "symbolType": "stroke", "symbolOpacity": 1},
					"scale": {"range": [[1, 0], [8, 4], [2, 4], [10, 4, 2, 4], [4, 2]]}}}},
			{"mark": {"type": "point", "filled": true, "size": 80, "opacity": 0},
			 "encoding": {
				"y": {"field": "mean", "type": "quantitative", "title": "loss"},
				"tooltip": [
					{"field": "label", "type": "nominal", "title": "label"},
					{"field": "epoch", "type": "quantitative", "title": "epoch"},
					{"field": "mean", "type": "quantitative", "title": "mean loss", "format": ".4~g"},
					{"field": "lower", "type": "quantitative", "title": "first quartile", "format": ".4~g"},
					{"field": "upper", "type": "quantitative", "title": "third quartile", "format": ".4~g"},
					{"field": "probes", "type": "quantitative", "title": "probes"}]}}
		]}'::jsonb OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object(
				'title', pg_catalog.jsonb_build_object('anchor', 'start',
					'text', 'Loss of each label''s probes',
					'subtitle', pg_catalog.format('mean, and the middle half as a band; %s probes, %s epochs', info.probes, info.epochs)),
				'data', pg_catalog.jsonb_build_object('values', points.list)),
		'{encoding,color,scale,domain}'::text[], pg_catalog.to_jsonb(info.labels)),
		'{layer,1,encoding,strokeDash,scale,domain}'::text[], pg_catalog.to_jsonb(info.labels))
	FROM info, points;
END;
COMMENT ON FUNCTION probe_suite_chart(probe_suite) IS
	'Vega-Lite specification: mean loss and quartiles of each label of a suite by epoch';

CREATE FUNCTION curve_chart(curve loss_curve, suite probe_suite) RETURNS jsonb
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 50000
BEGIN ATOMIC
	WITH info AS MATERIALIZED (
		SELECT i.labels, i.k, i.max_novelty,
			((greatest(i.epochs::bigint, epochs(curve)) OPERATOR(pg_catalog.+) 499::bigint)
				OPERATOR(pg_catalog./) 500::bigint) AS step
		FROM probe_suite_info(suite) AS i
	), drawn AS (
		SELECT NULL::integer AS rank, NULL::text AS id, NULL::text AS label, NULL::double precision AS distance, curve
		UNION ALL
		SELECT n.rank, n.id, n.label, n.distance, n.curve FROM info, nearest_probes(curve, suite, least(info.k, 20)) AS n
	), lines AS (
		SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
				'rank', d.rank, 'id', d.id, 'label', d.label, 'distance', d.distance,
				'epoch', coalesce(l.epochs, '[]'::jsonb), 'loss', coalesce(l.losses, '[]'::jsonb))
			ORDER BY d.rank NULLS FIRST) AS list
		FROM info, drawn AS d, LATERAL (
			SELECT pg_catalog.jsonb_agg(u.n OPERATOR(pg_catalog.-) 1::bigint ORDER BY u.n) AS epochs,
				pg_catalog.jsonb_agg(u.loss ORDER BY u.n) AS losses
			FROM pg_catalog.unnest(d.curve::real[]) WITH ORDINALITY AS u(loss, n)
			WHERE ((u.n OPERATOR(pg_catalog.-) 1::bigint) OPERATOR(pg_catalog.%) info.step) OPERATOR(pg_catalog.=) 0::bigint
				OR u.n OPERATOR(pg_catalog.=) epochs(d.curve)) AS l
	)
	SELECT pg_catalog.jsonb_set(pg_catalog.jsonb_set('{
		"$schema": "https://vega.github.io/schema/vega-lite/v5.json",
		"width": 640,
		"height": 360,
		"transform": [{"flatten": ["epoch", "loss"]}],
		"encoding": {
			"x": {"field": "epoch", "type": "quantitative", "title": "epoch",
				"scale": {"nice": false}, "axis": {"grid": false, "format": "d", "labelExpr": "datum.value % 1 === 0 ? datum.label : ''''"}},
			"y": {"field": "loss", "type": "quantitative", "title": "loss"}
		},
		"layer": [
			{"transform": [{"filter": "datum.rank !== null"}],
			 "mark": {"type": "line", "strokeWidth": 1.25, "opacity": 0.8, "strokeCap": "round"},
			 "encoding": {
				"detail": {"field": "rank", "type": "ordinal"},
				"color": {"field": "label", "type": "nominal", "title": "nearest probes",
					"legend": {"labelLimit": 240, "titleLimit": 240, "symbolType": "stroke", "symbolOpacity": 1},
					"scale": {"range": ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"]}},
				"strokeDash": {"field": "label", "type": "nominal", "title": "nearest probes",
					"legend": {"labelLimit": 240, "titleLimit": 240, "symbolType": "stroke", "symbolOpacity": 1},
					"scale": {"range": [[1, 0], [8, 4], [2, 4], [10, 4, 2, 4], [4, 2]]}},
				"tooltip": [
					{"field": "label", "type": "nominal", "title": "label"},
					{"field": "id", "type": "nominal", "title": "probe"},
					{"field": "rank", "type": "ordinal", "title": "rank"},
					{"field": "distance", "type": "quantitative", "title": "distance", "format": ".4~g"}]}},
			{"transform": [{"filter": "datum.rank === null"}],
			 "mark": {"type": "line", "strokeWidth": 3, "color": "#767676", "strokeCap": "round",
				"point": {"filled": true, "size": 30, "color": "#767676"}},
			 "encoding": {
				"tooltip": [
					{"field": "epoch", "type": "quantitative", "title": "epoch"},
					{"field": "loss", "type": "quantitative", "title": "loss", "format": ".4~g"}]}}
		]}'::jsonb OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object(
				'title', pg_catalog.jsonb_build_object('anchor', 'start',
					'text', 'A curve, in grey, among its nearest probes',
					'subtitle', coalesce(
						(SELECT CASE WHEN t.label IS NULL
								THEN pg_catalog.format('not tagged: its novelty of %s is above %s', t.novelty::real, info.max_novelty::real)
								ELSE pg_catalog.format('tagged %s with probability %s', t.label, t.probability::real) END
							FROM tag_metadata(curve, suite) AS t WHERE t.distance IS NOT NULL),
						'no probe is at a defined distance')),
				'data', pg_catalog.jsonb_build_object('values', lines.list)),
		'{layer,0,encoding,color,scale,domain}'::text[], pg_catalog.to_jsonb(info.labels)),
		'{layer,0,encoding,strokeDash,scale,domain}'::text[], pg_catalog.to_jsonb(info.labels))
			-- without a loss the axes have nothing to go by
			OPERATOR(pg_catalog.||) CASE WHEN observed_epochs(curve) OPERATOR(pg_catalog.=) 0::bigint THEN '{"encoding": {
			"x": {"field": "epoch", "type": "quantitative", "title": "epoch", "scale": {"domain": [0, 1]}, "axis": {"grid": false, "labels": false}},
			"y": {"field": "loss", "type": "quantitative", "title": "loss", "scale": {"domain": [0, 1]}, "axis": {"labels": false}}}}'::jsonb
			ELSE '{}'::jsonb END
	FROM info, lines;
END;
COMMENT ON FUNCTION curve_chart(loss_curve, probe_suite) IS
	'Vega-Lite specification: a curve among its nearest probes';

CREATE FUNCTION confusion_chart(suite probe_suite) RETURNS jsonb
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000000
BEGIN ATOMIC
	WITH info AS MATERIALIZED (
		SELECT pg_catalog.to_jsonb(i.labels) AS labels, i.probes FROM probe_suite_info(suite) AS i
	), cells AS (
		SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
				'actual', c.actual, 'predicted', c.predicted, 'count', c.count, 'share', c.share::real)
			ORDER BY c.actual COLLATE pg_catalog."C", c.predicted COLLATE pg_catalog."C") AS list,
			pg_catalog.sum(c.count) FILTER (WHERE c.predicted OPERATOR(pg_catalog.=) c.actual) AS hits,
			pg_catalog.bool_or(c.predicted IS NULL) AS has_none
		FROM (SELECT m.actual, m.predicted, m.count, m.count::double precision OPERATOR(pg_catalog./)
				(pg_catalog.sum(m.count) OVER (PARTITION BY m.actual))::double precision AS share
			FROM probe_suite_confusion(suite) AS m) AS c
	)
	SELECT pg_catalog.jsonb_set(pg_catalog.jsonb_set('{
		"$schema": "https://vega.github.io/schema/vega-lite/v5.json",
		"width": {"step": 64},
		"height": {"step": 36},
		"view": {"fill": "#f7fbff"},
		"encoding": {
			"x": {"field": "predicted", "type": "nominal", "title": "predicted label", "scale": {},
				"axis": {"labelAngle": -30, "labelLimit": 180, "labelExpr": "datum.value === null ? ''(none)'' : datum.label"}},
			"y": {"field": "actual", "type": "nominal", "title": "actual label", "scale": {}, "axis": {"labelLimit": 180}},
			"tooltip": [
				{"field": "actual", "type": "nominal", "title": "actual label"},
				{"field": "predicted", "type": "nominal", "title": "predicted label"},
				{"field": "count", "type": "quantitative", "title": "probes"},
				{"field": "share", "type": "quantitative", "title": "share of the actual label", "format": ".1%"}]
		},
		"layer": [
			{"mark": {"type": "rect"},
			 "encoding": {
				"color": {"field": "share", "type": "quantitative", "title": "share of the actual label",
					"scale": {"domain": [0, 1], "scheme": "blues"}, "legend": {"format": ".0%", "titleLimit": 240}}}},
			{"mark": {"type": "text"},
			 "encoding": {
				"text": {"field": "count", "type": "quantitative"},
				"color": {"condition": {"test": "datum.share > 0.6", "value": "white"}, "value": "black"}}}
		]}'::jsonb OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object(
				'title', pg_catalog.jsonb_build_object('anchor', 'start',
					'text', 'Probes, each classified by all others',
					'subtitle', pg_catalog.format('%s of %s have the label of their nearest probes', coalesce(cells.hits, 0::numeric), info.probes)),
				'data', pg_catalog.jsonb_build_object('values', cells.list)),
		'{encoding,x,scale,domain}'::text[],
			CASE WHEN cells.has_none THEN info.labels OPERATOR(pg_catalog.||) '[null]'::jsonb ELSE info.labels END),
		'{encoding,y,scale,domain}'::text[], info.labels)
	FROM info, cells;
END;
COMMENT ON FUNCTION confusion_chart(probe_suite) IS
	'Vega-Lite specification: how a suite classifies each of its probes by all others (leave one out)';

CREATE FUNCTION reliability_chart(suite probe_suite, bins integer DEFAULT 10) RETURNS jsonb
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000000
BEGIN ATOMIC
	SELECT pg_catalog.jsonb_set('{
		"$schema": "https://vega.github.io/schema/vega-lite/v5.json",
		"width": 320,
		"height": 320,
		"encoding": {
			"x": {"field": "probability", "type": "quantitative", "title": "mean probability",
				"scale": {"domain": [0, 1]}, "axis": {"grid": false}},
			"y": {"field": "hit_rate", "type": "quantitative", "title": "share of right labels", "scale": {"domain": [0, 1]}}
		},
		"layer": [
			{"data": {"values": [{"probability": 0, "hit_rate": 0}, {"probability": 1, "hit_rate": 1}]},
			 "mark": {"type": "line", "color": "#767676", "strokeDash": [4, 4]}},
			{"mark": {"type": "rule", "color": "#D55E00", "strokeWidth": 2},
			 "encoding": {"y2": {"field": "probability"}}},
			{"mark": {"type": "point", "filled": true, "color": "#0072B2", "opacity": 0.9},
			 "encoding": {
				"size": {"field": "count", "type": "quantitative", "title": "probes",
					"scale": {"range": [20, 500]},
					"legend": {"tickCount": 4, "format": ",d", "symbolFillColor": "#0072B2", "symbolStrokeColor": "#0072B2"}},
				"tooltip": [
					{"field": "probability", "type": "quantitative", "title": "mean probability", "format": ".3f"},
					{"field": "hit_rate", "type": "quantitative", "title": "share of right labels", "format": ".3f"},
					{"field": "count", "type": "quantitative", "title": "probes", "format": ",d"}]}}
		]}'::jsonb OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object(
				'title', pg_catalog.jsonb_build_object('anchor', 'start',
					'text', 'How often a probability is right',
					'subtitle', CASE WHEN pg_catalog.count(*) OPERATOR(pg_catalog.>) 0::bigint THEN pg_catalog.format(
						'%s probes, each classified by all others; calibration error %s',
						pg_catalog.sum(r.count), pg_catalog.round(pg_catalog.max(r.calibration_error)::numeric, 4))
						ELSE 'no probe is at a defined distance' END),
				'data', pg_catalog.jsonb_build_object('values', coalesce(
					pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('bin', r.bin, 'probability', r.probability::real,
						'hit_rate', r.hit_rate::real, 'count', r.count) ORDER BY r.bin), '[]'::jsonb))),
		'{layer,2,encoding,size,scale,domain}'::text[],
			pg_catalog.jsonb_build_array(0, coalesce(pg_catalog.max(r.count), 1::bigint)))
	FROM probe_suite_reliability(suite, bins) AS r;
END;
COMMENT ON FUNCTION reliability_chart(probe_suite, integer) IS
	'Vega-Lite specification: how often a suite is right about its probes (leave one out), by the probability that it gives';

-- An empty chart has an axis without warnings.
DROP FUNCTION tag_chart(text[], bigint[]);
CREATE FUNCTION tag_chart(labels text[], counts bigint[]) RETURNS jsonb
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 500
BEGIN ATOMIC
	SELECT pg_catalog.jsonb_set('{
		"$schema": "https://vega.github.io/schema/vega-lite/v5.json",
		"width": 480,
		"height": {"step": 32},
		"encoding": {
			"y": {"field": "label", "type": "nominal", "title": "label", "sort": null,
				"axis": {"labelLimit": 180, "labelExpr": "datum.value === null ? ''(no tag)'' : datum.label"}},
			"x": {"field": "tags", "type": "quantitative", "title": "rows", "scale": {},
				"axis": {"tickCount": 5, "format": ",d", "labelExpr": "datum.value % 1 === 0 ? datum.label : ''''"}},
			"tooltip": [
				{"field": "label", "type": "nominal", "title": "label"},
				{"field": "tags", "type": "quantitative", "title": "rows", "format": ",d"},
				{"field": "share", "type": "quantitative", "title": "share of all rows", "format": ".1%"}]
		},
		"layer": [
			{"mark": {"type": "bar", "color": "#0072B2"}},
			{"mark": {"type": "text", "align": "left", "dx": 4, "color": "#7f7f7f"},
			 "encoding": {"text": {"field": "tags", "type": "quantitative", "format": ",d"}}}
		]}'::jsonb OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object(
				'title', pg_catalog.jsonb_build_object('anchor', 'start',
					'text', 'Tags by label', 'subtitle', pg_catalog.format('%s rows', coalesce(pg_catalog.sum(t.tags), 0::numeric))),
				'data', pg_catalog.jsonb_build_object('values', coalesce(
					pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('label', t.label, 'tags', t.tags, 'share', t.share::real)
						ORDER BY t.tags DESC, t.label COLLATE pg_catalog."C"), '[]'::jsonb))),
		-- without a row the axis has nothing to go by
		'{encoding,x,scale}'::text[],
			CASE WHEN pg_catalog.count(*) OPERATOR(pg_catalog.=) 0::bigint THEN '{"domain": [0, 1]}'::jsonb ELSE '{}'::jsonb END)
	FROM (SELECT u.label, coalesce(u.tags, 0::bigint) AS tags, coalesce(u.tags, 0::bigint)::double precision
				OPERATOR(pg_catalog./) nullif((pg_catalog.sum(u.tags) OVER ())::double precision, 0::double precision) AS share
		FROM ROWS FROM (pg_catalog.unnest(labels), pg_catalog.unnest(counts)) AS u(label, tags)) AS t;
END;
COMMENT ON FUNCTION tag_chart(text[], bigint[]) IS
	'Vega-Lite specification: these labels, and how many rows have each';

-- The curves within a distance

CREATE TYPE loss_curve_ball AS (
	centre loss_curve,
	radius double precision
);
COMMENT ON TYPE loss_curve_ball IS
	'all curves within a Euclidean distance of one: ROW(centre, radius)::loss_curve_ball';

CREATE FUNCTION loss_curve_in_ball(curve loss_curve, ball loss_curve_ball)
	RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_in_ball(loss_curve, loss_curve_ball) IS
	'implementation of <@ operator';

CREATE OPERATOR <@ (
	LEFTARG = loss_curve, RIGHTARG = loss_curve_ball,
	FUNCTION = loss_curve_in_ball,
	RESTRICT = contsel, JOIN = contjoinsel
);
COMMENT ON OPERATOR <@ (loss_curve, loss_curve_ball) IS
	'is within the Euclidean distance';

CREATE FUNCTION loss_curve_within_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION loss_curve_within_support(internal) IS
	'planner support: index condition and selectivity of curves_within';

CREATE FUNCTION curves_within(curve loss_curve, query loss_curve,
							  radius double precision) RETURNS boolean
	AS 'MODULE_PATHNAME', 'loss_curve_within'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	SUPPORT loss_curve_within_support;
COMMENT ON FUNCTION curves_within(loss_curve, loss_curve, double precision) IS
	'are the curves of one length, and their Euclidean distance at most the radius?';

-- An index for the nearest curves: GiST over summaries of them

CREATE TYPE loss_curve_gist_key;

CREATE FUNCTION loss_curve_gist_key_in(cstring) RETURNS loss_curve_gist_key
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION loss_curve_gist_key_in(cstring) IS 'I/O';

CREATE FUNCTION loss_curve_gist_key_out(loss_curve_gist_key) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION loss_curve_gist_key_out(loss_curve_gist_key) IS 'I/O';

CREATE TYPE loss_curve_gist_key (
	INPUT = loss_curve_gist_key_in,
	OUTPUT = loss_curve_gist_key_out,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = plain
);
COMMENT ON TYPE loss_curve_gist_key IS
	'what a GiST index keeps of curves; of no use elsewhere';

-- The operator class

CREATE FUNCTION loss_curve_gist_consistent(internal, loss_curve, smallint, oid,
										   internal) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_gist_consistent(internal, loss_curve, smallint,
											   oid, internal) IS
	'GiST support: may a curve with this key be found?';

CREATE FUNCTION loss_curve_gist_union(internal, internal)
	RETURNS loss_curve_gist_key
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_gist_union(internal, internal) IS
	'GiST support: a key for all of these';

CREATE FUNCTION loss_curve_gist_compress(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_gist_compress(internal) IS
	'GiST support: the key of a curve';

CREATE FUNCTION loss_curve_gist_penalty(internal, internal, internal)
	RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_gist_penalty(internal, internal, internal) IS
	'GiST support: what adding a curve costs';

CREATE FUNCTION loss_curve_gist_picksplit(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_gist_picksplit(internal, internal) IS
	'GiST support: split a page';

CREATE FUNCTION loss_curve_gist_same(loss_curve_gist_key, loss_curve_gist_key,
									 internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_gist_same(loss_curve_gist_key,
										 loss_curve_gist_key, internal) IS
	'GiST support: are the keys equal?';

CREATE FUNCTION loss_curve_gist_distance(internal, loss_curve, smallint, oid,
										 internal) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_gist_distance(internal, loss_curve, smallint,
											 oid, internal) IS
	'GiST support: a lower bound of the distance';

CREATE FUNCTION loss_curve_gist_sortsupport(internal) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION loss_curve_gist_sortsupport(internal) IS
	'GiST support: the order in which an index is built';

CREATE OPERATOR CLASS loss_curve_ops
	DEFAULT FOR TYPE loss_curve USING gist AS
	OPERATOR 1 <-> FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 2 <+> FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 3 <@ (loss_curve, loss_curve_ball),
	FUNCTION 1 loss_curve_gist_consistent(internal, loss_curve, smallint, oid, internal),
	FUNCTION 2 loss_curve_gist_union(internal, internal),
	FUNCTION 3 loss_curve_gist_compress(internal),
	FUNCTION 5 loss_curve_gist_penalty(internal, internal, internal),
	FUNCTION 6 loss_curve_gist_picksplit(internal, internal),
	FUNCTION 7 loss_curve_gist_same(loss_curve_gist_key, loss_curve_gist_key, internal),
	FUNCTION 8 loss_curve_gist_distance(internal, loss_curve, smallint, oid, internal),
	FUNCTION 11 loss_curve_gist_sortsupport(internal),
	STORAGE loss_curve_gist_key;
COMMENT ON OPERATOR CLASS loss_curve_ops USING gist IS
	'the nearest curves by <-> and <+>, and curves_within()';
COMMENT ON OPERATOR FAMILY loss_curve_ops USING gist IS
	'the nearest curves by <-> and <+>, and curves_within()';

-- What the planner thinks that it costs

CREATE FUNCTION loss_curve_distance_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION loss_curve_distance_support(internal) IS
	'planner support: loads the library, which estimates the cost of an index of curves';

ALTER FUNCTION l2_distance(loss_curve, loss_curve)
	SUPPORT loss_curve_distance_support;
ALTER FUNCTION l1_distance(loss_curve, loss_curve)
	SUPPORT loss_curve_distance_support;

-- What refresh_tags sends to the shards of distributed tables: the binary form is
-- read and written in a tenth of the text's time.
CREATE FUNCTION tag_by_binary_suite(curve loss_curve, suite bytea)
	RETURNS metadata_tag
	AS 'MODULE_PATHNAME', 'metaprobe_tag_by_binary_suite'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 250;
COMMENT ON FUNCTION tag_by_binary_suite(loss_curve, bytea) IS
	'tag_metadata with the suite in binary form, for refresh_tags of distributed tables';
