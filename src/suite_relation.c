/*
 * suite_relation.c
 *		Suites read from a relation.
 *
 * The relation is read by a query of the caller's, so that privileges, row
 * security, views and foreign tables are PostgreSQL's business, under the
 * snapshot of the statement that is running.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rel.h"

#include "compat.h"
#include "distribution.h"
#include "relation.h"
#include "suite_relation.h"

/* The columns by which a relation serves as a suite; NULL where it has none. */
typedef struct SuiteColumns
{
	const char *suite;
	const char *label;
	const char *curve;
	const char *id;
	Oid			label_type;
	Oid			id_type;
	int			n_suites;
	int			n_texts;
	int			n_curves;
} SuiteColumns;

/*
 * Look for a column of type probe_suite, or for the columns of probes: label
 * and curve, else the only text and the only loss_curve column.
 */
static SuiteColumns
find_columns(Relation relation, Oid namespace)
{
	TupleDesc columns = RelationGetDescr(relation);
	Oid suite_type = metaprobe_type_in_namespace("probe_suite", namespace);
	Oid curve_type = metaprobe_type_in_namespace("loss_curve", namespace);
	SuiteColumns found = {0};
	const char	*only_text = NULL;
	const char	*only_curve = NULL;

	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);
		const char		 *name = NameStr(column->attname);
		Oid				  type;

		if (column->attisdropped)
			continue;
		type = getBaseType(column->atttypid);
		if (type == suite_type)
		{
			found.suite = name;
			found.n_suites++;
		}
		else if (type == curve_type)
		{
			only_curve = name;
			found.n_curves++;
			if (strcmp(name, "curve") == 0)
				found.curve = name;
		}
		else if (strcmp(name, "label") == 0)
		{
			found.label = name;
			found.label_type = type;
		}
		else if (strcmp(name, "id") == 0 ||
				 (strcmp(name, "probe_id") == 0 && found.id == NULL))
		{
			found.id = name;
			found.id_type = type;
		}
		else if (type == TEXTOID || type == VARCHAROID || type == BPCHAROID)
		{
			only_text = name;
			found.n_texts++;
		}
	}
	if (found.label == NULL && found.n_texts == 1)
	{
		found.label = only_text;
		found.label_type = TEXTOID;
	}
	if (found.curve == NULL && found.n_curves == 1)
		found.curve = only_curve;
	return found;
}

/* Say what keeps the relation from being a suite. */
static void
check_columns(Relation relation, const SuiteColumns *found)
{
	const char *name = RelationGetRelationName(relation);

	if (found->n_suites > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_COLUMN),
				 errmsg("relation \"%s\" has %d columns of type probe_suite",
						name, found->n_suites),
				 errhint("Pass the suite itself: (SELECT column FROM "
						 "...).")));
	if (found->n_suites == 1)
		return;
	if (found->curve == NULL)
		ereport(ERROR,
				(errcode(found->n_curves ? ERRCODE_AMBIGUOUS_COLUMN :
										   ERRCODE_UNDEFINED_COLUMN),
				 errmsg("relation \"%s\" is no probe table: it has %d columns "
						"of type loss_curve and none of them is named curve",
						name, found->n_curves),
				 errhint("A probe table has the columns label and curve, or "
						 "only one of type text and one of type "
						 "loss_curve.")));
	if (found->label == NULL)
		ereport(ERROR,
				(errcode(found->n_texts ? ERRCODE_AMBIGUOUS_COLUMN :
										  ERRCODE_UNDEFINED_COLUMN),
				 errmsg("relation \"%s\" is no probe table: it has %d text "
						"columns and no column named label",
						name, found->n_texts),
				 errhint("A probe table has the columns label and curve, or "
						 "only one of type text and one of type "
						 "loss_curve.")));
}

/* Is the text of a value the same whatever the settings? */
static bool
has_fixed_text(Oid type)
{
	switch (type)
	{
		case InvalidOid: /* no such column */
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case UUIDOID:
			return true;
		default:
			return false;
	}
}

/*
 * Does nothing but the snapshot, and the reader's rights, decide what the query
 * finds?  Not so for views and row security, which may ask settings, for
 * foreign tables, nor for tables with children, which may be foreign.
 */
static bool
is_decided(Relation relation, const SuiteColumns *found)
{
	Form_pg_class class = RelationGetForm(relation);

	return !class->relrowsecurity && !class->relhassubclass &&
		   (class->relkind == RELKIND_RELATION ||
			class->relkind == RELKIND_MATVIEW) &&
		   has_fixed_text(found->label_type) && has_fixed_text(found->id_type);
}

/*
 * A query for the suite in a relation: one row with one column per suite.  The
 * relation stays locked, so that the query will mean the same one.
 */
