/*
 * refresh_tags.c
 *		Bringing a tag table up to date.
 *
 * First one statement finds the rows whose tags are missing or by another
 * curve or suite, and the tags whose rows are gone.  It runs in parallel, takes
 * no lock that anyone would notice, and leaves what it found, tags included, in
 * a temporary table.  Then that is merged into the tag table in batches, each a
 * transaction of its own unless the caller is in one.
 *
 * What was classified may be old by the time it is merged.  So a batch locks
 * the tag table against other writers, takes a snapshot only then, and looks at
 * the source and the suite again.  A tag is written only if it is by the curve
 * and the suite that this snapshot shows, and is computed anew otherwise.
 * Hence what a refresh writes was true at some moment after it began, and
 * whoever writes later writes what is true later.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "compat.h"
#include "refresh.h"
#include "relation.h"
#include "suite_relation.h"
#include "tag_table.h"

#define REPORT_INTERVAL_MS 1000

/*
 * What the statements speak of
 */

static void
check_tag_columns(Relation tag_table)
{
	for (int i = 0; i < N_TAG_COLUMNS; i++)
	{
		const TagColumn *wanted = &metaprobe_tag_columns[i];
		AttrNumber		 column =
			get_attnum(RelationGetRelid(tag_table), wanted->name);

		if (column == InvalidAttrNumber ||
			get_atttype(RelationGetRelid(tag_table), column) !=
				metaprobe_type_in_namespace(wanted->type,
											PG_CATALOG_NAMESPACE))
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("\"%s\" is no tag table: it has no column \"%s\" "
							"of type %s",
							RelationGetRelationName(tag_table), wanted->name,
							wanted->type),
					 errhint("Make one with create_tag_table.")));
	}
}

/* Open the tag table, which must be the caller's, and lock it. */
static Relation
open_tag_table(Oid relid, LOCKMODE lock, TagKey *key)
{
	Relation relation = try_relation_open(relid, lock);

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("tag table with OID %u does not exist", relid)));
	if (relation->rd_rel->relkind != RELKIND_RELATION &&
		relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a table",
							   RelationGetRelationName(relation))));
	if (!metaprobe_owns_relation(relid))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE,
					   RelationGetRelationName(relation));
	check_tag_columns(relation);
	if (!metaprobe_primary_key(relation, key))
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is no tag table: it has no primary key",
							   RelationGetRelationName(relation)),
						errhint("Make one with create_tag_table.")));
	return relation;
}

/* The source's column that corresponds to a key column of the tag table. */
static AttrNumber
find_key_column(Relation source, Form_pg_attribute key)
{
	AttrNumber number =
		metaprobe_column_by_name(source, NameStr(key->attname));
	Form_pg_attribute column =
		TupleDescAttr(RelationGetDescr(source), number - 1);

	if (column->atttypid != key->atttypid)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("key column \"%s\" is of type %s in \"%s\" but "
							   "of type %s in the tag table",
							   NameStr(key->attname),
							   format_type_be(column->atttypid),
							   RelationGetRelationName(source),
							   format_type_be(key->atttypid)),
						errhint("Cast it in a view, or make a tag table for "
								"this source.")));
	return number;
}

static char *
qualified_operator(Oid operator)
{
	char *name = get_opname(operator);
	Oid namespace = InvalidOid;
	HeapTuple tuple;

	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", operator);
	namespace = ((Form_pg_operator) GETSTRUCT(tuple))->oprnamespace;
	ReleaseSysCache(tuple);
	return psprintf("OPERATOR(%s.%s)",
					quote_identifier(get_namespace_name(namespace)), name);
}

/* An operator of that name for the keys as rows; NULL if they have several. */
static char *
common_operator(const Oid *operators, int n)
{
	char *common = qualified_operator(operators[0]);

	for (int i = 1; i < n; i++)
	{
		if (strcmp(qualified_operator(operators[i]), common) != 0)
			return NULL;
	}
	return common;
}

/* Are the keys ordered as ORDER BY would order them? */
static bool
is_default_order(const TagKey *key)
{
	for (int i = 0; i < key->n; i++)
	{
		Oid left;
		Oid right;

		op_input_types(key->less[i], &left, &right);
		if (lookup_type_cache(left, TYPECACHE_LT_OPR)->lt_opr != key->less[i])
			return false;
	}
	return true;
}

