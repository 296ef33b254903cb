--
-- Functions that several regression tests share, in a schema of their own.
-- The tests read this file with
--
--   \set ECHO none
--   \getenv srcdir PG_ABS_SRCDIR
--   \set helper :srcdir '/test/sql/helper.sql'
--   \i :helper
--   \set ECHO all
--
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS test;
SET search_path = public, test;

-- What a command fails with.  VERBOSITY verbose would show lines of C.
CREATE OR REPLACE FUNCTION test.error_of(command text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	code text;
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS
		code = RETURNED_SQLSTATE,
		message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL,
		hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', code || ': ' || message,
		'DETAIL:  ' || nullif(detail, ''),
		'HINT:  ' || nullif(hint, ''));
END
$$;

-- What the binary input function of a type makes of these bytes, as text, or
-- what it fails with.  COPY is the way to it, since internal arguments cannot
-- be written in SQL.  It leaves a file, which forget_received() removes.
CREATE OR REPLACE FUNCTION test.received_file() RETURNS text LANGUAGE sql AS $$
	SELECT current_setting('data_directory') || '/metaprobe_received_' || pg_backend_pid()
$$;

CREATE OR REPLACE FUNCTION test.receive(type regtype, bytes bytea, typmod text DEFAULT '')
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	stream bytea := '\x5047434f50590aff0d0a00' -- signature
		|| int4send(0) || int4send(0)
		|| int2send(1::int2) || int4send(length(bytes)) || bytes
		|| int2send(-1::int2);
	source oid := lo_from_bytea(0, stream);
	target text := format('pg_temp.%I', 'received ' || type || typmod);
	result text;
BEGIN
	PERFORM lo_export(source, test.received_file()), lo_unlink(source);
	IF to_regclass(target) IS NULL THEN
		EXECUTE format('CREATE TEMP TABLE %s (value %s%s)', target, type, typmod);
	END IF;
	result := test.error_of(format('COPY %s FROM %L (FORMAT binary)', target, test.received_file()));
	IF result = 'no error' THEN
		EXECUTE format('DELETE FROM %s RETURNING value::text', target) INTO result;
	END IF;
	RETURN result;
END
$$;

CREATE OR REPLACE FUNCTION test.forget_received() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('COPY (SELECT) TO PROGRAM %L', format('cat > /dev/null; rm -f ''%s''', test.received_file()));
END
$$;

-- The nodes of a plan, indented, without what differs between server versions.
CREATE OR REPLACE FUNCTION test.plan_nodes(plan json, depth integer) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	child json;
BEGIN
	RETURN NEXT repeat('  ', depth) || concat_ws(' ',
		nullif(plan ->> 'Parent Relationship', 'Outer')
			|| ':',
		nullif(plan ->> 'Partial Mode', 'Simple'),
		plan ->> 'Strategy', plan ->> 'Node Type',
		'on ' || (plan ->> 'Relation Name'));
	FOR child IN SELECT json_array_elements(plan -> 'Plans') LOOP
		RETURN QUERY SELECT test.plan_nodes(child, depth + 1);
	END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION test.plan_of(query text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON, COSTS OFF) ' || query INTO plan;
	RETURN QUERY SELECT test.plan_nodes(plan -> 0 -> 'Plan', 0);
END
$$;

-- A curve of n epochs, each loss of a scale that varies over many powers of
-- ten, zero or repeated now and then, missing with the given probability.
CREATE OR REPLACE FUNCTION test.random_curve(n integer, missing double precision DEFAULT 0)
RETURNS loss_curve
LANGUAGE sql VOLATILE AS $$
	SELECT coalesce(array_agg(
		CASE
			WHEN random() < missing THEN NULL
			WHEN random() < 0.1 THEN floor(random() * 3)
			ELSE (random() - 0.1) * 10 ^ (random() * 4 - 2)
		END ORDER BY epoch), '{}')::loss_curve
	FROM generate_series(1, n) epoch
$$;

-- Memory that this backend holds, in bytes
CREATE OR REPLACE FUNCTION test.memory_used() RETURNS bigint
LANGUAGE sql VOLATILE AS
	'SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts';

RESET client_min_messages;
