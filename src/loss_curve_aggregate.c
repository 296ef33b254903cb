/*
 * loss_curve_aggregate.c
 *		Aggregates over losses and curves.
 *
 * loss_curve_agg(loss, epoch) builds one curve from long rows in any order;
 * avg(curve) and stddev(curve) work epoch by epoch, over the observed ones.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"

#include "aggregate.h"
#include "compat.h"
#include "core/moments.h"
#include "loss_curve.h"

/*
 * loss_curve_agg
 */

/* A curve in the making; epochs without a loss so far are missing. */
typedef struct CurveBuilder
{
	int	  n_epochs;
	int	  capacity;
	float losses[FLEXIBLE_ARRAY_MEMBER];
} CurveBuilder;

/*
 * With 100,000 groups in a hash table their memory decides how many of them
 * wait on disk, so the sizes are those that PostgreSQL allocates: powers of
 * two.  They hold 30, 126, 254, 510, ... epochs: growing in smaller steps would
 * leave behind, in pieces too small for others, as much as it saves.
 */
#define FIRST_BUILDER_SIZE 128
#define SECOND_BUILDER_SIZE 512

static int
builder_capacity(Size size)
{
	return (size - offsetof(CurveBuilder, losses)) / sizeof(float);
}

static Size
builder_size(int n_epochs)
{
	Size size = FIRST_BUILDER_SIZE;

	if (n_epochs > builder_capacity(size))
		size = SECOND_BUILDER_SIZE;
	while (n_epochs > builder_capacity(size))
		size *= 2;
	return size;
}

/* Make room for n epochs; the builder (NULL: a new one) may move. */
static CurveBuilder *
builder_extend(CurveBuilder *builder, int n, MemoryContext context)
{
	if (builder == NULL || n > builder->capacity)
	{
		Size size = builder_size(n);

		if (builder == NULL)
		{
			builder = MemoryContextAlloc(context, size);
			builder->n_epochs = 0;
		}
		else
			builder = repalloc(builder, size);
		builder->capacity = builder_capacity(size);
	}
	while (builder->n_epochs < n)
		builder->losses[builder->n_epochs++] = metaprobe_missing_loss();
	return builder;
}

static void
builder_record(CurveBuilder *builder, int epoch, float loss)
{
	if (metaprobe_loss_is_missing(loss))
		return;
	if (!metaprobe_loss_is_missing(builder->losses[epoch]))
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("two losses for epoch %d", epoch),
				 errdetail("They are %g and %g.",
						   Min(builder->losses[epoch], loss),
						   Max(builder->losses[epoch], loss)),
				 errhint("Group by what identifies the example and the run, "
						 "or filter out the repeated epoch.")));
	builder->losses[epoch] = loss;
}

PG_FUNCTION_INFO_V1(loss_curve_agg_transfn);
Datum
loss_curve_agg_transfn(PG_FUNCTION_ARGS)
{
	CurveBuilder *builder = METAPROBE_GETARG_STATE(CurveBuilder, 0);
	int64		  epoch;

	if (PG_ARGISNULL(2))
	{
		/* The empty side of an outer join; a loss must have its epoch. */
		if (!PG_ARGISNULL(1))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("epoch of a loss must not be null")));
		METAPROBE_RETURN_STATE(builder);
	}

	epoch = PG_GETARG_INT64(2);
	if (epoch < 0 || epoch >= LOSS_CURVE_MAX_EPOCHS)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("epoch %lld is out of range", (long long) epoch),
				 errdetail("Epochs are numbered from 0 to %d.",
						   LOSS_CURVE_MAX_EPOCHS - 1)));
	if (builder == NULL || builder->n_epochs <= epoch)
		builder = builder_extend(builder, epoch + 1,
								 metaprobe_aggregate_context(fcinfo));
	if (!PG_ARGISNULL(1))
		builder_record(builder, epoch,
					   loss_curve_loss(PG_GETARG_FLOAT8(1), epoch));
	PG_RETURN_POINTER(builder);
}

