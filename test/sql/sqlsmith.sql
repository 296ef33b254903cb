--
-- What makes sqlsmith call metaprobe often, in a database of its own, with the
-- tables of values.sql.
--

-- It calls no set-returning functions, but reads views.
CREATE VIEW neighbours AS SELECT c.id, n.rank, n.label, n.distance, n.curve
	FROM curves AS c, one_suite, nearest_probes(c.curve, suite, 3) AS n;
CREATE VIEW probabilities AS SELECT c.id, s.name, p.label, p.probability, p.votes, p.distance
	FROM curves AS c, suites AS s, metadata_probabilities(c.curve, s.suite) AS p WHERE c.id < 20;
CREATE VIEW logged AS SELECT * FROM loss_curves('log');
CREATE VIEW facts AS SELECT s.name, i.* FROM suites AS s, probe_suite_info(s.suite) AS i;
CREATE VIEW members AS SELECT s.name, p.* FROM suites AS s, probe_suite_probes(s.suite) AS p;
CREATE VIEW confusion AS SELECT s.name, c.* FROM suites AS s, probe_suite_confusion(s.suite) AS c
	WHERE s.name IN ('ordinary', 'fitted', 'edges');
CREATE VIEW reliability AS SELECT r.* FROM one_suite, probe_suite_reliability(suite) AS r;
CREATE VIEW judged AS SELECT id, curve, id % 2 = 0 AS truth FROM curves WHERE name = 'ordinary';
CREATE VIEW detectors AS SELECT d.* FROM compare_detectors('judged', 'truth', 'probes', 'noise') AS d;

-- It reads pg_proc by its bare name.  This one lists metaprobe's functions and
-- what the server has for the types around them.
CREATE SCHEMA smith;
CREATE VIEW smith.pg_proc AS SELECT * FROM pg_catalog.pg_proc AS p
	WHERE EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_catalog.pg_proc'::regclass AND objid = p.oid
			AND deptype = 'e')
		OR pronamespace = 'pg_catalog'::regnamespace AND provolatile = 'i' AND NOT proretset
			AND (proargtypes::oid[] || prorettype) <@ ARRAY['int4', 'int8', 'float4', 'float8', 'text', 'bool',
				'jsonb', '_float4', '_float8', '_text']::regtype[]::oid[];
-- Of the same kind: values of pseudo-types, half of all that it would write, are
-- refused, so here these have names of real ones.
CREATE VIEW smith.pg_type AS SELECT oid, typnamespace, typdelim, typrelid, typelem, typarray, typtype,
		coalesce((SELECT real_name FROM (VALUES ('anyrange', 'int4range'), ('anymultirange', 'int4multirange')) AS v(name, real_name)
			WHERE name = typname), typname) AS typname
	FROM pg_catalog.pg_type;
ALTER DATABASE smith SET metaprobe.default_suite = 'hostile.one_suite';
ALTER DATABASE smith SET search_path = smith, pg_catalog, hostile, public;
