--
-- The text form of probe suites: JSON
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all
\pset format unaligned
\pset tuples_only on

-- all but the probes may be left out, keys may come in any order, and white space anywhere
SELECT '{"probes":[{"label":"a","curve":[1,2]}]}'::probe_suite;
SELECT E' {\n\t"probes" : [ { "curve" : [ 1 , null ] , "id" : null, "label" : "a" } ] , "weights" : "balanced" ,\r\n "k":1 } '::probe_suite;
SELECT '{"band":3,"metric":"dtw","k":2,"version":1,"weights":"distance",
	"probes":[{"label":"b","curve":[2]},{"label":"a","id":"x","curve":[1e-7,1E2,-0.0,-5]}]}'::probe_suite;
-- k is 20 or as many as there are probes; names are JSON strings
SELECT (probe_suite_info(format('{"probes":[%s]}',
	repeat('{"label":"a","curve":[1]},', 24) || '{"label":"a","curve":[1]}')::probe_suite)).k;
SELECT '{"probes":[{"label":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 é","id":"\u0001","curve":[1]}]}'::probe_suite;
SELECT '{"probes":[{"label":"","id":"","curve":[1]}]}'::probe_suite;
SELECT '{"\u0070robes":[{"l\u0061bel":"a","curve":[1]}]}'::probe_suite;
-- text is JSON, and reads back as the same
SELECT jsonb_typeof(suite::text::jsonb), suite::text::probe_suite::text = suite::text
	FROM (VALUES ('{"probes":[{"label":"\u0001\"","curve":[0.1,null,3.4028235e38,1e-45]}]}'::probe_suite)) v(suite);
-- probes are brought into order, equal ones kept
SELECT '{"probes":[{"label":"b","curve":[1]},{"label":"a","curve":[2]},{"label":"a","curve":[1]},{"label":"a","curve":[1]}]}'::probe_suite;
SELECT probe_suite_out(probe_suite_in('{"probes":[{"label":"a","curve":[1]}]}'));
SELECT probe_suite_in(NULL), probe_suite_out(NULL);

-- what is no suite
SELECT input, error_of(format('SELECT %L::probe_suite', input)) FROM unnest(ARRAY[
	'',
	'   ',
	'{',
	'nonsense',
	'null',
	'7',
	'"probes"',
	'[]',
	'[{"label":"a","curve":[1]}]',
	'{}',
	'{"probes":[]}',
	'{"probes":[{"label":"a","curve":[1]}]} x',
	'{"probes":[{"label":"a","curve":[1]}]',
	'{"probes":[{"label":"a","curve":[1]}],}',
	-- wrong keys
	'{"Probes":[{"label":"a","curve":[1]}]}',
	'{"probes":[{"label":"a","curve":[1]}],"size":1}',
	'{"probes":[{"label":"a","curve":[1],"k":1}]}',
	'{"label":"a","curve":[1]}',
	'{"probes":[{"label":"a","curve":[1]}],"probes":[{"label":"a","curve":[1]}]}',
	'{"k":1,"probes":[{"label":"a","curve":[1]}],"k":1}',
	'{"probes":[{"label":"a","curve":[1],"label":"a"}]}',
	'{"probes":[{"label":"a"}]}',
	'{"probes":[{"label":"a","curve":[1]},{"curve":[1]}]}',
	'{"probes":[{}]}',
	-- wrong types
	'{"probes":{"label":"a","curve":[1]}}',
	'{"probes":null}',
	'{"probes":[["a",[1]]]}',
	'{"probes":["a"]}',
	'{"probes":[null]}',
	'{"probes":[{"label":1,"curve":[1]}]}',
	'{"probes":[{"label":null,"curve":[1]}]}',
	'{"probes":[{"label":["a"],"curve":[1]}]}',
	'{"probes":[{"label":{"a":1},"curve":[1]}]}',
	'{"probes":[{"label":"a","id":7,"curve":[1]}]}',
	'{"probes":[{"label":"a","curve":"[1]"}]}',
	'{"probes":[{"label":"a","curve":1}]}',
	'{"probes":[{"label":"a","curve":null}]}',
	'{"probes":[{"label":"a","curve":{"0":1}}]}',
	'{"probes":[{"label":"a","curve":[1,"2"]}]}',
	'{"probes":[{"label":"a","curve":[1,true]}]}',
	'{"probes":[{"label":"a","curve":[1,[2]]}]}',
	'{"probes":[{"label":"a","curve":[1,{}]}]}',
	'{"probes":[{"label":"a","curve":[1]}],"k":"1"}',
	'{"probes":[{"label":"a","curve":[1]}],"k":1.5}',
	'{"probes":[{"label":"a","curve":[1]}],"k":1e0}',
	'{"probes":[{"label":"a","curve":[1]}],"k":null}',
	'{"probes":[{"label":"a","curve":[1]}],"k":[1]}',
	'{"probes":[{"label":"a","curve":[1]}],"metric":1}',
	'{"probes":[{"label":"a","curve":[1]}],"weights":null}',
	'{"probes":[{"label":"a","curve":[1]}],"version":"1"}',
	-- wrong values
	'{"probes":[{"label":"a","curve":[1]}],"version":2}',
	'{"probes":[{"label":"a","curve":[1]}],"k":0}',
	'{"probes":[{"label":"a","curve":[1]}],"k":-1}',
	'{"probes":[{"label":"a","curve":[1]}],"k":2}',
	'{"probes":[{"label":"a","curve":[1]}],"k":10737418240}',
	'{"probes":[{"label":"a","curve":[1]}],"k":99999999999999999999999999}',
	'{"probes":[{"label":"a","curve":[1]}],"metric":"euclid"}',
	'{"probes":[{"label":"a","curve":[1]}],"weights":"euclid"}',
	'{"probes":[{"label":"a","curve":[1]}],"band":1}',
	'{"probes":[{"label":"a","curve":[1]}],"metric":"dtw","band":-1}',
	'{"probes":[{"label":"a","curve":[1]}],"metric":"dtw","band":16001}',
	'{"probes":[{"label":"a","curve":[1]}],"max_novelty":"2"}',
	'{"probes":[{"label":"a","curve":[1]}],"max_novelty":null}',
	'{"probes":[{"label":"a","curve":[1]}],"max_novelty":[2]}',
	'{"probes":[{"label":"a","curve":[1]}],"max_novelty":0}',
	'{"probes":[{"label":"a","curve":[1]}],"max_novelty":-0.5}',
	'{"probes":[{"label":"a","curve":[1]}],"max_novelty":1e999}',
	'{"probes":[{"label":"a","curve":[1]}],"max_novelty":1e-999}',
	'{"probes":[{"label":"a","curve":[1]}],"max_novelty":Infinity}',
	'{"probes":[{"label":"a","curve":[1,1e39]}]}',
	'{"probes":[{"label":"a","curve":[1]},{"label":"a","curve":[1,2,1e999]}]}',
	'{"probes":[{"label":"a","curve":[Infinity]}]}',
	'{"probes":[{"label":"a","curve":[]}]}',
	'{"probes":[{"label":"a","curve":[null]}]}',
	'{"probes":[{"label":"\u0000","curve":[1]}]}',
	'{"probes":[{"label":"\ud83d","curve":[1]}]}',
	'{"probes":[{"label":"\x","curve":[1]}]}'
]) input;