PG_FUNCTION_INFO_V1(loss_curve_agg_combine);
Datum
loss_curve_agg_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = metaprobe_aggregate_context(fcinfo);
	CurveBuilder *into = METAPROBE_GETARG_STATE(CurveBuilder, 0);
	CurveBuilder *from = METAPROBE_GETARG_STATE(CurveBuilder, 1);

	if (from != NULL)
	{
		into = builder_extend(into, from->n_epochs, context);
		for (int epoch = 0; epoch < from->n_epochs; epoch++)
			builder_record(into, epoch, from->losses[epoch]);
	}
	METAPROBE_RETURN_STATE(into);
}

/*
 * A state on its way between processes of one server is its losses as they are;
 * every worker sends one for every group, so this must cost little.
 */
PG_FUNCTION_INFO_V1(loss_curve_agg_serialize);
Datum
loss_curve_agg_serialize(PG_FUNCTION_ARGS)
{
	CurveBuilder *builder = (CurveBuilder *) PG_GETARG_POINTER(0);
	Size		  size = builder->n_epochs * sizeof(float);
	bytea		 *message = palloc(VARHDRSZ + size);

	SET_VARSIZE(message, VARHDRSZ + size);
	memcpy(VARDATA(message), builder->losses, size);
	PG_RETURN_BYTEA_P(message);
}

