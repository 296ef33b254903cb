--
-- What every object of the extension must have.  A new object that lacks a
-- comment, a parallel label, a cost or a test makes this test fail.
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

SELECT extrelocatable AS relocatable, extconfig IS NULL AS owns_no_table FROM pg_extension WHERE extname = 'metaprobe';
CREATE TEMP VIEW members AS
	SELECT classid, objid, pg_describe_object(classid, objid, 0) AS object FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass
		AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'metaprobe') AND deptype = 'e';
CREATE TEMP VIEW functions AS
	SELECT p.*, p.oid::regprocedure AS signature,
		'internal'::regtype = ANY (proargtypes::oid[] || prorettype) AS is_internal
	FROM pg_proc p JOIN members ON classid = 'pg_proc'::regclass AND objid = oid;
SELECT classid::regclass AS kind, count(*) > 0 AS some FROM members
	GROUP BY classid ORDER BY classid::regclass::text COLLATE "C";

-- no comment
SELECT object FROM members
	WHERE classid NOT IN ('pg_cast'::regclass, 'pg_amop'::regclass, 'pg_amproc'::regclass)
		AND coalesce(obj_description(objid, classid::regclass::name), '') = ''
	AND NOT (classid = 'pg_type'::regclass AND objid IN (SELECT typarray FROM pg_type))
	ORDER BY object COLLATE "C";
-- not parallel safe: what writes, what would assemble all curves in every worker, and what has workers of its own
SELECT signature, proparallel FROM functions WHERE proparallel <> 's' ORDER BY signature::text COLLATE "C";
-- the cost of 1 that a function has if nobody thought of it: these are that cheap
SELECT signature FROM functions WHERE procost = 1 AND prokind = 'f' ORDER BY signature::text COLLATE "C";
-- set-returning functions, and how many rows the planner expects
SELECT signature, prorows FROM functions WHERE proretset ORDER BY signature::text COLLATE "C";
-- not IMMUTABLE: what reads a relation or a setting, and what writes statistics
SELECT signature, provolatile FROM functions WHERE provolatile <> 'i' ORDER BY signature::text COLLATE "C";
-- not STRICT: what has a use for NULL, and what aggregates call
SELECT signature FROM functions WHERE NOT proisstrict AND prokind = 'f' ORDER BY signature::text COLLATE "C";
-- security definers, leakproof functions, settings of functions, languages but C: none, but for
-- functions in SQL whose body was parsed when they were created
SELECT signature FROM functions
	WHERE prosecdef OR proleakproof OR proconfig IS NOT NULL
		OR prosqlbody IS NULL AND prolang <> (SELECT oid FROM pg_language
		WHERE lanname = CASE prokind WHEN 'a' THEN 'internal' ELSE 'c' END);
SELECT signature, lanname FROM functions JOIN pg_language l ON l.oid = prolang WHERE prosqlbody IS NOT NULL
	ORDER BY signature::text COLLATE "C";
-- aggregates that could not run in parallel: none
SELECT signature FROM functions JOIN pg_aggregate ON aggfnoid = oid
	WHERE aggcombinefn = 0 OR aggtranstype = 'internal'::regtype AND (aggserialfn = 0 OR aggdeserialfn = 0)
		OR aggtransspace = 0;
-- types
SELECT typname, typlen, typalign, typstorage, typsend <> 0 AND typreceive <> 0 AS binary, typanalyze, typsubscript
	FROM pg_type JOIN members ON classid = 'pg_type'::regclass AND objid = pg_type.oid WHERE typelem = 0
		OR typsubscript <> 'array_subscript_handler'::regproc
	ORDER BY typname;
-- operator classes are complete
SELECT opcname, amname, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
	JOIN members ON classid = 'pg_opclass'::regclass AND objid = c.oid ORDER BY amname;
-- operators: commutator, negator, whether they hash and merge, selectivity
SELECT o.oid::regoperator AS operator, oprcom::regoperator AS commutator,
	nullif(oprnegate, 0)::regoperator AS negator, oprcanhash AS hash, oprcanmerge AS merge, oprrest, oprjoin
	FROM pg_operator o JOIN members ON classid = 'pg_operator'::regclass
		AND objid = o.oid ORDER BY o.oid::regoperator::text COLLATE "C";
-- the whole interface
\pset format unaligned
\pset tuples_only on
SELECT CASE prokind WHEN 'a' THEN 'aggregate ' WHEN 'p' THEN 'procedure ' ELSE '' END || proname
		|| '(' || pg_get_function_arguments(oid) || ')' || coalesce(' -> ' || pg_get_function_result(oid), '')
	FROM functions WHERE NOT is_internal OR prokind = 'a' ORDER BY proname COLLATE "C",
		pg_get_function_arguments(oid) COLLATE "C";

\pset format aligned
\pset tuples_only off

-- not mentioned in any regression test: none.  Those that take or return
-- internal values cannot be called by name, but by the object that has them.
\set tests `find "$PG_ABS_SRCDIR"/sql -name '*.sql' ! -name catalog.sql -exec cat {} +`
SELECT DISTINCT proname FROM functions WHERE NOT (is_internal AND prokind = 'f')
	AND :'tests' !~ ('\m' || proname || '\M') ORDER BY proname;
SELECT signature FROM functions WHERE is_internal AND prokind = 'f'
	AND oid NOT IN (SELECT unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn])
		FROM pg_aggregate)
	AND oid NOT IN (SELECT unnest(ARRAY[typinput, typreceive, typmodin, typanalyze, typsubscript]) FROM pg_type)
	AND oid NOT IN (SELECT prosupport FROM pg_proc) AND oid NOT IN (SELECT amproc FROM pg_amproc);
SELECT object FROM members WHERE classid = 'pg_operator'::regclass
	AND position((SELECT oprname FROM pg_operator WHERE oid = objid) IN :'tests') = 0;
-- every name is our own, or is expected by PostgreSQL's users
SELECT DISTINCT proname FROM functions WHERE proname !~ '^(loss_curve|probe_suite|knn|metaprobe)' ORDER BY proname;
DROP VIEW functions, members;
