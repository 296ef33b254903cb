/*
 * tag_table.c
 *		Tag tables: one tag for each row of a source.
 *
 * A tag table is an ordinary table of the caller's.  It has the key columns of
 * its source, as primary key, and the columns below; any other column is the
 * owner's to add.  Nothing else is recorded anywhere.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "distribution.h"
#include "relation.h"
#include "tag_table.h"

const TagColumn metaprobe_tag_columns[N_TAG_COLUMNS] = {
	{"label", "text", "", "the label with most votes; NULL if none is given"},
	{"probability", "float8", "", "its share of the votes"},
	{"score", "float8", "", "nearness to the label against all others"},
	{"runner_up", "text", "", "the label with the second most votes"},
	{"margin", "float8", "", "probability less the runner-up''s"},
	{"distance", "float8", "", "to the nearest probe"},
	{"novelty", "float8", "", "how far outside the suite the curve lies"},
	{"curve_hash", "int8", " NOT NULL", "of the classified curve; 0 for NULL"},
	{"suite_hash", "text", " NOT NULL", "of the probe suite"},
	{"tagged_at", "timestamptz", " NOT NULL", "when the tag was written"},
};

/*
 * Keys
 */

/*
 * The columns of an index that keeps them unique over all rows; false if it is
 * an index of another kind.
 */
static bool
read_unique_index(Oid index_oid, TagKey *key, bool *is_primary)
{
	HeapTuple	  tuple;
	Form_pg_index index;
	oidvector	 *classes;
	bool		  isnull;
	bool		  is_unique;

	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index_oid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for index %u", index_oid);
	index = (Form_pg_index) GETSTRUCT(tuple);
	classes = (oidvector *) DatumGetPointer(
		SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indclass, &isnull));
	key->n = index->indnkeyatts;
	for (int i = 0; i < key->n; i++)
	{
		Oid class = classes->values[i];
		Oid type = get_opclass_input_type(class);
		Oid family = get_opclass_family(class);

		key->columns[i] = index->indkey.values[i];
		key->equals[i] =
			get_opfamily_member(family, type, type, BTEqualStrategyNumber);
		key->less[i] =
			get_opfamily_member(family, type, type, BTLessStrategyNumber);
		key->at_least[i] = get_opfamily_member(family, type, type,
											   BTGreaterEqualStrategyNumber);
	}
	*is_primary = index->indisprimary;
	is_unique = index->indisunique && index->indisvalid &&
				heap_attisnull(tuple, Anum_pg_index_indpred, NULL) &&
				heap_attisnull(tuple, Anum_pg_index_indexprs, NULL);
	ReleaseSysCache(tuple);
	return is_unique;
}

/* The primary key of a relation; false if it has none. */
bool
metaprobe_primary_key(Relation relation, TagKey *key)
{
	ListCell *cell;
	bool	  is_primary;

	foreach (cell, RelationGetIndexList(relation))
	{
		if (read_unique_index(lfirst_oid(cell), key, &is_primary) &&
			is_primary)
			return true;
	}
	return false;
}

static Bitmapset *
set_of_columns(const AttrNumber *columns, int n)
{
	Bitmapset *set = NULL;

	for (int i = 0; i < n; i++)
		set = bms_add_member(set, columns[i]);
	return set;
}

/*
 * Do these columns identify a row, and an index find it?  Not so if any of
 * them may be null, nor for a table whose children have indexes of their own.
 */
bool
metaprobe_has_unique_key(Relation relation, const AttrNumber *columns, int n)
{
	Bitmapset *wanted = set_of_columns(columns, n);
	ListCell  *cell;
	TagKey	   key;
	bool	   is_primary;

	if (relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE &&
		relation->rd_rel->relhassubclass &&
		find_inheritance_children(RelationGetRelid(relation), NoLock) != NIL)
		return false;
	for (int i = 0; i < n; i++)
	{
		if (!TupleDescAttr(RelationGetDescr(relation), columns[i] - 1)
				 ->attnotnull)
			return false;
	}
	foreach (cell, RelationGetIndexList(relation))
	{
		if (read_unique_index(lfirst_oid(cell), &key, &is_primary) &&
			bms_equal(set_of_columns(key.columns, key.n), wanted))
			return true;
	}
	return false;
}

/*
 * create_tag_table
 */

/* The key columns that the caller names, or else the primary key's. */
static TagKey
key_of_source(Relation source, ArrayType *names)
{
	TagKey key = {0};
	Datum *elements;
	bool  *nulls;
	int	   n;

	if (names == NULL)
	{
		if (!metaprobe_primary_key(source, &key))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("relation \"%s\" has no primary key",
							RelationGetRelationName(source)),
					 errhint("Name the columns that identify its rows, as in "
							 "key_columns => '{id}'.")));
		return key;
	}

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, &n);
	if (n < 1 || n > INDEX_MAX_KEYS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a tag table has 1 to %d key columns, not %d",
							   INDEX_MAX_KEYS, n)));
	for (int i = 0; i < n; i++)
	{
		char *name;

		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("name of a key column must not be null")));
		name = TextDatumGetCString(elements[i]);
		key.columns[i] = metaprobe_column_by_name(source, name);
		for (int j = 0; j < i; j++)
		{
			if (key.columns[j] == key.columns[i])
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("key column \"%s\" is named twice", name)));
		}
	}
	key.n = n;
	return key;
}

