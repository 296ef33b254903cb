/*
 * refresh_statements.c
 *		The statements that a refresh of a tag table consists of.
 *
 * Every name and operator is qualified, for they run with the caller's
 * search_path, as the source may be a view that needs it.  Nothing is compared
 * by IS DISTINCT FROM, which looks up its operator in that path.  Columns are
 * qualified wherever the tag table is at hand, which may have any others.
 *
 * In all of them s is the source, t the tag table, w the work table, which has
 * the key columns as key_1, key_2, ...
 *
 * Where tables are distributed there is no work table: each statement finds by
 * itself what is to be done, and does it, by joins on the keys alone, so that it
 * can run wherever the rows are.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "refresh_statements.h"
#include "tag_table.h"

/* "s.k AS key_1, s.l AS key_2" */
static void
append_keys_of(StringInfo sql, const RefreshNames *names, const char *alias)
{
	for (int i = 0; i < names->n_keys; i++)
		appendStringInfo(sql, "%s%s.%s AS key_%d", i > 0 ? ", " : "", alias,
						 names->keys[i], i + 1);
}

/* "key_1, key_2" */
static void
append_work_keys(StringInfo sql, const RefreshNames *names)
{
	for (int i = 0; i < names->n_keys; i++)
		appendStringInfo(sql, "%skey_%d", i > 0 ? ", " : "", i + 1);
}

/* "k, l" */
static void
append_keys(StringInfo sql, const RefreshNames *names)
{
	for (int i = 0; i < names->n_keys; i++)
		appendStringInfo(sql, "%s%s", i > 0 ? ", " : "", names->keys[i]);
}

/* "t.k = s.k AND t.l = s.l" */
static void
append_match(StringInfo sql, const RefreshNames *names, const char *a,
			 const char *b)
{
	for (int i = 0; i < names->n_keys; i++)
		appendStringInfo(sql, "%s%s.%s %s %s.%s", i > 0 ? " AND " : "", a,
						 names->keys[i], names->equals[i], b, names->keys[i]);
}

/* "t.k = w.key_1 AND t.l = w.key_2" */
static void
append_work_match(StringInfo sql, const RefreshNames *names, const char *a,
				  const char *work)
{
	for (int i = 0; i < names->n_keys; i++)
		appendStringInfo(sql, "%s%s.%s %s %s.key_%d", i > 0 ? " AND " : "", a,
						 names->keys[i], names->equals[i], work, i + 1);
}

/* The hash of the curve in the source, 0 if that is null. */
static void
append_curve_hash(StringInfo sql, const RefreshNames *names)
{
	appendStringInfo(sql,
					 "coalesce(%s.loss_curve_hash_extended("
					 "s.%s::%s.loss_curve, 0::pg_catalog.int8), "
					 "0::pg_catalog.int8)",
					 names->schema, names->curve, names->schema);
}

/*
 * A key that is null or not unique, as text, and whether it is null; for
 * sources where no index sees to that.
 */
char *
metaprobe_bad_key_statement(const RefreshNames *names)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT pg_catalog.concat_ws(', '");
	for (int i = 0; i < names->n_keys; i++)
		appendStringInfo(&sql, ", s.%s", names->keys[i]);
	appendStringInfoString(&sql, "), ");
	for (int i = 0; i < names->n_keys; i++)
		appendStringInfo(&sql, "%ss.%s IS NULL", i > 0 ? " OR " : "",
						 names->keys[i]);
	appendStringInfo(&sql, " FROM %s AS s GROUP BY ", names->source);
	for (int i = 0; i < names->n_keys; i++)
		appendStringInfo(&sql, "%ss.%s", i > 0 ? ", " : "", names->keys[i]);
	appendStringInfoString(
		&sql,
		" HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1::pg_catalog.int8");
	for (int i = 0; i < names->n_keys; i++)
		appendStringInfo(&sql, " OR s.%s IS NULL", names->keys[i]);
	appendStringInfoString(&sql, " LIMIT 1");
	return sql.data;
}

/* FROM and what follows: tags whose row is gone. */
static void
append_orphans(StringInfo sql, const RefreshNames *names)
{
	appendStringInfo(sql,
					 "FROM %s AS t WHERE NOT EXISTS (SELECT FROM %s AS s "
					 "WHERE ",
					 names->tag_table, names->source);
	append_match(sql, names, "t", "s");
	appendStringInfoChar(sql, ')');
}

/*
 * Fill the work table: keys of rows that have no tag by this curve and suite,
 * with hash and tag, and keys of tags that have no row, with neither.
 * Parameters: suite, its hash.
 */