static char *
suite_query(Oid relid, Oid namespace, bool *is_decided_by_snapshot)
{
	Relation	   relation = metaprobe_open_readable(relid);
	SuiteColumns   found = find_columns(relation, namespace);
	const char	  *schema = get_namespace_name(namespace);
	StringInfoData query;

	check_columns(relation, &found);
	*is_decided_by_snapshot = is_decided(relation, &found);
	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT ");
	if (found.suite)
		appendStringInfo(&query, "%s::%s", quote_identifier(found.suite),
						 quote_qualified_identifier(schema, "probe_suite"));
	else
	{
		appendStringInfo(&query, "%s(%s::pg_catalog.text, ",
						 quote_qualified_identifier(schema, "probe_suite_agg"),
						 quote_identifier(found.label));
		appendStringInfo(&query, "%s::%s", quote_identifier(found.curve),
						 quote_qualified_identifier(schema, "loss_curve"));
		if (found.id)
			appendStringInfo(&query, ", %s::pg_catalog.text",
							 quote_identifier(found.id));
		appendStringInfoChar(&query, ')');
	}
	appendStringInfo(&query, " FROM %s", metaprobe_quoted_relation(relation));
	relation_close(relation, NoLock);
	return query.data;
}

/*
 * Refuse to read, in a parallel worker, what a worker cannot: temporary tables
 * are the leader's alone, and a foreign table's server would be asked through
 * a connection of the worker's own, which does not see what the transaction
 * has written there.
 */
static void
check_worker_can_read(const PlannedStmt *plan)
{
	ListCell *cell;

	foreach (cell, plan->rtable)
	{
		RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);
		bool		   is_foreign;

		if (entry->rtekind != RTE_RELATION)
			continue;
		is_foreign = entry->relkind == RELKIND_FOREIGN_TABLE;
		if (is_foreign ||
			get_rel_persistence(entry->relid) == RELPERSISTENCE_TEMP)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("%s relation \"%s\" cannot be read by a parallel "
							"worker",
							is_foreign ? "foreign" : "temporary",
							get_rel_name(entry->relid)),
					 errhint("Pass the suite as a value, from a subquery.")));
	}
}

/* Plan the query; in a worker or for another node, check what it would read. */
static SPIPlanPtr
plan_query(const char *query)
{
	SPIPlanPtr	plan = SPI_prepare(query, 0, NULL);
	CachedPlan *cached;

	if (plan == NULL)
		elog(ERROR, "could not plan: %s", query);
	metaprobe_check_all_nodes_read(plan);
	if (IsParallelWorker())
	{
		cached = SPI_plan_get_cached_plan(plan);
		if (cached == NULL)
			elog(ERROR, "could not plan: %s", query);
		check_worker_can_read(linitial_node(PlannedStmt, cached->stmt_list));
		ReleaseCachedPlan(cached, NULL);
	}
	return plan;
}

/* The only row's suite, copied to the caller's memory. */
static ProbeSuite *
only_suite(Oid relid, MemoryContext caller)
{
	MemoryContext own;
	ProbeSuite	 *suite;
	Datum		  value = 0;
	bool		  isnull = true;

	if (SPI_processed == 1)
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
							  &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 SPI_processed > 1 ?
					 errmsg("relation \"%s\" holds more than one probe suite",
							get_rel_name(relid)) :
					 errmsg("relation \"%s\" holds no probe suite",
							get_rel_name(relid)),
				 errhint(
					 "Pass the suite as a value, (SELECT suite FROM ... WHERE "
					 "...), or the name of a view that holds just it.")));

	own = MemoryContextSwitchTo(caller);
	suite = (ProbeSuite *) PG_DETOAST_DATUM_COPY(value);
	MemoryContextSwitchTo(own);
	return DatumGetProbeSuite(PointerGetDatum(suite));
}

/*
 * The suite that a relation holds, or is the probe table of, read as the
 * caller and under the active snapshot.  The extension's objects are those in
 * function_namespace, the schema of the function that was called.  Tells
 * whether another read under an equal snapshot would give the same.
 */
ProbeSuite *
metaprobe_relation_suite(Oid relation, Oid function_namespace,
						 bool *is_decided_by_snapshot)
{
	MemoryContext caller = CurrentMemoryContext;
	ProbeSuite	 *suite;
	char		 *query;

	SPI_connect();
	query = suite_query(relation, function_namespace, is_decided_by_snapshot);
	if (SPI_execute_plan(plan_query(query), NULL, NULL, true, 2) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not read relation %u", relation);
	suite = only_suite(relation, caller);
	SPI_finish();
	return suite;
}
