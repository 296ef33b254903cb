/*
 * loss_log_read.c
 *		Reading a log of losses, and checking what is in it.
 *
 * The log is read by a query of the caller's, so that privileges, row security,
 * views and partitions are PostgreSQL's business, under the snapshot of the
 * statement that is running.  Each chunk goes from the executor straight to the
 * assembly of curves, so only one is in memory at a time.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "tcop/dest.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "loss_curve.h"
#include "loss_log.h"
#include "names.h"
#include "relation.h"

#define LOSSES_AT_ONCE 1024

/* Gets the rows of the query. */
typedef struct ChunkReader
{
	DestReceiver		  receiver;
	const LossLogOptions *options;
	const char			 *log;
	CurveAssembly		 *assembly;
	MemoryContext		  chunk_context; /* reset after each chunk */
	MemoryContext		  context;
	char				 *run; /* of the chunks so far */
} ChunkReader;

/* One row. */
typedef struct Chunk
{
	const char *run;
	int			epoch;
	ArrayType  *ids;
	ArrayType  *losses;
	int			n;
} Chunk;

/*
 * The query
 */

static bool
is_integer_array(Oid type)
{
	return type == INT8ARRAYOID || type == INT4ARRAYOID ||
		   type == INT2ARRAYOID;
}

static bool
is_float_array(Oid type)
{
	return type == FLOAT4ARRAYOID || type == FLOAT8ARRAYOID;
}

static bool
is_integer(Oid type)
{
	return type == INT8OID || type == INT4OID || type == INT2OID;
}

static bool
is_any(Oid type)
{
	return true;
}

/* Check that the relation has this column, of a type that will do. */
static void
check_column(Relation relation, const char *name, bool (*will_do)(Oid type),
			 const char *wanted)
{
	TupleDesc columns = RelationGetDescr(relation);

	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);

		if (column->attisdropped ||
			strcmp(NameStr(column->attname), name) != 0)
			continue;
		if (!will_do(getBaseType(column->atttypid)))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of relation \"%s\" is of type %s",
							name, RelationGetRelationName(relation),
							format_type_be(column->atttypid)),
					 errhint("In a loss log it is of type %s.", wanted)));
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("relation \"%s\" is no loss log: it has no column \"%s\"",
					RelationGetRelationName(relation), name),
			 errhint("A loss log has the columns run, epoch, ids and losses, "
					 "and recorded_at if the last loss is to win.")));
}

/*
 * A query for the chunks.  Where the last one wins they come in the order in
 * which they were recorded, and those of one moment in an order that depends on
 * nothing but what is in them.
 */
static char *
chunk_query(Relation relation, const LossLogOptions *options)
{
	StringInfoData query;

	check_column(relation, "run", is_any, "text");
	check_column(relation, "epoch", is_integer, "integer");
	check_column(relation, "ids", is_integer_array, "bigint[] or integer[]");
	check_column(relation, "losses", is_float_array,
				 "real[] or double precision[]");
	if (options->last_wins)
		check_column(relation, "recorded_at", is_any,
					 "timestamp with time zone");

	initStringInfo(&query);
	appendStringInfo(&query,
					 "SELECT l.run::pg_catalog.text, l.epoch::pg_catalog.int8,"
					 " l.ids, l.losses FROM %s AS l",
					 metaprobe_quoted_relation(relation));
	if (options->run)
		appendStringInfoString(
			&query, " WHERE l.run::pg_catalog.text OPERATOR(pg_catalog.=) $1");
	if (options->last_wins)
		appendStringInfoString(&query,
							   " ORDER BY l.recorded_at NULLS FIRST, l.epoch,"
							   " l.ids, l.losses");
	return query.data;
}

/*
 * Checks of a chunk
 */

/* Check that the chunk is of the run that those before it are of. */
static void
check_run(ChunkReader *reader, const char *run)
{
	bool is_before;

	if (reader->run == NULL)
		reader->run = MemoryContextStrdup(reader->context, run);
	if (reader->options->run || strcmp(reader->run, run) == 0)
		return;
	is_before = strcmp(reader->run, run) < 0;
	ereport(ERROR,
			(errcode(ERRCODE_CARDINALITY_VIOLATION),
			 errmsg("relation \"%s\" holds more than one run", reader->log),
			 errdetail("Two of them are \"%s\" and \"%s\".",
					   is_before ? reader->run : run,
					   is_before ? run : reader->run),
			 errhint("Pass the name of the run as the second argument.")));
}