char *
metaprobe_classify_statement(const RefreshNames *names)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql,
						   "CREATE TEMPORARY TABLE pg_temp." REFRESH_WORK_TABLE
						   " AS SELECT ");
	append_work_keys(&sql, names);
	appendStringInfo(&sql, ", curve_hash, %s.tag_metadata(curve, $1) AS tag",
					 names->schema);

	appendStringInfoString(&sql, " FROM (SELECT ");
	append_keys_of(&sql, names, "s");
	appendStringInfo(&sql, ", s.%s::%s.loss_curve AS curve, ", names->curve,
					 names->schema);
	append_curve_hash(&sql, names);
	appendStringInfo(&sql,
					 " AS curve_hash, t.curve_hash AS tagged_curve, "
					 "t.suite_hash AS tagged_suite "
					 "FROM %s AS s LEFT JOIN %s AS t ON ",
					 names->source, names->tag_table);
	append_match(&sql, names, "t", "s");
	appendStringInfoString(
		&sql, ") AS c WHERE (tagged_curve OPERATOR(pg_catalog.=) curve_hash "
			  "AND tagged_suite OPERATOR(pg_catalog.=) $2) IS NOT TRUE ");

	appendStringInfoString(&sql, "UNION ALL SELECT ");
	append_keys_of(&sql, names, "t");
	appendStringInfo(&sql, ", NULL::pg_catalog.int8, NULL::%s.metadata_tag ",
					 names->schema);
	append_orphans(&sql, names);
	return sql.data;
}

/*
 * What is true now of a range of the work table: is the row there, and by
 * which curve is it tagged.  The tag is the one at hand if it is by the same
 * curve and suite.
 */
static void
append_state(StringInfo sql, const RefreshNames *names)
{
	appendStringInfoString(sql, "SELECT ");
	for (int i = 0; i < names->n_keys; i++)
		appendStringInfo(sql, "w.key_%d, ", i + 1);
	appendStringInfo(sql, "s.%s IS NOT NULL AS is_there, ", names->keys[0]);
	append_curve_hash(sql, names);
	appendStringInfoString(sql,
						   " AS curve_hash, CASE WHEN $5 AND w.curve_hash "
						   "OPERATOR(pg_catalog.=) ");
	append_curve_hash(sql, names);
	appendStringInfo(
		sql,
		" THEN w.tag ELSE %s.tag_metadata(s.%s::%s.loss_curve, $1) END AS tag "
		"FROM pg_temp." REFRESH_WORK_TABLE " AS w LEFT JOIN %s AS s ON ",
		names->schema, names->curve, names->schema, names->source);
	append_work_match(sql, names, "s", "w");
	appendStringInfoString(sql, " WHERE w.ctid OPERATOR(pg_catalog.>=) $3 "
								"AND w.ctid OPERATOR(pg_catalog.<) $4");
}

static void
append_delete(StringInfo sql, const RefreshNames *names)
{
	appendStringInfo(sql,
					 "DELETE FROM %s AS t USING state "
					 "WHERE NOT state.is_there AND ",
					 names->tag_table);
	append_work_match(sql, names, "t", "state");
	appendStringInfoString(sql, " RETURNING 1");
}

static void
append_update(StringInfo sql, const RefreshNames *names)
{
	appendStringInfo(sql, "UPDATE %s AS t SET ", names->tag_table);
	for (int i = 0; i < N_METADATA_COLUMNS; i++)
		appendStringInfo(sql, "%s = (state.tag).%s, ",
						 metaprobe_tag_columns[i].name,
						 metaprobe_tag_columns[i].name);
	appendStringInfoString(sql,
						   "curve_hash = state.curve_hash, suite_hash = $2, "
						   "tagged_at = pg_catalog.now() FROM state "
						   "WHERE state.is_there AND ");
	append_work_match(sql, names, "t", "state");
	appendStringInfoString(
		sql, " AND (t.curve_hash OPERATOR(pg_catalog.=) state.curve_hash "
			 "AND t.suite_hash OPERATOR(pg_catalog.=) $2) IS NOT TRUE "
			 "RETURNING 1");
}

