
CREATE PROCEDURE refresh_tags(
	tag_table regclass,
	source regclass,
	suite regclass,
	curve_column text DEFAULT NULL,
	batch_size integer DEFAULT 10000,
	INOUT added bigint DEFAULT NULL,
	INOUT changed bigint DEFAULT NULL,
	INOUT removed bigint DEFAULT NULL,
	INOUT unchanged bigint DEFAULT NULL)
	AS 'MODULE_PATHNAME', 'metaprobe_refresh_tags' LANGUAGE C;
COMMENT ON PROCEDURE refresh_tags(regclass, regclass, regclass, text, integer, bigint, bigint, bigint, bigint) IS
	'bring a tag table up to date with its source and a probe suite, in batches that are committed one by one';
