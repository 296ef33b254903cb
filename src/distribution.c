/*
 * distribution.c
 *		Tables whose rows Citus keeps on other servers.
 *
 * What the extension knows of Citus is here: how a table is distributed, how
 * another is distributed like it, and which tables a query may read.  Citus is
 * not needed to build or to run the extension: its catalog and functions are
 * used by SQL, if it is there.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rel.h"

#include "distribution.h"
#include "relation.h"

/* Is Citus in this database?  Only who may write to pg_catalog can feign it. */
bool
metaprobe_has_citus(void)
{
	return OidIsValid(get_extension_oid("citus", true)) &&
		   OidIsValid(
			   get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE));
}

static Placement
placement_of(char method, char replication, int colocation)
{
	if (method != 'n')
		return PLACED_BY_COLUMN;
	if (replication == 't')
		return PLACED_EVERYWHERE;
	return colocation == 0 ? PLACED_HERE : PLACED_ON_ONE_SHARD;
}

/* How a relation is distributed.  The caller is connected to SPI. */
Distribution
metaprobe_distribution(Oid relid)
{
	Distribution found = {PLACED_HERE, false, 0, 1, NULL};
	Oid			 types[1] = {REGCLASSOID};
	Datum		 values[1] = {ObjectIdGetDatum(relid)};
	HeapTuple	 row;
	TupleDesc	 columns;
	bool		 isnull;

	if (!metaprobe_has_citus())
		return found;
	if (SPI_execute_with_args(
			"SELECT p.partmethod, p.repmodel, p.colocationid,"
			" (SELECT pg_catalog.count(*) FROM pg_catalog.pg_dist_shard AS s"
			" WHERE s.logicalrelid OPERATOR(pg_catalog.=) p.logicalrelid),"
			" pg_catalog.column_to_column_name(p.logicalrelid, p.partkey)"
			" FROM pg_catalog.pg_dist_partition AS p"
			" WHERE p.logicalrelid OPERATOR(pg_catalog.=) $1",
			1, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read how relation %u is distributed", relid);
	if (SPI_processed == 0)
		return found;
	row = SPI_tuptable->vals[0];
	columns = SPI_tuptable->tupdesc;
	found.is_known = true;
	found.colocation = DatumGetInt32(SPI_getbinval(row, columns, 3, &isnull));
	found.placement =
		placement_of(DatumGetChar(SPI_getbinval(row, columns, 1, &isnull)),
					 DatumGetChar(SPI_getbinval(row, columns, 2, &isnull)),
					 found.colocation);
	found.n_shards =
		Max(1, DatumGetInt64(SPI_getbinval(row, columns, 4, &isnull)));
	if (found.placement == PLACED_BY_COLUMN)
		found.column = SPI_getvalue(row, columns, 5);
	return found;
}

static void
call(const char *sql, int n_parameters, Oid *types, Datum *values,
	 const char *nulls)
{
	if (SPI_execute_with_args(sql, n_parameters, types, values, nulls, false,
							  0) != SPI_OK_SELECT)
		elog(ERROR, "could not execute: %s", sql);
}

/*
 * Distribute a new table like another one, whose columns it has, so that their
 * shards lie together.  The caller is connected to SPI.
 */
void
metaprobe_distribute_like(Oid relid, Relation model)
{
	Distribution like = metaprobe_distribution(RelationGetRelid(model));
	Oid			 types[3] = {REGCLASSOID, TEXTOID, TEXTOID};
	Datum		 values[3] = {ObjectIdGetDatum(relid)};
	char		 nulls[3] = {' ', ' ', ' '};

	/* In a schema that is distributed as a whole Citus has done it. */
	if (like.placement == PLACED_HERE ||
		metaprobe_distribution(relid).placement != PLACED_HERE)
		return;
	if (like.placement == PLACED_EVERYWHERE)
	{
		call("SELECT pg_catalog.create_reference_table($1)", 1, types, values,
			 nulls);
		return;
	}
	if (like.column)
		values[1] = CStringGetTextDatum(like.column);
	else
		nulls[1] = 'n';
	values[2] = CStringGetTextDatum(metaprobe_quoted_relation(model));
	call("SELECT pg_catalog.create_distributed_table($1, $2,"
		 " colocate_with => $3)",
		 3, types, values, nulls);
}

static const char *
placement_name(Placement placement)
{
	switch (placement)
	{
		case PLACED_HERE:
			return "a local table";
		case PLACED_EVERYWHERE:
			return "a reference table";
		default:
			return "distributed";
	}
}

/* Does a table have to be read elsewhere? */
static bool
is_elsewhere(const Distribution *distribution)
{
	return distribution->placement == PLACED_BY_COLUMN ||
		   distribution->placement == PLACED_ON_ONE_SHARD;
}

/* The tables that a query reads, those of views included. */
static List *
tables_of_plan(SPIPlanPtr plan)
{
	CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(plan));
	List			 *tables = NIL;
	ListCell		 *cell;

	foreach (cell, source->relationOids)
	{
		Oid relid = lfirst_oid(cell);

		if (get_rel_relkind(relid) != RELKIND_VIEW &&
			relid >= FirstNormalObjectId)
			tables = list_append_unique_oid(tables, relid);
	}
	return tables;
}

/* Check that a view, the source of a local table, does not read elsewhere. */
static void
check_view_is_here(Relation table, Relation relation)
{
	char *query =
		psprintf("SELECT FROM %s", metaprobe_quoted_relation(relation));
	SPIPlanPtr plan = SPI_prepare(query, 0, NULL);
	ListCell  *cell;

	if (plan == NULL)
		elog(ERROR, "could not look at view %u", RelationGetRelid(relation));
	foreach (cell, tables_of_plan(plan))
	{
		Oid			 relid = lfirst_oid(cell);
		Distribution distribution = metaprobe_distribution(relid);

		if (is_elsewhere(&distribution))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("\"%s\" is a local table but \"%s\" reads the "
							"distributed table \"%s\"",
							RelationGetRelationName(table),
							RelationGetRelationName(relation),
							get_rel_name(relid)),
					 errhint("Distribute the tag table with "
							 "create_distributed_table(..., colocate_with => "
							 "'%s').",
							 get_rel_name(relid))));
	}
	SPI_freeplan(plan);
}