static void
append_insert(StringInfo sql, const RefreshNames *names)
{
	appendStringInfo(sql, "INSERT INTO %s (", names->tag_table);
	append_keys(sql, names);
	for (int i = 0; i < N_TAG_COLUMNS; i++)
		appendStringInfo(sql, ", %s", metaprobe_tag_columns[i].name);
	appendStringInfoString(sql, ") SELECT ");
	append_work_keys(sql, names);
	for (int i = 0; i < N_METADATA_COLUMNS; i++)
		appendStringInfo(sql, ", (tag).%s", metaprobe_tag_columns[i].name);
	appendStringInfo(
		sql,
		", curve_hash, $2, pg_catalog.now() FROM state "
		"WHERE state.is_there AND NOT EXISTS (SELECT FROM %s AS t "
		"WHERE ",
		names->tag_table);
	append_work_match(sql, names, "t", "state");
	appendStringInfoString(sql, ") RETURNING 1");
}

/*
 * Make the tags of a range of the work table true.  Returns how many were
 * added, changed and removed.  The caller has locked the tag table against
 * other writers before the snapshot was taken.  Parameters: suite, its hash,
 * the first place in the work table and that behind the last, whether the
 * suite is that of the work table's tags.
 */
char *
metaprobe_merge_statement(const RefreshNames *names)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "WITH state AS MATERIALIZED (");
	append_state(&sql, names);
	appendStringInfoString(&sql, "), added AS (");
	append_insert(&sql, names);
	appendStringInfoString(&sql, "), changed AS (");
	append_update(&sql, names);
	appendStringInfoString(&sql, "), removed AS (");
	append_delete(&sql, names);
	appendStringInfoString(&sql,
						   ") SELECT (SELECT pg_catalog.count(*) FROM added), "
						   "(SELECT pg_catalog.count(*) FROM changed), "
						   "(SELECT pg_catalog.count(*) FROM removed)");
	return sql.data;
}

/*
 * Statements for distributed tables
 */

/* Is the tag by another curve or suite?  The hash of the latter is $n. */
static void
append_is_outdated(StringInfo sql, const RefreshNames *names, int suite_hash)
{
	appendStringInfoString(sql, "(t.curve_hash OPERATOR(pg_catalog.=) ");
	append_curve_hash(sql, names);
	appendStringInfo(sql,
					 " AND t.suite_hash OPERATOR(pg_catalog.=) $%d) IS NOT "
					 "TRUE",
					 suite_hash);
}

/*
 * What is to be done: kind (1 for a row without a tag, 2 for one with a tag by
 * another curve or suite, 3 for a tag without a row), key, count.  Only a sample
 * of the keys is told, ordered; the others are counted under a key of nulls.
 * Parameters: hash of the suite, the share of keys to be told.
 */
char *
metaprobe_find_statement(const RefreshNames *names)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT kind");
	for (int i = 0; i < names->n_keys; i++)
		appendStringInfo(&sql, ", CASE WHEN is_told THEN key_%d END", i + 1);
	appendStringInfoString(&sql, ", pg_catalog.count(*) FROM (SELECT ");
	append_keys_of(&sql, names, "s");
	appendStringInfo(&sql,
					 ", CASE WHEN t.curve_hash IS NULL THEN 1 ELSE 2 END AS "
					 "kind, pg_catalog.random() OPERATOR(pg_catalog.<) $2 AS "
					 "is_told FROM %s AS s LEFT JOIN %s AS t ON ",
					 names->source, names->tag_table);
	append_match(&sql, names, "t", "s");
	appendStringInfoString(&sql, " WHERE ");
	append_is_outdated(&sql, names, 1);
	appendStringInfoString(&sql, " UNION ALL SELECT ");
	append_keys_of(&sql, names, "t");
	appendStringInfoString(
		&sql, ", 3, pg_catalog.random() OPERATOR(pg_catalog.<) $2 ");
	append_orphans(&sql, names);
	appendStringInfoString(&sql, ") AS found GROUP BY 1");
	for (int i = 0; i < names->n_keys; i++)
		appendStringInfo(&sql, ", %d", i + 2);
	appendStringInfoString(&sql, " ORDER BY 2 NULLS FIRST");
	for (int i = 1; i < names->n_keys; i++)
		appendStringInfo(&sql, ", %d", i + 2);
	return sql.data;
}

/* " AND ROW(s.k, s.l) >= ROW($1, $2)" */
static void
append_bound(StringInfo sql, const RefreshNames *names, const char *alias,
			 bool is_start, int first_parameter)
{
	appendStringInfoString(sql, " AND ROW(");
	for (int i = 0; i < names->n_keys; i++)
		appendStringInfo(sql, "%s%s.%s", i > 0 ? ", " : "", alias,
						 names->keys[i]);
	if (is_start)
		appendStringInfo(sql, ") %s ROW(", names->at_least);
	else
		appendStringInfo(sql, ") %s ROW(", names->less);
	for (int i = 0; i < names->n_keys; i++)
		appendStringInfo(sql, "%s$%d", i > 0 ? ", " : "", first_parameter + i);
	appendStringInfoChar(sql, ')');
}

