/*
 * refresh_shards.c
 *		Bringing a distributed tag table up to date, where its rows are.
 *
 * First one query finds how much there is to do, and by a sample of the keys
 * where these are.  Each batch is a range of keys, and consists of up to three
 * statements: tag the rows that have no tag, tag anew those whose tag is by
 * another curve or suite, delete the tags that have no row.  All of them join
 * rows of one shard with tags of the shard beside it, so Citus sends them to
 * these shards, with the suite as a constant, and no row leaves its server.
 *
 * What is written is classified by the very statement that writes it, after the
 * tag table was locked on all nodes.  Each shard's part has a snapshot of its
 * own, and these are taken after that.  So what a refresh writes was true at some
 * moment after it began, here too, and whoever writes later writes what is true
 * later.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "refresh.h"

/* How many keys of each batch are asked for, on average. */
#define SAMPLE_PER_BATCH 64

typedef Datum Key[INDEX_MAX_KEYS];

/* What is to be done. */
typedef struct Findings
{
	int64 added; /* if nothing changes meanwhile */
	int64 changed;
	int64 removed;

	/* a sample of the keys, in order */
	int	 n_keys;
	Key *keys;
	Oid	 key_types[INDEX_MAX_KEYS];
} Findings;

/* Rows of a batch: so many of each shard, as each has its own transaction. */
static double
rows_per_batch(const Refresh *refresh)
{
	return (double) refresh->batch_size * refresh->distribution.n_shards;
}

/* Whether keys can be divided into ranges. */
static bool
has_ranges(const Refresh *refresh)
{
	return refresh->is_keyed && refresh->names.less && refresh->names.at_least;
}

/*
 * Finding
 */

static void
keep_key(Findings *findings, HeapTuple row, TupleDesc columns, int n_columns)
{
	Key *key = &findings->keys[findings->n_keys++];

	for (int i = 0; i < n_columns; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i + 1);
		bool			  isnull;
		Datum			  value = SPI_getbinval(row, columns, i + 2, &isnull);

		(*key)[i] = datumCopy(value, column->attbyval, column->attlen);
	}
}

/* Take in what the query has found; rows without a key are the other keys. */
static void
read_findings(Findings *findings, int n_columns)
{
	TupleDesc columns = SPI_tuptable->tupdesc;
	int64	 *counts[] = {&findings->added, &findings->changed,
						  &findings->removed};

	findings->keys =
		palloc_extended(Max(1, SPI_processed) * sizeof(Key), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n_columns; i++)
		findings->key_types[i] = TupleDescAttr(columns, i + 1)->atttypid;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		bool	  isnull;
		int kind = DatumGetInt32(SPI_getbinval(row, columns, 1, &isnull));

		*counts[kind - 1] +=
			DatumGetInt64(SPI_getbinval(row, columns, n_columns + 2, &isnull));
		(void) SPI_getbinval(row, columns, 2, &isnull);
		if (!isnull)
			keep_key(findings, row, columns, n_columns);
	}
}

/* Find what is to be done; the findings are kept in their own memory. */
static void
find(Refresh *refresh, Findings *findings, MemoryContext context)
{
	Oid			  types[2] = {TEXTOID, FLOAT8OID};
	Datum		  values[2];
	double		  share = SAMPLE_PER_BATCH / rows_per_batch(refresh);
	MemoryContext outer;

	metaprobe_refresh_begin_step(refresh, AccessShareLock);
	metaprobe_refresh_check_keys(refresh);
	metaprobe_refresh_count_tags(refresh);
	values[0] = metaprobe_refresh_suite_hash(refresh);
	values[1] = Float8GetDatum(has_ranges(refresh) ? share : 0);
	metaprobe_refresh_execute(metaprobe_find_statement(&refresh->names), 2,
							  types, values, CURSOR_OPT_CUSTOM_PLAN,
							  SPI_OK_SELECT);
	outer = MemoryContextSwitchTo(context);
	read_findings(findings, refresh->names.n_keys);
	MemoryContextSwitchTo(outer);
	SPI_freetuptable(SPI_tuptable);
	refresh->n_work = findings->added + findings->changed + findings->removed;
	metaprobe_refresh_announce(refresh);
	metaprobe_refresh_end_step(refresh);
}