/* Reads a state that need not be what was sent. */
PG_FUNCTION_INFO_V1(loss_curve_agg_deserialize);
Datum
loss_curve_agg_deserialize(PG_FUNCTION_ARGS)
{
	bytea		 *message = PG_GETARG_BYTEA_PP(0);
	Size		  size = VARSIZE_ANY_EXHDR(message);
	CurveBuilder *builder;

	if (size % sizeof(float) != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid state of %zu bytes of losses", size)));
	loss_curve_check_length(size / sizeof(float));
	builder = builder_extend(NULL, size / sizeof(float), CurrentMemoryContext);
	memcpy(builder->losses, VARDATA_ANY(message), size);
	for (int epoch = 0; epoch < builder->n_epochs; epoch++)
		builder->losses[epoch] =
			loss_curve_loss(builder->losses[epoch], epoch);
	PG_RETURN_POINTER(builder);
}

PG_FUNCTION_INFO_V1(loss_curve_agg_finalfn);
Datum
loss_curve_agg_finalfn(PG_FUNCTION_ARGS)
{
	CurveBuilder *builder;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	builder = (CurveBuilder *) PG_GETARG_POINTER(0);
	PG_RETURN_LOSS_CURVE(
		loss_curve_copy_losses(builder->losses, builder->n_epochs));
}

/*
 * avg and stddev
 */

/* Moments of every epoch, of curves that may have different lengths. */
typedef struct CurveMoments
{
	int32	vl_len_; /* varlena header, of all that there is room for */
	int32	n_epochs;
	Moments epochs[FLEXIBLE_ARRAY_MEMBER];
} CurveMoments;

#define PG_GETARG_MOMENTS(n) \
	((const CurveMoments *) PG_DETOAST_DATUM(PG_GETARG_DATUM(n)))

static int
moments_capacity(const CurveMoments *state)
{
	return (VARSIZE(state) - offsetof(CurveMoments, epochs)) / sizeof(Moments);
}

static CurveMoments *
moments_create(int capacity)
{
	Size size = offsetof(CurveMoments, epochs) + capacity * sizeof(Moments);
	CurveMoments *state = palloc0(size);

	SET_VARSIZE(state, size);
	return state;
}

/*
 * Make room for n epochs: for a new state (NULL) just as many, since the next curve
 * is likely to be as long, and at least twice as many as before when it grows.
 */
static CurveMoments *
moments_extend(CurveMoments *state, int n)
{
	if (state == NULL)
		state = moments_create(n);
	else if (n > moments_capacity(state))
	{
		int			  capacity = Max(n, 2 * moments_capacity(state));
		CurveMoments *grown =
			moments_create(Min(capacity, LOSS_CURVE_MAX_EPOCHS));

		memcpy(grown->epochs, state->epochs,
			   state->n_epochs * sizeof(Moments));
		grown->n_epochs = state->n_epochs;
		state = grown;
	}
	state->n_epochs = Max(state->n_epochs, n);
	return state;
}

static Datum
add_curve(FunctionCallInfo fcinfo)
{
	CurveMoments *state;
	LossCurve	 *curve;

	if (PG_ARGISNULL(1) && PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	curve = PG_GETARG_LOSS_CURVE(1);
	state = moments_extend(metaprobe_state_to_change(fcinfo), curve->n_epochs);
	for (int epoch = 0; epoch < curve->n_epochs; epoch++)
	{
		if (!metaprobe_loss_is_missing(curve->losses[epoch]))
			metaprobe_moments_add(&state->epochs[epoch], curve->losses[epoch]);
	}
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(metaprobe_moments_transfn);
Datum
metaprobe_moments_transfn(PG_FUNCTION_ARGS)
{
	return add_curve(fcinfo);
}

static Datum
combine_moments(FunctionCallInfo fcinfo)
{
	CurveMoments	   *into;
	const CurveMoments *from;

	if (PG_ARGISNULL(1) && PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	from = PG_GETARG_MOMENTS(1);
	into = moments_extend(metaprobe_state_to_change(fcinfo), from->n_epochs);
	for (int epoch = 0; epoch < from->n_epochs; epoch++)
		metaprobe_moments_merge(&into->epochs[epoch], &from->epochs[epoch]);
	PG_RETURN_POINTER(into);
}

PG_FUNCTION_INFO_V1(metaprobe_moments_combine);
Datum
metaprobe_moments_combine(PG_FUNCTION_ARGS)
{
	return combine_moments(fcinfo);
}

/* A curve of one figure of every epoch, missing where that is NaN. */
static Datum
curve_of_moments(FunctionCallInfo fcinfo,
				 double (*figure)(const Moments *moments))
{
	const CurveMoments *state;
	LossCurve		   *curve;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = PG_GETARG_MOMENTS(0);
	curve = loss_curve_create(state->n_epochs);
	for (int epoch = 0; epoch < state->n_epochs; epoch++)
		curve->losses[epoch] =
			loss_curve_loss(figure(&state->epochs[epoch]), epoch);
	PG_RETURN_LOSS_CURVE(loss_curve_finish(curve));
}

PG_FUNCTION_INFO_V1(metaprobe_moments_avg_final);
Datum
metaprobe_moments_avg_final(PG_FUNCTION_ARGS)
{
	return curve_of_moments(fcinfo, metaprobe_moments_mean);
}

PG_FUNCTION_INFO_V1(metaprobe_moments_stddev_final);
Datum
metaprobe_moments_stddev_final(PG_FUNCTION_ARGS)
{
	return curve_of_moments(fcinfo, metaprobe_moments_stddev);
}

/*
 * Moments outside of a server: text, in hexadecimal digits, and binary form
 */

static void
send_wide_sum(StringInfo message, const WideSum *sum)
{
	pq_sendfloat8(message, sum->sum);
	pq_sendfloat8(message, sum->error);
}

static void
receive_wide_sum(StringInfo message, WideSum *sum)
{
	sum->sum = pq_getmsgfloat8(message);
	sum->error = pq_getmsgfloat8(message);
}

/* For each epoch a count and two sums of two numbers, in network byte order. */
static bytea *
moments_write(const CurveMoments *state)
{
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint32(&message, state->n_epochs);
	for (int epoch = 0; epoch < state->n_epochs; epoch++)
	{
		pq_sendint64(&message, state->epochs[epoch].count);
		send_wide_sum(&message, &state->epochs[epoch].losses);
		send_wide_sum(&message, &state->epochs[epoch].squares);
	}
	return pq_endtypsend(&message);
}

/* More than any rows can be, and so few that adding them up cannot overflow. */
#define MAX_COUNT (INT64CONST(1) << 53)

static void
check_moments(const Moments *moments)
{
	if (moments->count < 0 || moments->count > MAX_COUNT ||
		!isfinite(moments->losses.sum) || !isfinite(moments->losses.error) ||
		!isfinite(moments->squares.sum) || !isfinite(moments->squares.error))
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid moments of %lld losses in a state",
							   (long long) moments->count)));
}

static int
received_length(StringInfo message)
{
	int32 n_epochs = pq_getmsgint(message, sizeof(int32));

	loss_curve_check_length(n_epochs);
	return n_epochs;
}

/* Reads bytes that need not be what was written. */
static CurveMoments *
moments_read(bytea *bytes)
{
	StringInfoData message = {0};
	CurveMoments  *state;

	message.data = VARDATA_ANY(bytes);
	message.len = VARSIZE_ANY_EXHDR(bytes);
	state = moments_extend(NULL, received_length(&message));
	for (int epoch = 0; epoch < state->n_epochs; epoch++)
	{
		state->epochs[epoch].count = pq_getmsgint64(&message);
		receive_wide_sum(&message, &state->epochs[epoch].losses);
		receive_wide_sum(&message, &state->epochs[epoch].squares);
		check_moments(&state->epochs[epoch]);
	}
	pq_getmsgend(&message);
	return state;
}

PG_FUNCTION_INFO_V1(metaprobe_moments_in);
Datum
metaprobe_moments_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(moments_read(
		DatumGetByteaPP(DirectFunctionCall1(byteain, PG_GETARG_DATUM(0)))));
}

