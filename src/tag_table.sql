
-- Tag tables

CREATE FUNCTION create_tag_table(name text, source regclass, key_columns text[] DEFAULT NULL)
	RETURNS regclass
	AS 'MODULE_PATHNAME', 'metaprobe_create_tag_table'
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION create_tag_table(text, regclass, text[]) IS
	'create a table of tags for the rows of a relation, to be filled by refresh_tags';