/*
 * Batches
 */

static int
number_of_batches(const Refresh *refresh, const Findings *findings)
{
	double n = ceil(refresh->n_work / rows_per_batch(refresh));

	return Max(1, Min(n, findings->n_keys));
}

/* What the statements of a batch are given. */
typedef struct BatchParameters
{
	int	  n;
	Oid	  types[2 * INDEX_MAX_KEYS + 2];
	Datum values[2 * INDEX_MAX_KEYS + 2];
} BatchParameters;

static void
add_parameter(BatchParameters *parameters, Oid type, Datum value)
{
	parameters->types[parameters->n] = type;
	parameters->values[parameters->n] = value;
	parameters->n++;
}

static void
add_key(BatchParameters *parameters, const Refresh *refresh,
		const Findings *findings, int which)
{
	for (int i = 0; i < refresh->names.n_keys; i++)
		add_parameter(parameters, findings->key_types[i],
					  findings->keys[which][i]);
}

/* The place in the sample of the key that a batch begins with. */
static int
start_of_batch(const Findings *findings, int batch, int n_batches)
{
	return (int64) findings->n_keys * batch / n_batches;
}

static int64
run(const char *sql, BatchParameters *parameters, int expected)
{
	return metaprobe_refresh_execute(sql, parameters->n, parameters->types,
									 parameters->values,
									 CURSOR_OPT_CUSTOM_PLAN, expected);
}

/*
 * Bring a range of keys up to date.  What there was none of when the refresh
 * began is left to the next one.
 */
static void
run_batch(Refresh *refresh, const Findings *findings, int batch, int n_batches)
{
	KeyRange		range = {batch > 0, batch < n_batches - 1};
	BatchParameters parameters = {0};

	metaprobe_refresh_begin_step(refresh, ShareRowExclusiveLock);
	if (range.has_start)
		add_key(&parameters, refresh, findings,
				start_of_batch(findings, batch, n_batches));
	if (range.has_end)
		add_key(&parameters, refresh, findings,
				start_of_batch(findings, batch + 1, n_batches));
	if (findings->removed > 0)
		refresh->removed +=
			run(metaprobe_remove_statement(&refresh->names, range),
				&parameters, SPI_OK_DELETE);
	add_parameter(&parameters, BYTEAOID,
				  PointerGetDatum(
					  metaprobe_suite_to_bytes(refresh->step_suite)));
	add_parameter(&parameters, TEXTOID, metaprobe_refresh_suite_hash(refresh));
	if (findings->added > 0)
		refresh->added +=
			run(metaprobe_add_statement(&refresh->names, range,
										refresh->distribution.placement ==
											PLACED_ON_ONE_SHARD),
				&parameters, SPI_OK_INSERT);
	if (findings->changed > 0)
		refresh->changed +=
			run(metaprobe_change_statement(&refresh->names, range),
				&parameters, SPI_OK_UPDATE);
	metaprobe_refresh_end_step(refresh);
}

/* Refresh a distributed table. */
void
metaprobe_refresh_on_shards(Refresh *refresh)
{
	Findings findings = {0};
	int		 n_batches;

	find(refresh, &findings, CurrentMemoryContext);
	if (refresh->n_work == 0)
		return;
	n_batches = number_of_batches(refresh, &findings);
	metaprobe_refresh_begin_reports(refresh);
	for (int batch = 0; batch < n_batches; batch++)
	{
		CHECK_FOR_INTERRUPTS();
		run_batch(refresh, &findings, batch, n_batches);
		metaprobe_refresh_report(refresh, batch + 1, n_batches);
	}
}