static void
name_keys(Refresh *refresh, Relation tag_table, const TagKey *key,
		  Relation source)
{
	AttrNumber columns[INDEX_MAX_KEYS];

	refresh->names.n_keys = key->n;
	for (int i = 0; i < key->n; i++)
	{
		Form_pg_attribute column =
			TupleDescAttr(RelationGetDescr(tag_table), key->columns[i] - 1);

		columns[i] = find_key_column(source, column);
		refresh->names.keys[i] =
			pstrdup(quote_identifier(NameStr(column->attname)));
		refresh->names.equals[i] = qualified_operator(key->equals[i]);
	}
	if (is_default_order(key))
	{
		refresh->names.less = common_operator(key->less, key->n);
		refresh->names.at_least = common_operator(key->at_least, key->n);
	}
	refresh->is_keyed = metaprobe_has_unique_key(source, columns, key->n);
}

/*
 * Lock a distributed table against other writers.  They may have sent their
 * statements to any node, and the command, unlike opening the table, goes to all.
 */
static void
lock_on_every_node(const Refresh *refresh)
{
	metaprobe_execute_command(
		psprintf("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE",
				 refresh->names.tag_table));
}

/*
 * Lock the tag table and name what the step's statements speak of; anew in
 * every transaction, for relations may change between them.
 */
static void
describe(Refresh *refresh, LOCKMODE lock)
{
	bool	 is_here = refresh->distribution.placement == PLACED_HERE;
	TagKey	 key;
	Relation tag_table =
		open_tag_table(refresh->tag_table, is_here ? lock : AccessShareLock,
					   &key);
	Relation source = metaprobe_open_readable(refresh->source);

	if (refresh->source == refresh->tag_table)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a tag table cannot be its own source")));
	refresh->names.tag_table = metaprobe_quoted_relation(tag_table);
	refresh->names.source = metaprobe_quoted_relation(source);
	refresh->names.schema =
		quote_identifier(get_namespace_name(refresh->namespace));
	refresh->names.curve = metaprobe_curve_column(source, refresh->namespace,
												  refresh->curve_column);
	name_keys(refresh, tag_table, &key, source);
	/* That runs a query, so not before a lock that snapshots must not precede. */
	if (lock == AccessShareLock)
		metaprobe_check_colocated(tag_table, source);
	else if (!is_here)
		lock_on_every_node(refresh);
	relation_close(source, NoLock);
	relation_close(tag_table, NoLock);
}

/*
 * Steps
 */

/*
 * Begin a step: lock, then take the snapshot that all of the step's statements
 * see, then read the suite.
 */
void
metaprobe_refresh_begin_step(Refresh *refresh, LOCKMODE lock)
{
	MemoryContext outer = MemoryContextSwitchTo(refresh->step_context);
	bool		  is_decided;

	describe(refresh, lock);
	PushActiveSnapshot(GetTransactionSnapshot());
	refresh->step_suite =
		metaprobe_relation_suite(refresh->suite, refresh->namespace,
								 &is_decided);
	MemoryContextSwitchTo(outer);
}

void
metaprobe_refresh_end_step(Refresh *refresh)
{
	PopActiveSnapshot();
	MemoryContextReset(refresh->step_context);
	if (!refresh->is_atomic)
		SPI_commit();
}

/*
 * Run a statement under the step's snapshot; one that may see it changed.
 * Returns how many rows it was about.
 */
int64
metaprobe_refresh_execute(const char *sql, int n_parameters, Oid *types,
						  Datum *values, int options, int expected)
{
	SPIPlanPtr plan = SPI_prepare_cursor(sql, n_parameters, types, options);

	if (plan == NULL)
		elog(ERROR, "could not plan: %s", sql);
	if (SPI_execute_snapshot(plan, values, NULL, GetActiveSnapshot(),
							 InvalidSnapshot, false, true, 0) != expected)
		elog(ERROR, "could not execute: %s", sql);
	SPI_freeplan(plan);
	return SPI_processed;
}

/* A column of the only row that the last statement returned. */
static int64
returned_int64(int column)
{
	bool isnull;

	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, column,
									   &isnull));
}

/* The hash of the step's suite, as tag tables have it. */
Datum
metaprobe_refresh_suite_hash(const Refresh *refresh)
{
	return PointerGetDatum(cstring_to_text(
		psprintf("%016llx", (unsigned long long) refresh->step_suite->hash)));
}

/* Say how much there is to do. */
void
metaprobe_refresh_announce(const Refresh *refresh)
{
	ereport(NOTICE,
			(errmsg_plural("%s: " INT64_FORMAT " row to bring up to date",
						   "%s: " INT64_FORMAT " rows to bring up to date",
						   refresh->n_work, refresh->names.tag_table,
						   refresh->n_work)));
}

void
metaprobe_refresh_begin_reports(Refresh *refresh)
{
	refresh->merge_start = refresh->last_report = GetCurrentTimestamp();
}