/* The number of elements of an array, which must be a plain list. */
static int
n_elements(const Chunk *chunk, ArrayType *array, const char *what)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s of run \"%s\", epoch %d have %d dimensions", what,
						chunk->run, chunk->epoch, ARR_NDIM(array))));
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

/* Check that none of the chunk's columns is null. */
static void
check_nulls(const bool *nulls, const char *run, int64 epoch)
{
	if (nulls[0])
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("run of a chunk must not be null")));
	if (nulls[1])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("epoch of a chunk of run \"%s\" must not be null",
						run)));
	if (nulls[2] || nulls[3])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s of run \"%s\", epoch %lld must not be null",
						nulls[2] ? "ids" : "losses", run, (long long) epoch)));
}

/* The row's chunk, its arrays unpacked. */
static Chunk
chunk_of_row(ChunkReader *reader, TupleTableSlot *slot)
{
	Chunk  chunk = {0};
	Datum *values;
	bool  *nulls;
	int64  epoch;
	int	   n_losses;

	slot_getallattrs(slot);
	values = slot->tts_values;
	nulls = slot->tts_isnull;
	if (!nulls[0])
		chunk.run = TextDatumGetCString(values[0]);
	epoch = nulls[1] ? 0 : DatumGetInt64(values[1]);
	check_nulls(nulls, chunk.run, epoch);
	check_run(reader, chunk.run);
	if (epoch < 0 || epoch >= LOSS_CURVE_MAX_EPOCHS)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("epoch %lld of run \"%s\" is out of range",
							   (long long) epoch, chunk.run),
						errdetail("Epochs are numbered from 0 to %d.",
								  LOSS_CURVE_MAX_EPOCHS - 1)));
	chunk.epoch = epoch;

	chunk.ids = DatumGetArrayTypeP(values[2]);
	chunk.losses = DatumGetArrayTypeP(values[3]);
	chunk.n = n_elements(&chunk, chunk.ids, "ids");
	n_losses = n_elements(&chunk, chunk.losses, "losses");
	if (chunk.n != n_losses)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("chunk of run \"%s\", epoch %d has %d ids and %d "
						"losses",
						chunk.run, chunk.epoch, chunk.n, n_losses)));
	return chunk;
}

/*
 * Ids and losses
 */

static void
unpack(ArrayType *array, Datum **elements, bool **nulls)
{
	Oid	  type = ARR_ELEMTYPE(array);
	int16 typlen;
	bool  typbyval;
	char  typalign;
	int	  n;

	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	deconstruct_array(array, type, typlen, typbyval, typalign, elements, nulls,
					  &n);
}

/* The elements of an array without nulls. */
static const void *
elements_in_place(const ArrayType *array)
{
	return (const char *) array + ARR_OVERHEAD_NONULLS(ARR_NDIM(array));
}

/* The ids as int64s, in place if they are that. */
static const int64 *
ids_of_chunk(const Chunk *chunk)
{
	Oid	   type = ARR_ELEMTYPE(chunk->ids);
	Datum *elements;
	bool  *nulls;
	int64 *ids;

	if (type == INT8OID && !ARR_HASNULL(chunk->ids))
		return elements_in_place(chunk->ids);
	unpack(chunk->ids, &elements, &nulls);
	ids = palloc(chunk->n * sizeof(int64));
	for (int i = 0; i < chunk->n; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("id at position %d of run \"%s\", epoch %d "
								   "is null",
								   i + 1, chunk->run, chunk->epoch)));
		ids[i] = type == INT8OID ? DatumGetInt64(elements[i]) :
				 type == INT4OID ? DatumGetInt32(elements[i]) :
								   DatumGetInt16(elements[i]);
	}
	return ids;
}

/* The losses as floats, in place if they are that; what is no loss is not
 * finite. */
static const float *
losses_of_chunk(const Chunk *chunk)
{
	Oid	   type = ARR_ELEMTYPE(chunk->losses);
	Datum *elements;
	bool  *nulls;
	float *losses;

	if (type == FLOAT4OID && !ARR_HASNULL(chunk->losses))
		return elements_in_place(chunk->losses);
	unpack(chunk->losses, &elements, &nulls);
	losses = palloc(chunk->n * sizeof(float));
	for (int i = 0; i < chunk->n; i++)
		losses[i] = nulls[i]		  ? metaprobe_missing_loss() :
					type == FLOAT4OID ? DatumGetFloat4(elements[i]) :
										(float) DatumGetFloat8(elements[i]);
	return losses;
}