/*
 * Check that rows of a tag table can be joined with those of its source where
 * they are.  Of distributed views Citus itself will tell.  The caller is
 * connected to SPI.
 */
void
metaprobe_check_colocated(Relation table, Relation source)
{
	Distribution a = metaprobe_distribution(RelationGetRelid(table));
	Distribution b = metaprobe_distribution(RelationGetRelid(source));

	if (source->rd_rel->relkind == RELKIND_VIEW)
	{
		if (a.placement == PLACED_HERE && metaprobe_has_citus())
			check_view_is_here(table, source);
		return;
	}
	if (a.placement == b.placement && a.colocation == b.colocation)
		return;
	if (a.placement == PLACED_HERE && !is_elsewhere(&b))
		return;
	if (a.placement == b.placement)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("\"%s\" is not co-located with \"%s\"",
							   RelationGetRelationName(table),
							   RelationGetRelationName(source)),
						errhint("Make a tag table for this source with "
								"create_tag_table.")));
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("\"%s\" is %s but \"%s\" is %s",
						   RelationGetRelationName(table),
						   placement_name(a.placement),
						   RelationGetRelationName(source),
						   placement_name(b.placement)),
					errhint("Make a tag table for this source with "
							"create_tag_table.")));
}

/*
 * Does this process run a query, or part of one, that another node of Citus has
 * sent?  Citus itself tells by the name under which the other connects.
 */
static bool
serves_another_node(void)
{
	const char *name = GetConfigOption("application_name", true, false);

	return name && strncmp(name, "citus_internal", 14) == 0 &&
		   metaprobe_has_citus();
}

/*
 * In a part of another node's query, refuse to read tables that are only this
 * node's: one of that name may hold something else there.  Citus itself says
 * which of the others may be read.  The caller is connected to SPI.
 */
void
metaprobe_check_all_nodes_read(SPIPlanPtr plan)
{
	ListCell *cell;

	if (!serves_another_node())
		return;
	foreach (cell, tables_of_plan(plan))
	{
		Oid relid = lfirst_oid(cell);

		if (!metaprobe_distribution(relid).is_known)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("local relation \"%s\" cannot be read in a "
							"distributed query",
							get_rel_name(relid)),
					 errhint("Pass the suite as a value, from a subquery.")));
	}
}