PG_FUNCTION_INFO_V1(metaprobe_moments_out);
Datum
metaprobe_moments_out(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall1(byteaout, PointerGetDatum(moments_write(
											 PG_GETARG_MOMENTS(0))));
}

PG_FUNCTION_INFO_V1(metaprobe_moments_recv);
Datum
metaprobe_moments_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(moments_read(
		DatumGetByteaPP(DirectFunctionCall1(bytearecv, PG_GETARG_DATUM(0)))));
}

PG_FUNCTION_INFO_V1(metaprobe_moments_send);
Datum
metaprobe_moments_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(moments_write(PG_GETARG_MOMENTS(0)));
}

/*
 * The same for the SQL of version 0.1.0, whose states were of type internal
 */

PG_FUNCTION_INFO_V1(loss_curve_moments_transfn);
Datum
loss_curve_moments_transfn(PG_FUNCTION_ARGS)
{
	return metaprobe_keep_state(fcinfo, add_curve(fcinfo));
}

PG_FUNCTION_INFO_V1(loss_curve_moments_combine);
Datum
loss_curve_moments_combine(PG_FUNCTION_ARGS)
{
	return metaprobe_keep_state(fcinfo, combine_moments(fcinfo));
}

PG_FUNCTION_INFO_V1(loss_curve_moments_serialize);
Datum
loss_curve_moments_serialize(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(moments_write(PG_GETARG_MOMENTS(0)));
}

PG_FUNCTION_INFO_V1(loss_curve_moments_deserialize);
Datum
loss_curve_moments_deserialize(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(moments_read(PG_GETARG_BYTEA_PP(0)));
}

PG_FUNCTION_INFO_V1(loss_curve_avg_finalfn);
Datum
loss_curve_avg_finalfn(PG_FUNCTION_ARGS)
{
	return curve_of_moments(fcinfo, metaprobe_moments_mean);
}

PG_FUNCTION_INFO_V1(loss_curve_stddev_finalfn);
Datum
loss_curve_stddev_finalfn(PG_FUNCTION_ARGS)
{
	return curve_of_moments(fcinfo, metaprobe_moments_stddev);
}
