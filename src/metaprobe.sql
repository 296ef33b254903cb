-- The install script of metaprobe: the files src/*.sql, one per topic.
-- Complain if the script is run by psql rather than by CREATE EXTENSION.
\echo Use "CREATE EXTENSION metaprobe" to load this file. \quit

-- First of all, so that an older library than these declarations are for fails
-- here, whatever else it lacks.
CREATE FUNCTION metaprobe_version(at_least text DEFAULT '0') RETURNS text
	AS 'MODULE_PATHNAME', 'metaprobe_library_0_2_0_or_newer'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION metaprobe_version(text) IS
	'the version of the library; an error if it is older than the given one';
SELECT metaprobe_version('0.2.0'::pg_catalog.text);
