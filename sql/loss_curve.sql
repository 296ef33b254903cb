--
-- The type loss_curve: text and binary form, length, layout
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

-- text: a JSON array, the shortest digits that read back the same bits
SELECT '[2.3026,1.91,null,0.4]'::loss_curve;
SELECT '[]'::loss_curve, ' [ ] '::loss_curve;
SELECT loss_curve '[1]', loss_curve('[1]');
SELECT E' [ 1 ,\n2\t, null\r, 3e0 ] '::loss_curve AS white_space;
SELECT '[NULL,Null,NaN,nan,NAN]'::loss_curve AS missing_in_any_case;
SELECT '[1.,.5,+2,-3,0012,1E2,1e-2,5e+1]'::loss_curve AS ways_to_write_numbers;
SELECT '[0.1,0.3,16777217,123456789,1e10,1e-7]'::loss_curve AS rounded_to_real;
-- from strings, not by a detour through double precision
SELECT '[1.00000005960464477539062499]'::loss_curve AS below_half,
	'[1.000000059604644775390625]'::loss_curve AS half,
	'[1.00000005960464477539062501]'::loss_curve AS above_half;
-- minus zero is zero; what is too small is zero; denormals and the largest stay
SELECT '[-0,-0.0,-1e-60]'::loss_curve AS no_minus_zero;
SELECT '[1e-46,1.4e-45,1.17549435e-38,3.4028235e38,-3.4028235e38]'::loss_curve AS extreme;
-- a curve is its own JSON
SELECT '[2.3026,1.91,null,0.4,1e-7,3.4028235e38]'::loss_curve::text::json;

-- binary: version, number of epochs, losses (NaN where missing)
SELECT loss_curve_send('[1,null,-2]');
SELECT loss_curve_send('[]');
SELECT receive('loss_curve', loss_curve_send('[1,null,-2]'));
-- minus zero and any NaN turn into the one form there is
SELECT receive('loss_curve', '\x01 00000003 80000000 ffc00001 7f800001');

-- length
SELECT epochs('[]'), epochs('[1,null]'), epochs('[1,2,3]');
SELECT observed_epochs('[]'), observed_epochs('[null]'), observed_epochs('[1,null,3,nan]');
SELECT pg_typeof(epochs('[]')), pg_typeof(observed_epochs('[]'));
SELECT epochs(NULL), observed_epochs(NULL);
-- 8 bytes of header, 4 of each epoch; 3 less while the header is short
SELECT pg_column_size(array_fill(1.0, ARRAY[90])::loss_curve) AS in_memory;
CREATE TABLE curves (id integer PRIMARY KEY, curve loss_curve);
INSERT INTO curves SELECT n, array_fill(0.5, ARRAY[n])::loss_curve
	FROM unnest('{0,1,28,29,30,31,90,500,600,16000}'::int[]) n;
SELECT id, pg_column_size(curve) FROM curves ORDER BY id;
-- inline and uncompressed at ordinary lengths, out of line at large ones
SELECT attstorage FROM pg_attribute WHERE attrelid = 'curves'::regclass AND attname = 'curve';
SELECT pg_relation_size(reltoastrelid) BETWEEN 64004 AND 100000 AS some_out_of_line
	FROM pg_class WHERE oid = 'curves'::regclass;
-- read through every kind of header
SELECT bool_and(epochs(curve) = id AND observed_epochs(curve) = id
	AND curve = array_fill(0.5, ARRAY[id])::loss_curve) FROM curves;
-- and compressed, for those who ask for it
CREATE TABLE compressed (id integer, curve loss_curve COMPRESSION pglz);
ALTER TABLE compressed ALTER curve SET STORAGE EXTENDED;
INSERT INTO compressed SELECT id, curve || '[]' FROM curves;
SELECT id, pg_column_size(curve) < 4 * id AS smaller, epochs(curve), curve[id - 1] FROM compressed WHERE id >= 600 ORDER BY id;
SELECT bool_and(c.curve = d.curve AND observed_epochs(d.curve) = id) FROM curves c JOIN compressed d USING (id);

