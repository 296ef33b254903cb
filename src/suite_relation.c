/*
 * suite_relation.c
 *		Suites read from a relation, and when they must be read again.
 *
 * The relation is read by a query of the caller's, so that privileges, row
 * security, views and foreign tables are PostgreSQL's business, under the
 * snapshot of the statement that is running.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"
#include "suite_relation.h"

/*
 * When to read again
 */

/*
 * Does nothing but the snapshot, and the reader's rights, decide what is read?
 * Not so for views and row security, which may ask settings, and for foreign
 * tables.
 */
static bool
is_decided_by_snapshot(Oid relation)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Form_pg_class class;
	bool is_decided;

	if (!HeapTupleIsValid(tuple))
		return false;
	class = (Form_pg_class) GETSTRUCT(tuple);
	is_decided =
		!class->relrowsecurity && (class->relkind == RELKIND_RELATION ||
								   class->relkind == RELKIND_MATVIEW);
	ReleaseSysCache(tuple);
	return is_decided;
}

/* Note what a read of the relation now depends on.  Points into the snapshot. */
void
metaprobe_vision_take(SuiteVision *vision, Oid relation)
{
	vision->transaction = metaprobe_local_transaction();
	vision->subtransaction = GetCurrentSubTransactionId();
	vision->user = GetUserId();
	vision->snapshot = *GetActiveSnapshot();

	/*
	 * The snapshot of a query is registered by its executor.  One that is not
	 * belongs to an expression that PL/pgSQL evaluates by itself, and so will
	 * the next, with anything done in between.
	 */
	vision->is_portable =
		vision->snapshot.regd_count > 0 || is_decided_by_snapshot(relation);
}

/* Keep a copy of what the vision points to. */
void
metaprobe_vision_keep(SuiteVision *vision, MemoryContext context)
{
	SnapshotData  *snapshot = &vision->snapshot;
	Size		   size = snapshot->xcnt * sizeof(TransactionId);
	Size		   sub_size = snapshot->subxcnt * sizeof(TransactionId);
	TransactionId *copy = MemoryContextAlloc(context, size + sub_size);

	if (size > 0)
		memcpy(copy, snapshot->xip, size);
	if (sub_size > 0)
		memcpy(copy + snapshot->xcnt, snapshot->subxip, sub_size);
	snapshot->xip = copy;
	snapshot->subxip = copy + snapshot->xcnt;
}

static bool
has_same_ids(const TransactionId *a, const TransactionId *b, Size n)
{
	return n == 0 || memcmp(a, b, n * sizeof(TransactionId)) == 0;
}

/* Would the same be read now? */
bool
metaprobe_vision_is_current(const SuiteVision *vision)
{
	const SnapshotData *a = &vision->snapshot;
	const SnapshotData *b = GetActiveSnapshot();

	return vision->is_portable &&
		   vision->transaction == metaprobe_local_transaction() &&
		   vision->subtransaction == GetCurrentSubTransactionId() &&
		   vision->user == GetUserId() && a->xmin == b->xmin &&
		   a->xmax == b->xmax && a->curcid == b->curcid &&
		   a->xcnt == b->xcnt && a->subxcnt == b->subxcnt &&
		   a->suboverflowed == b->suboverflowed &&
		   a->takenDuringRecovery == b->takenDuringRecovery &&
		   has_same_ids(a->xip, b->xip, a->xcnt) &&
		   has_same_ids(a->subxip, b->subxip, a->subxcnt);
}

/*
 * The query
 */

/* The columns by which a relation serves as a suite; NULL where it has none. */
typedef struct SuiteColumns
{
	const char *suite;
	const char *label;
	const char *curve;
	const char *id;
	int			n_suites;
	int			n_texts;
	int			n_curves;
} SuiteColumns;

static Oid
type_in_namespace(const char *name, Oid namespace)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
						   CStringGetDatum(name), ObjectIdGetDatum(namespace));
}

/*
 * Look for a column of type probe_suite, or for the columns of probes: label
 * and curve, else the only text and the only loss_curve column.
 */
static SuiteColumns
find_columns(Relation relation, Oid namespace)
{
	TupleDesc	 columns = RelationGetDescr(relation);
	Oid			 suite_type = type_in_namespace("probe_suite", namespace);
	Oid			 curve_type = type_in_namespace("loss_curve", namespace);
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
		else if (strcmp(name, "id") == 0 || strcmp(name, "probe_id") == 0)
			found.id = name;
		else if (type == TEXTOID || type == VARCHAROID || type == BPCHAROID)
		{
			only_text = name;
			found.n_texts++;
		}
		if (strcmp(name, "label") == 0)
			found.label = name;
	}
	if (found.label == NULL && found.n_texts == 1)
		found.label = only_text;
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

/* A query for the suite in a relation: one row with one column per suite. */
static char *
suite_query(Oid relid, Oid namespace)
{
	Relation	   relation = relation_open(relid, AccessShareLock);
	SuiteColumns   found = find_columns(relation, namespace);
	const char	  *schema = get_namespace_name(namespace);
	StringInfoData query;

	check_columns(relation, &found);
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
	appendStringInfo(&query, " FROM %s",
					 quote_qualified_identifier(
						 get_namespace_name(RelationGetNamespace(relation)),
						 RelationGetRelationName(relation)));
	relation_close(relation, AccessShareLock);
	return query.data;
}

/* Check that the relation can be read here at all. */
static void
check_relation(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class class;
	char *name;
	char  kind;
	char  persistence;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", relid)));
	class = (Form_pg_class) GETSTRUCT(tuple);
	name = pstrdup(NameStr(class->relname));
	kind = class->relkind;
	persistence = class->relpersistence;
	ReleaseSysCache(tuple);

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE &&
		kind != RELKIND_VIEW && kind != RELKIND_MATVIEW &&
		kind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a table or view", name)));
	if (persistence == RELPERSISTENCE_TEMP && IsParallelWorker())
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("temporary relation \"%s\" cannot be read by a "
							   "parallel worker",
							   name),
						errhint("Pass the suite as a value: (SELECT "
								"probe_suite_agg(label, curve) FROM %s).",
								quote_identifier(name))));
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
 * function_namespace, the schema of the function that was called.
 */
ProbeSuite *
metaprobe_relation_suite(Oid relation, Oid function_namespace)
{
	MemoryContext caller = CurrentMemoryContext;
	ProbeSuite	 *suite;

	check_relation(relation);
	SPI_connect();
	if (SPI_execute(suite_query(relation, function_namespace), true, 2) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not read relation %u", relation);
	suite = only_suite(relation, caller);
	SPI_finish();
	return suite;
}
