--
-- The version of the library
--
SELECT metaprobe_version() = extversion AS newest FROM pg_extension WHERE extname = 'metaprobe';
SELECT metaprobe_version('0.1.0') = metaprobe_version(metaprobe_version()) AS same;
SELECT metaprobe_version('') IS NULL;
SELECT metaprobe_version('.');
SELECT metaprobe_version('1.');
SELECT metaprobe_version('-1');
SELECT metaprobe_version('1.2.3.4');
SELECT metaprobe_version('1.2 ');
SELECT metaprobe_version('new');
SELECT metaprobe_version(NULL) IS NULL AS strict;

-- The message, without the version that changes.
CREATE FUNCTION pg_temp.try_version(needed text) RETURNS TABLE (state text, message text, hint text)
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM metaprobe_version(needed);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	message := replace(message, metaprobe_version(), '(version)');
	RETURN NEXT;
END $$;
\x on
SELECT needed, (pg_temp.try_version(needed)).* FROM unnest('{99,99.0,99999999999999999999.1.2}'::text[]) AS needed;
SELECT count(*) AS errors FROM unnest(string_to_array(metaprobe_version(), '.')) WITH ORDINALITY AS old(number, part),
	pg_temp.try_version((SELECT string_agg((number::int + (place = part)::int)::text, '.' ORDER BY place)
		FROM unnest(string_to_array(metaprobe_version(), '.')) WITH ORDINALITY AS new(number, place)));