/* Now and then, say how far we are: so many parts are done, of so many. */
void
metaprobe_refresh_report(Refresh *refresh, int64 done, int64 total)
{
	TimestampTz now = GetCurrentTimestamp();
	double		seconds;
	double		rows;

	if (!TimestampDifferenceExceeds(refresh->last_report, now,
									REPORT_INTERVAL_MS))
		return;
	refresh->last_report = now;
	seconds = (now - refresh->merge_start) / 1e6;
	rows = (double) refresh->n_work * done / total;
	ereport(NOTICE, (errmsg("%.0f of " INT64_FORMAT
							" rows done, %.0f rows/s, %.0f s left",
							rows, refresh->n_work, rows / seconds,
							seconds * (total - done) / done)));
}

/*
 * Classification
 */

static Oid
work_table(void)
{
	Oid namespace = LookupExplicitNamespace("pg_temp", true);

	return OidIsValid(namespace) ?
			   get_relname_relid(REFRESH_WORK_TABLE, namespace) :
			   InvalidOid;
}

static void
drop_work_table(void)
{
	if (OidIsValid(work_table()))
		SPI_execute("DROP TABLE pg_temp." REFRESH_WORK_TABLE, false, 0);
}

/* Where no index keeps the source's keys, see that they are keys. */
void
metaprobe_refresh_check_keys(const Refresh *refresh)
{
	HeapTuple row;
	TupleDesc columns;
	char	 *key;
	bool	  is_null;
	bool	  isnull;

	if (refresh->is_keyed)
		return;
	metaprobe_refresh_execute(metaprobe_bad_key_statement(&refresh->names), 0,
							  NULL, NULL, CURSOR_OPT_PARALLEL_OK,
							  SPI_OK_SELECT);
	if (SPI_processed == 0)
		return;
	row = SPI_tuptable->vals[0];
	columns = SPI_tuptable->tupdesc;
	key = SPI_getvalue(row, columns, 1);
	is_null = DatumGetBool(SPI_getbinval(row, columns, 2, &isnull));
	if (is_null)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("%s has a row whose key is null",
							   refresh->names.source),
						errhint("Filter such rows out in a view.")));
	ereport(ERROR, (errcode(ERRCODE_CARDINALITY_VIOLATION),
					errmsg("%s has more than one row with the key (%s)",
						   refresh->names.source, key),
					errhint("A tag table has one tag per key.")));
}

void
metaprobe_refresh_count_tags(Refresh *refresh)
{
	metaprobe_refresh_execute(psprintf("SELECT pg_catalog.count(*) FROM %s",
									   refresh->names.tag_table),
							  0, NULL, NULL, CURSOR_OPT_PARALLEL_OK,
							  SPI_OK_SELECT);
	refresh->n_tags = returned_int64(1);
}

static void
measure_work_table(Refresh *refresh)
{
	Relation work = relation_open(work_table(), AccessShareLock);

	refresh->n_blocks = RelationGetNumberOfBlocks(work);
	relation_close(work, AccessShareLock);
}

/* Fill the work table. */
static void
classify(Refresh *refresh)
{
	Oid suite_type =
		metaprobe_type_in_namespace("probe_suite", refresh->namespace);
	Oid	  types[2] = {suite_type, TEXTOID};
	Datum values[2];

	metaprobe_refresh_begin_step(refresh, AccessShareLock);
	metaprobe_refresh_check_keys(refresh);
	metaprobe_refresh_count_tags(refresh);
	refresh->classified_by = refresh->step_suite->hash;
	values[0] = PointerGetDatum(refresh->step_suite);
	values[1] = metaprobe_refresh_suite_hash(refresh);
	drop_work_table();
	metaprobe_refresh_execute(metaprobe_classify_statement(&refresh->names), 2,
							  types, values, 0, SPI_OK_UTILITY);
	refresh->n_work = SPI_processed;
	measure_work_table(refresh);
	metaprobe_refresh_announce(refresh);
	metaprobe_refresh_end_step(refresh);
}

/*
 * Merging
 */

/*
 * Settings for the merge of a batch.  Its rows are looked up by index, whatever
 * the planner thinks of that: it knows nothing of the work table and would now
 * and then read all of the source for every batch.  And it should not compile
 * a statement that takes a moment.
 */