/* Say what is wrong with the loss at a place of the chunk. */
static void
report_invalid_loss(const Chunk *chunk, int i, int64 id)
{
	Datum *elements;
	bool  *nulls;
	char  *value;

	unpack(chunk->losses, &elements, &nulls);
	if (nulls[i])
		value = "null";
	else if (ARR_ELEMTYPE(chunk->losses) == FLOAT4OID)
		value = DatumGetCString(DirectFunctionCall1(float4out, elements[i]));
	else
		value = DatumGetCString(DirectFunctionCall1(float8out, elements[i]));
	ereport(
		ERROR,
		(errcode(nulls[i] ? ERRCODE_NULL_VALUE_NOT_ALLOWED :
							ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
		 errmsg("loss %s of id %lld at position %d of run \"%s\", epoch %d "
				"is not a finite number within the range of type real",
				value, (long long) id, i + 1, chunk->run, chunk->epoch),
		 errhint("Clip the loss, or pass invalid => 'missing' to take such "
				 "epochs for missing.")));
}

/*
 * The losses of a chunk from a place on as curves have them.
 */
static void
check_losses(ChunkReader *reader, const Chunk *chunk, const int64 *ids,
			 const float *losses, int first, int n, float *checked)
{
	for (int i = 0; i < n; i++)
	{
		checked[i] = losses[first + i] + 0.0f; /* -0 + 0 is +0 */
		if (!isfinite(checked[i]))
		{
			if (!reader->options->invalid_is_missing)
				report_invalid_loss(chunk, first + i, ids[first + i]);
			checked[i] = metaprobe_missing_loss();
		}
	}
}

static void
add_chunk(ChunkReader *reader, const Chunk *chunk)
{
	const int64 *ids = ids_of_chunk(chunk);
	const float *losses = losses_of_chunk(chunk);
	float		 checked[LOSSES_AT_ONCE];

	for (int first = 0; first < chunk->n; first += LOSSES_AT_ONCE)
	{
		int n = Min(chunk->n - first, LOSSES_AT_ONCE);

		CHECK_FOR_INTERRUPTS();
		check_losses(reader, chunk, ids, losses, first, n, checked);
		metaprobe_assembly_add(reader->assembly, chunk->epoch, ids + first,
							   checked, n);
	}
}

/*
 * Receiving rows
 */

static bool
receive_chunk(TupleTableSlot *slot, DestReceiver *self)
{
	ChunkReader	 *reader = (ChunkReader *) self;
	MemoryContext caller = MemoryContextSwitchTo(reader->chunk_context);
	Chunk		  chunk = chunk_of_row(reader, slot);

	add_chunk(reader, &chunk);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(reader->chunk_context);
	return true;
}

static void
receive_start(DestReceiver *self, int operation, TupleDesc columns)
{
}

static void
receive_end(DestReceiver *self)
{
}

static ParamListInfo
text_parameter(const char *value)
{
	ParamListInfo parameters = makeParamList(1);

	parameters->params[0].value = CStringGetTextDatum(value);
	parameters->params[0].isnull = false;
	parameters->params[0].pflags = PARAM_FLAG_CONST;
	parameters->params[0].ptype = TEXTOID;
	return parameters;
}

/* Add the losses of a run to the assembly. */
void
metaprobe_loss_log_read(Oid log, const LossLogOptions *options,
						CurveAssembly *assembly)
{
	ChunkReader		  reader = {0};
	SPIExecuteOptions execution = {0};
	Relation		  relation = metaprobe_open_readable(log);
	char			 *query = chunk_query(relation, options);

	reader.receiver.receiveSlot = receive_chunk;
	reader.receiver.rStartup = receive_start;
	reader.receiver.rShutdown = receive_end;
	reader.receiver.rDestroy = receive_end;
	reader.receiver.mydest =
		DestTuplestore; /* SPI has its own idea of others */
	reader.options = options;
	reader.log = pstrdup(RelationGetRelationName(relation));
	reader.assembly = assembly;
	reader.context = CurrentMemoryContext;
	reader.chunk_context =
		AllocSetContextCreate(CurrentMemoryContext, "metaprobe chunk",
							  ALLOCSET_DEFAULT_SIZES);
	relation_close(relation, NoLock);

	SPI_connect();
	execution.params = options->run ? text_parameter(options->run) : NULL;
	execution.read_only = true;
	execution.dest = &reader.receiver;
	if (SPI_execute_extended(query, &execution) != SPI_OK_SELECT)
		elog(ERROR, "could not execute: %s", query);
	SPI_finish();
	MemoryContextDelete(reader.chunk_context);
}