-- the limit of novelty, in the digits that give the same bits
SELECT suite, suite::text::probe_suite::text = suite::text AS same FROM unnest('{2,0.1,1.7976931348623157e308,5e-324}'::float8[]) x,
	configure_probe_suite('{"max_novelty":7,"probes":[{"label":"a","curve":[1]}]}', max_novelty => x) suite;

-- too long a curve, and too deep a nesting
SELECT error_of(format('SELECT %L::probe_suite',
	'{"probes":[{"label":"a","curve":[' || repeat('1,', 16000) || '1]}]}'));
SELECT error_of(format('SELECT %L::probe_suite', repeat('[', 100000)));
SELECT error_of(format('SELECT %L::probe_suite', '{"probes":' || repeat('[', 100000)));
-- from PostgreSQL 16 on, errors are soft (and the test is the same without)
DO $$
DECLARE
	input text;
	is_valid boolean := false;
BEGIN
	FOREACH input IN ARRAY ARRAY['', '{', 'x', '[]', '{"size":1}', '{"probes":[]}', '{"probes":[{"label":"a"}]}',
		'{"probes":[{"label":"a","curve":[null]}]}',
		'{"probes":[{"label":"a","curve":[1e999]}]}', '{"probes":[{"label":"a","curve":["1"]}]}',
			'{"k":0,"probes":[{"label":"a","curve":[1]}]}',
		'{"metric":"x","probes":[{"label":"a","curve":[1]}]}', '{"weights":"x","probes":[{"label":"a","curve":[1]}]}',
		'{"band":1,"probes":[{"label":"a","curve":[1]}]}', '{"version":2,"probes":[{"label":"a","curve":[1]}]}',
			'{"k":1,"k":1}',
		'{"probes":[{"label":"a","curve":[' || repeat('1,', 16000) || '1]}]}'] LOOP
		IF current_setting('server_version_num')::integer >= 160000 THEN
			EXECUTE 'SELECT pg_input_is_valid($1, ''probe_suite'')' INTO is_valid USING input;
		END IF;
		ASSERT NOT is_valid, left(input, 100);
	END LOOP;
	IF current_setting('server_version_num')::integer >= 160000 THEN
		EXECUTE 'SELECT pg_input_is_valid(''{"probes":[{"label":"a","curve":[1]}]}'', ''probe_suite'')' INTO is_valid;
		ASSERT is_valid;
	END IF;
END
$$;
-- long input is not quoted back
SELECT length(error_of(format('SELECT %L::probe_suite', input))) < 500
	FROM repeat('x', 1000000) long, LATERAL unnest(ARRAY[
		long,
		'{"' || long || '":1}',
		'{"k":' || long || '}',
		'{"k":' || repeat('1', 1000000) || '}',
		'{"metric":"' || long || '"}',
		'{"metric":"' || long,
		'{"probes":[{"label":"' || long || '"}]}',
		'{"probes":[{"label":"' || long || '","curve":[null]}]}',
		'{"probes":[{"label":"a","curve":[1' || repeat('0', 1000000) || ']}]}',
		'{"probes":[{"label":"a","curve":[' || long || ']}]}'
	]) input;