static int
begin_batch_settings(bool by_index)
{
	int level = NewGUCNestLevel();

	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	if (by_index)
	{
		(void) set_config_option("enable_hashjoin", "off", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
		(void) set_config_option("enable_mergejoin", "off", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
	}
	return level;
}

/* The place of the first row in a block, as a value of type tid. */
static Datum
block_start(BlockNumber block)
{
	ItemPointer place = palloc(sizeof(ItemPointerData));

	ItemPointerSet(place, block, 0);
	return PointerGetDatum(place);
}

/* Merge the rows in some blocks of the work table into the tag table. */
static void
merge_batch(Refresh *refresh, BlockNumber first, BlockNumber end)
{
	Oid	  types[5] = {metaprobe_type_in_namespace("probe_suite",
												  refresh->namespace),
					  TEXTOID, TIDOID, TIDOID, BOOLOID};
	Datum values[5];
	int	  options;
	int	  level;

	metaprobe_refresh_begin_step(refresh, ShareRowExclusiveLock);
	values[0] = PointerGetDatum(refresh->step_suite);
	values[1] = metaprobe_refresh_suite_hash(refresh);
	values[2] = block_start(first);
	values[3] = block_start(end);
	values[4] =
		BoolGetDatum(refresh->step_suite->hash == refresh->classified_by);

	/* Citus plans nothing whose parameters it does not know. */
	options = metaprobe_has_citus() ? CURSOR_OPT_CUSTOM_PLAN :
									  CURSOR_OPT_GENERIC_PLAN;
	level = begin_batch_settings(refresh->is_keyed);
	metaprobe_refresh_execute(metaprobe_merge_statement(&refresh->names), 5,
							  types, values, options, SPI_OK_SELECT);
	AtEOXact_GUC(true, level);
	refresh->added += returned_int64(1);
	refresh->changed += returned_int64(2);
	refresh->removed += returned_int64(3);
	SPI_freetuptable(SPI_tuptable);
	metaprobe_refresh_end_step(refresh);
}

/*
 * Merge the work table, by batches of about batch_size rows; all at once if
 * every look at the source is one at all of it.
 */
static void
merge(Refresh *refresh, bool by_batches)
{
	BlockNumber blocks_per_batch = refresh->n_blocks;

	if (by_batches && refresh->n_work > refresh->batch_size)
		blocks_per_batch = Max(1, (double) refresh->n_blocks *
									  refresh->batch_size / refresh->n_work);
	metaprobe_refresh_begin_reports(refresh);
	for (BlockNumber block = 0; block < refresh->n_blocks;)
	{
		BlockNumber end =
			block + Min(blocks_per_batch, refresh->n_blocks - block);

		CHECK_FOR_INTERRUPTS();
		merge_batch(refresh, block, end);
		metaprobe_refresh_report(refresh, end, refresh->n_blocks);
		block = end;
	}
}

/*
 * The procedure
 */

static Refresh
refresh_of_call(FunctionCallInfo fcinfo)
{
	Refresh refresh = {0};

	for (int i = 0; i < 3; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("tag table, source and suite must not be null")));
	}
	refresh.tag_table = PG_GETARG_OID(0);
	refresh.source = PG_GETARG_OID(1);
	refresh.suite = PG_GETARG_OID(2);
	if (!PG_ARGISNULL(3))
		refresh.curve_column = text_to_cstring(PG_GETARG_TEXT_PP(3));
	refresh.batch_size = PG_ARGISNULL(4) ? 10000 : PG_GETARG_INT32(4);
	if (refresh.batch_size < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("batch size must be at least 1, not %d",
							   refresh.batch_size)));
	refresh.namespace = get_func_namespace(fcinfo->flinfo->fn_oid);
	refresh.is_atomic =
		!(fcinfo->context && IsA(fcinfo->context, CallContext) &&
		  !castNode(CallContext, fcinfo->context)->atomic);
	return refresh;
}

static Datum
counts(FunctionCallInfo fcinfo, const Refresh *refresh)
{
	TupleDesc columns;
	Datum	  values[4];
	bool	  nulls[4] = {0};

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum(refresh->added);
	values[1] = Int64GetDatum(refresh->changed);
	values[2] = Int64GetDatum(refresh->removed);
	values[3] = Int64GetDatum(
		Max(refresh->n_tags - refresh->changed - refresh->removed, 0));
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(columns), values, nulls));
}

/* Refresh a table of this server. */
static void
refresh_here(Refresh *refresh)
{
	classify(refresh);
	merge(refresh, refresh->is_keyed);
	drop_work_table();
}

/*
 * refresh_tags(tag_table, source, suite, curve_column, batch_size): how many
 * tags were added, changed, removed and left alone.
 */
PG_FUNCTION_INFO_V1(metaprobe_refresh_tags);
Datum
metaprobe_refresh_tags(PG_FUNCTION_ARGS)
{
	Refresh refresh = refresh_of_call(fcinfo);

	SPI_connect_ext(refresh.is_atomic ? 0 : SPI_OPT_NONATOMIC);
	refresh.step_context =
		AllocSetContextCreate(CurrentMemoryContext, "metaprobe refresh",
							  ALLOCSET_DEFAULT_SIZES);
	refresh.distribution = metaprobe_distribution(refresh.tag_table);
	if (refresh.distribution.placement == PLACED_HERE)
		refresh_here(&refresh);
	else
		metaprobe_refresh_on_shards(&refresh);
	SPI_finish();
	return counts(fcinfo, &refresh);
}
