/*
 * relation.c
 *		Relations and types by their names, names for queries, and commands.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "relation.h"

/* Open, and lock for reading, a relation that rows can be read from. */
Relation
metaprobe_open_readable(Oid relid)
{
	Relation relation = try_relation_open(relid, AccessShareLock);

	if (relation == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", relid)));
	switch (relation->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
			return relation;
		default:
			ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
							errmsg("\"%s\" is not a table or view",
								   RelationGetRelationName(relation))));
	}
}

/* The relation's name for a query, whatever the search_path. */
char *
metaprobe_quoted_relation(Relation relation)
{
	return quote_qualified_identifier(get_namespace_name(
										  RelationGetNamespace(relation)),
									  RelationGetRelationName(relation));
}

/* The number of a column that a user named; an error if there is none. */
AttrNumber
metaprobe_column_by_name(Relation relation, const char *name)
{
	AttrNumber number = get_attnum(RelationGetRelid(relation), name);

	if (!AttrNumberIsForUserDefinedAttr(number))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("relation \"%s\" has no column \"%s\"",
							   RelationGetRelationName(relation), name)));
	return number;
}

/* A type by name, InvalidOid if there is none. */
Oid
metaprobe_type_in_namespace(const char *name, Oid namespace)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
						   CStringGetDatum(name), ObjectIdGetDatum(namespace));
}

/*
 * A relation's column of curves, quoted: the one wanted, else (NULL) the one
 * named curve, else the only one.  The type is that of the extension in a
 * namespace.
 */
char *
metaprobe_curve_column(Relation relation, Oid namespace, const char *wanted)
{
	TupleDesc columns = RelationGetDescr(relation);
	Oid curve_type = metaprobe_type_in_namespace("loss_curve", namespace);
	const char *found = NULL;
	int			n_curves = 0;

	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);
		const char		 *name = NameStr(column->attname);

		if (column->attisdropped ||
			getBaseType(column->atttypid) != curve_type)
			continue;
		if (strcmp(name, wanted ? wanted : "curve") == 0)
			return pstrdup(quote_identifier(name));
		found = name;
		n_curves++;
	}
	if (wanted)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("relation \"%s\" has no column \"%s\" of type "
							   "loss_curve",
							   RelationGetRelationName(relation), wanted)));
	if (n_curves == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("relation \"%s\" has no column of type "
							   "loss_curve",
							   RelationGetRelationName(relation))));
	if (n_curves > 1)
		ereport(
			ERROR,
			(errcode(ERRCODE_AMBIGUOUS_COLUMN),
			 errmsg("relation \"%s\" has %d columns of type loss_curve and "
					"none of them is named curve",
					RelationGetRelationName(relation), n_curves),
			 errhint("Name it, as in curve_column => 'train_loss'.")));
	return pstrdup(quote_identifier(found));
}

/*
 * The name of a table to be made, for a command: where a plain CREATE TABLE of
 * the caller's would put it.
 */
char *
metaprobe_creation_name(text *name)
{
	RangeVar *table = makeRangeVarFromNameList(textToQualifiedNameList(name));
	Oid		  schema = RangeVarGetCreationNamespace(table);

	return quote_qualified_identifier(get_namespace_name(schema),
									  table->relname);
}

/* Run a command through SPI, to which the caller is connected. */
void
metaprobe_execute_command(const char *sql)
{
	if (SPI_execute(sql, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not execute: %s", sql);
}