static void
append_range(StringInfo sql, const RefreshNames *names, KeyRange range,
			 const char *alias)
{
	if (range.has_start)
		append_bound(sql, names, alias, true, 1);
	if (range.has_end)
		append_bound(sql, names, alias, false,
					 range.has_start ? 1 + names->n_keys : 1);
}

/*
 * The next three make the tags of a range of keys true.  The caller has locked
 * the tag table against other writers before.  Parameters: those of the range,
 * then, but for the last of the three, the suite as bytes and its hash.
 */
static int
suite_parameter(const RefreshNames *names, KeyRange range)
{
	return 1 + (range.has_start + range.has_end) * names->n_keys;
}

/*
 * Tag the rows that have no tag.  For tables of one shard Citus 13.0 sends INSERT
 * ... SELECT with a syntax error in it, unless there is a volatile function, for
 * which it fetches the result and inserts that.
 */
char *
metaprobe_add_statement(const RefreshNames *names, KeyRange range,
						bool is_on_one_shard)
{
	int			   suite = suite_parameter(names, range);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (", names->tag_table);
	append_keys(&sql, names);
	for (int i = 0; i < N_TAG_COLUMNS; i++)
		appendStringInfo(&sql, ", %s", metaprobe_tag_columns[i].name);
	appendStringInfoString(&sql, ") SELECT ");
	append_keys_of(&sql, names, "s");
	for (int i = 0; i < N_METADATA_COLUMNS; i++)
		appendStringInfo(&sql, ", tag.%s", metaprobe_tag_columns[i].name);
	appendStringInfoString(&sql, ", ");
	append_curve_hash(&sql, names);
	appendStringInfo(&sql, ", $%d, ", suite + 1);
	if (is_on_one_shard)
		appendStringInfoString(&sql, "pg_catalog.clock_timestamp()");
	else
		appendStringInfoString(&sql, "pg_catalog.now()");
	appendStringInfo(&sql, " FROM %s AS s LEFT JOIN %s AS t ON ",
					 names->source, names->tag_table);
	append_match(&sql, names, "t", "s");
	append_range(&sql, names, range, "t");
	appendStringInfo(
		&sql,
		" CROSS JOIN LATERAL %s.tag_by_binary_suite(s.%s::%s.loss_curve, "
		"$%d) AS tag WHERE t.curve_hash IS NULL",
		names->schema, names->curve, names->schema, suite);
	append_range(&sql, names, range, "s");
	return sql.data;
}

/* Tag the rows anew whose tag is by another curve or suite. */
char *
metaprobe_change_statement(const RefreshNames *names, KeyRange range)
{
	int			   suite = suite_parameter(names, range);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s AS t SET ", names->tag_table);
	for (int i = 0; i < N_METADATA_COLUMNS; i++)
		appendStringInfo(&sql, "%s = tag.%s, ", metaprobe_tag_columns[i].name,
						 metaprobe_tag_columns[i].name);
	appendStringInfoString(&sql, "curve_hash = ");
	append_curve_hash(&sql, names);
	appendStringInfo(
		&sql,
		", suite_hash = $%d, tagged_at = pg_catalog.now() FROM %s "
		"AS s CROSS JOIN LATERAL %s.tag_by_binary_suite(s.%s::%s."
		"loss_curve, $%d) AS tag WHERE ",
		suite + 1, names->source, names->schema, names->curve, names->schema,
		suite);
	append_match(&sql, names, "t", "s");
	append_range(&sql, names, range, "t");
	append_range(&sql, names, range, "s");
	appendStringInfoString(&sql, " AND ");
	append_is_outdated(&sql, names, suite + 1);
	return sql.data;
}

/* Delete the tags whose row is gone. */
char *
metaprobe_remove_statement(const RefreshNames *names, KeyRange range)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "DELETE FROM %s AS t WHERE NOT EXISTS (SELECT FROM %s AS "
					 "s WHERE ",
					 names->tag_table, names->source);
	append_match(&sql, names, "t", "s");
	append_range(&sql, names, range, "s");
	appendStringInfoChar(&sql, ')');
	append_range(&sql, names, range, "t");
	return sql.data;
}