/* A key column may not have the name of one that says something of the tag. */
static void
check_key_name(const char *name)
{
	for (int i = 0; i < N_TAG_COLUMNS; i++)
	{
		if (strcmp(name, metaprobe_tag_columns[i].name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("key column \"%s\" has the name of a column of "
							"the tags",
							name),
					 errhint("Let the source be a view that gives it another "
							 "name.")));
	}
}

/* A column as the source has it: name, type, and collation if that matters. */
static void
append_key_column(StringInfo sql, Form_pg_attribute column)
{
	appendStringInfo(sql, "%s %s", quote_identifier(NameStr(column->attname)),
					 format_type_extended(column->atttypid, column->atttypmod,
										  FORMAT_TYPE_TYPEMOD_GIVEN |
											  FORMAT_TYPE_FORCE_QUALIFY));
	if (OidIsValid(column->attcollation))
	{
		HeapTuple tuple =
			SearchSysCache1(COLLOID, ObjectIdGetDatum(column->attcollation));
		Form_pg_collation collation;

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for collation %u",
				 column->attcollation);
		collation = (Form_pg_collation) GETSTRUCT(tuple);
		appendStringInfo(sql, " COLLATE %s",
						 quote_qualified_identifier(
							 get_namespace_name(collation->collnamespace),
							 NameStr(collation->collname)));
		ReleaseSysCache(tuple);
	}
	appendStringInfoString(sql, ", ");
}

static char *
create_statement(const char *table, Relation source, const TagKey *key)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TABLE %s (", table);
	for (int i = 0; i < key->n; i++)
	{
		Form_pg_attribute column =
			TupleDescAttr(RelationGetDescr(source), key->columns[i] - 1);

		check_key_name(NameStr(column->attname));
		append_key_column(&sql, column);
	}
	for (int i = 0; i < N_TAG_COLUMNS; i++)
		appendStringInfo(&sql, "%s pg_catalog.%s%s, ",
						 metaprobe_tag_columns[i].name,
						 metaprobe_tag_columns[i].type,
						 metaprobe_tag_columns[i].constraint);
	appendStringInfoString(&sql, "PRIMARY KEY (");
	for (int i = 0; i < key->n; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(
							 NameStr(TupleDescAttr(RelationGetDescr(source),
												   key->columns[i] - 1)
										 ->attname)));
	appendStringInfoString(&sql, "))");
	return sql.data;
}

static void
comment_columns(const char *table)
{
	for (int i = 0; i < N_TAG_COLUMNS; i++)
		metaprobe_execute_command(psprintf("COMMENT ON COLUMN %s.%s IS '%s'",
										   table,
										   metaprobe_tag_columns[i].name,
										   metaprobe_tag_columns[i].comment));
}

/*
 * The key's columns must be the caller's to read, as for CREATE TABLE (LIKE
 * ...): else anyone could lock anyone's table.
 */
static void
check_may_read(Relation source, const TagKey *key)
{
	Oid relid = RelationGetRelid(source);

	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		return;
	for (int i = 0; i < key->n; i++)
	{
		AclResult result = pg_attribute_aclcheck(relid, key->columns[i],
												 GetUserId(), ACL_SELECT);

		if (result != ACLCHECK_OK)
			aclcheck_error(result, get_relkind_objtype(get_rel_relkind(relid)),
						   RelationGetRelationName(source));
	}
}

/*
 * The tags of a distributed source lie with its rows, so the key must have the
 * column that says where these are.
 */
static void
check_distribution_key(Relation source, const TagKey *key)
{
	const char *column =
		metaprobe_distribution(RelationGetRelid(source)).column;
	AttrNumber number;

	if (column == NULL)
		return;
	number = metaprobe_column_by_name(source, column);
	for (int i = 0; i < key->n; i++)
	{
		if (key->columns[i] == number)
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("key columns must include \"%s\", by which \"%s\" is "
					"distributed",
					column, RelationGetRelationName(source))));
}

/*
 * create_tag_table(name, source [, key_columns]): the table.  Only the names
 * and types of the source's columns are looked at.
 */
PG_FUNCTION_INFO_V1(metaprobe_create_tag_table);
Datum
metaprobe_create_tag_table(PG_FUNCTION_ARGS)
{
	ArrayType *key_names = PG_ARGISNULL(2) ? NULL : PG_GETARG_ARRAYTYPE_P(2);
	char	  *table;
	char	  *statement;
	Relation   source;
	TagKey	   key;
	Oid		   created;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	table = metaprobe_creation_name(PG_GETARG_TEXT_PP(0));
	source = metaprobe_open_readable(PG_GETARG_OID(1));
	key = key_of_source(source, key_names);
	check_may_read(source, &key);
	statement = create_statement(table, source, &key);

	SPI_connect();
	check_distribution_key(source, &key);
	metaprobe_execute_command(statement);
	comment_columns(table);
	created = DatumGetObjectId(
		DirectFunctionCall1(regclassin, CStringGetDatum(table)));
	metaprobe_distribute_like(created, source);
	SPI_finish();
	relation_close(source, NoLock);
	PG_RETURN_OID(created);
}