-- loss_curve(n)
CREATE TABLE fixed (curve loss_curve(3), free loss_curve);
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
	WHERE attrelid = 'fixed'::regclass AND attnum > 0 ORDER BY attnum;
INSERT INTO fixed VALUES ('[1,2,3]', '[1]'), (NULL, NULL), ('[null,null,null]', '[]');
INSERT INTO fixed VALUES ('[1,2]', '[1]');
INSERT INTO fixed VALUES ('[1,2,3,4]', '[1]');
INSERT INTO fixed VALUES ('{1,2}'::real[], '[1]');
INSERT INTO fixed SELECT free, free FROM fixed;
UPDATE fixed SET curve = free;
COPY fixed (curve) FROM stdin;
[4,5,6]
[4,5]
\.
SELECT '[1,2]'::loss_curve(2), '[1,2]'::loss_curve::loss_curve(2);
SELECT '[1,2]'::loss_curve(3);
SELECT '[1,2]'::loss_curve::loss_curve(3);
SELECT receive('loss_curve', loss_curve_send('[1,2]'), '(2)');
SELECT receive('loss_curve', loss_curve_send('[1,2]'), '(3)');
ALTER TABLE fixed ALTER free TYPE loss_curve(1);
SELECT '[]'::loss_curve(16000);
SELECT NULL::loss_curve(0);
SELECT NULL::loss_curve(16001);
SELECT NULL::loss_curve(-1);
SELECT NULL::loss_curve(1, 2);
SELECT NULL::loss_curve(x);
SELECT * FROM fixed ORDER BY curve;

-- arrays and COPY, domains and composites of curves
SELECT ARRAY['[1]', NULL, '[null,2]']::loss_curve[];
COPY (SELECT * FROM fixed ORDER BY curve) TO stdout;
CREATE DOMAIN started AS loss_curve CHECK (observed_epochs(VALUE) > 0);
SELECT '[1]'::started, ROW('[1,null]'::loss_curve, 'a');
SELECT '[null]'::started;

-- at most 16,000 epochs
SELECT epochs(('[' || repeat('1,', 15999) || '1]')::loss_curve);
SELECT ('[' || repeat('1,', 16000) || '1]')::loss_curve;

-- from PostgreSQL 16 on, errors are soft (and the test is the same without)
DO $$
DECLARE
	input text;
	is_valid boolean := false;
	code text;
BEGIN
	FOREACH input IN ARRAY ARRAY['', '[1', '[1] x', '[a]', '[Infinity]', '[1e999]',
		'[' || repeat('1,', 16000) || '1]'] LOOP
		IF current_setting('server_version_num')::integer >= 160000 THEN
			EXECUTE 'SELECT pg_input_is_valid($1, ''loss_curve'')' INTO is_valid USING input;
		END IF;
		ASSERT NOT is_valid, left(input, 100);
	END LOOP;
	IF current_setting('server_version_num')::integer >= 160000 THEN
		EXECUTE 'SELECT pg_input_is_valid(''[1,null]'', ''loss_curve'')' INTO is_valid;
		ASSERT is_valid;
		EXECUTE 'SELECT pg_input_is_valid(''[1,null]'', ''loss_curve(3)'')' INTO is_valid;
		ASSERT NOT is_valid;
		EXECUTE 'SELECT sql_error_code FROM pg_input_error_info(''[1e999]'', ''loss_curve'')' INTO code;
		ASSERT code = '22003', code;
	END IF;
END
$$;

-- the I/O functions are STRICT, and can be called by name
SELECT loss_curve_in(NULL, 0, -1), loss_curve_out(NULL), loss_curve_send(NULL);
SELECT loss_curve_in('[1,2]', 0, 2), loss_curve_out('[1,2]');
SELECT loss_curve_in('[1,2]', 0, 3);
SELECT loss_curve_typmod_in('{90}'), loss_curve_typmod_out(90);
SELECT loss_curve('[1,2]'::loss_curve, 2, true);
SELECT loss_curve('[1,2]'::loss_curve, 1, false);

SELECT forget_received();
DROP TABLE curves, compressed, fixed;
DROP DOMAIN started;
