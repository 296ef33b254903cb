/*
 * loss_curve.c
 *		The type loss_curve: making one, its text and its binary form.
 *
 * Binary form: a version byte, the number of epochs as int4, then the losses
 * as float4, NaN for a missing epoch.
 */
#include "postgres.h"

#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "utils/array.h"

#include "compat.h"
#include "core/curve_text.h"
#include "loss_curve.h"

#define LOSS_CURVE_BINARY_VERSION 1

/* How much of a bad token an error message quotes, in bytes. */
#define QUOTED_BYTES 40

/* The curve in a datum, detoasted and aligned; maybe in place, so read only. */
LossCurve *
loss_curve_from_datum(Datum datum)
{
	LossCurve *curve = (LossCurve *) PG_DETOAST_DATUM(datum);

	if (curve->version != LOSS_CURVE_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("unsupported loss_curve version %d", curve->version),
				 errhint("This library reads version %d; was the value "
						 "written by a newer metaprobe?",
						 LOSS_CURVE_VERSION)));
	return curve;
}

/* Is this a possible number of epochs?  If not, a soft error. */
bool
loss_curve_length_is_valid(int64 n_epochs, Node *escontext)
{
	if (n_epochs < 0 || n_epochs > LOSS_CURVE_MAX_EPOCHS)
		metaprobe_ereturn(escontext, false,
						  (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						   errmsg("loss_curve cannot have %lld epochs",
								  (long long) n_epochs),
						   errdetail("A curve has 0 to %d epochs.",
									 LOSS_CURVE_MAX_EPOCHS)));
	return true;
}

void
loss_curve_check_length(int64 n_epochs)
{
	(void) loss_curve_length_is_valid(n_epochs, NULL);
}

/*
 * A curve of n epochs, whose losses the caller must now set, all of them in
 * canonical form (core/loss.h), and then pass it to loss_curve_finish().
 */
LossCurve *
loss_curve_create(int n_epochs)
{
	LossCurve *curve;

	loss_curve_check_length(n_epochs);
	curve = palloc(LOSS_CURVE_SIZE(n_epochs));
	SET_VARSIZE(curve, LOSS_CURVE_SIZE(n_epochs));
	curve->n_epochs = n_epochs;
	curve->version = LOSS_CURVE_VERSION;
	curve->flags = 0;
	return curve;
}

/* Set what the header tells of the losses. */
LossCurve *
loss_curve_finish(LossCurve *curve)
{
	curve->flags = 0;
	for (int i = 0; i < curve->n_epochs; i++)
	{
		if (metaprobe_loss_is_missing(curve->losses[i]))
		{
			curve->flags |= LOSS_CURVE_HAS_MISSING;
			break;
		}
	}
	return curve;
}

/* A curve of these losses, which are in canonical form. */
LossCurve *
loss_curve_copy_losses(const float *losses, int n_epochs)
{
	LossCurve *curve = loss_curve_create(n_epochs);

	if (n_epochs > 0)
		memcpy(curve->losses, losses, n_epochs * sizeof(float));
	return loss_curve_finish(curve);
}

/* A double as the loss of an epoch, an error if it is none. */
float
loss_curve_loss(double value, int64 epoch)
{
	float loss;

	if (!metaprobe_loss_from_double(value, &loss))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("loss %g of epoch %lld is infinite or out of "
							   "range for type real",
							   value, (long long) epoch),
						errhint("Clip the loss, or record the epoch as "
								"null.")));
	return loss;
}

int
loss_curve_compare(const LossCurve *a, const LossCurve *b)
{
	return metaprobe_losses_compare(a->losses, a->n_epochs, b->losses,
									b->n_epochs);
}

static bool
has_typmod_length(const LossCurve *curve, int32 typmod, Node *escontext)
{
	if (typmod >= 0 && curve->n_epochs != typmod)
		metaprobe_ereturn(
			escontext, false,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("expected a loss curve of %d epochs, not %d", typmod,
					curve->n_epochs),
			 errhint("Use resample_curve(curve, %d), a slice, or a column of "
					 "type loss_curve without a length.",
					 typmod)));
	return true;
}

/* The losses as a JSON array, in the shortest form that reads back the same. */
void
loss_curve_append_text(StringInfo text, const float *losses, int n_epochs)
{
	char number[FLOAT_SHORTEST_DECIMAL_LEN];

	appendStringInfoChar(text, '[');
	for (int i = 0; i < n_epochs; i++)
	{
		if (i > 0)
			appendStringInfoChar(text, ',');
		if (metaprobe_loss_is_missing(losses[i]))
			appendStringInfoString(text, "null");
		else
			appendBinaryStringInfo(text, number,
								   float_to_shortest_decimal_bufn(losses[i],
																  number));
	}
	appendStringInfoChar(text, ']');
}

/*
 * The token that was not understood, or the character if it is not even one,
 * short enough for a message.
 */
static char *
quote_input(const char *text, const CurveTextError *error)
{
	const char *start = text + error->position;
	int length = error->length > 0 ? (int) error->length : pg_mblen(start);
	int clipped = pg_mbcliplen(start, length, QUOTED_BYTES);

	return psprintf("%s%s", pnstrdup(start, clipped),
					clipped < length ? "..." : "");
}

static void
report_text_error(const char *text, CurveTextStatus status,
				  const CurveTextError *error, Node *escontext)
{
	switch (status)
	{
		case CURVE_TEXT_OK:
			break;
		case CURVE_TEXT_TOO_LONG:
			(void) loss_curve_length_is_valid(error->epoch + 1, escontext);
			break;
		case CURVE_TEXT_INFINITE:
		case CURVE_TEXT_OUT_OF_RANGE:
			metaprobe_ereturn(
				escontext, ,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("loss \"%s\" of epoch %d is infinite or out of range "
						"for type real",
						quote_input(text, error), error->epoch),
				 errhint("Clip the loss, or record the epoch as null.")));
			break;
		case CURVE_TEXT_SYNTAX:
			metaprobe_ereturn(
				escontext, ,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", "loss_curve"),
				 text[error->position] ?
					 errdetail("Unexpected \"%s\" at byte %zu.",
							   quote_input(text, error), error->position) :
					 errdetail("Unexpected end of input at byte %zu.",
							   error->position),
				 errhint("A curve is a list of losses, one per epoch: "
						 "[2.3,1.9,null,0.4]")));
			break;
	}
}

/* The curve that the text spells; NULL after a soft error. */
LossCurve *
loss_curve_parse(const char *text, Node *escontext)
{
	LossCurve	   *curve = NULL;
	CurveTextError	error;
	CurveTextStatus status;
	int				n_epochs;
	float		   *losses =
		palloc(metaprobe_curve_text_capacity(text) * sizeof(float));

	status = metaprobe_curve_text_parse(text, losses, &n_epochs, &error);
	if (status == CURVE_TEXT_OK)
		curve = loss_curve_copy_losses(losses, n_epochs);
	else
		report_text_error(text, status, &error, escontext);
	pfree(losses);
	return curve;
}

PG_FUNCTION_INFO_V1(loss_curve_in);
Datum
loss_curve_in(PG_FUNCTION_ARGS)
{
	LossCurve *curve = loss_curve_parse(PG_GETARG_CSTRING(0), fcinfo->context);

	if (curve == NULL ||
		!has_typmod_length(curve, PG_GETARG_INT32(2), fcinfo->context))
		PG_RETURN_NULL();
	PG_RETURN_LOSS_CURVE(curve);
}

PG_FUNCTION_INFO_V1(loss_curve_out);
Datum
loss_curve_out(PG_FUNCTION_ARGS)
{
	LossCurve	  *curve = PG_GETARG_LOSS_CURVE(0);
	StringInfoData text;

	initStringInfo(&text);
	loss_curve_append_text(&text, curve->losses, curve->n_epochs);
	PG_RETURN_CSTRING(text.data);
}

PG_FUNCTION_INFO_V1(loss_curve_recv);
Datum
loss_curve_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	int		   version = pq_getmsgbyte(message);
	int32	   n_epochs;
	LossCurve *curve;

	if (version != LOSS_CURVE_BINARY_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unsupported loss_curve binary version %d", version)));

	n_epochs = pq_getmsgint(message, sizeof(int32));
	loss_curve_check_length(n_epochs);
	if (message->len - message->cursor != n_epochs * (int) sizeof(float))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("loss curve of %d epochs comes with %d bytes of "
						"losses instead of %d",
						n_epochs, message->len - message->cursor,
						n_epochs * (int) sizeof(float))));

	curve = loss_curve_create(n_epochs);
	for (int i = 0; i < n_epochs; i++)
		curve->losses[i] = loss_curve_loss(pq_getmsgfloat4(message), i);
	loss_curve_finish(curve);
	(void) has_typmod_length(curve, PG_GETARG_INT32(2), NULL);
	PG_RETURN_LOSS_CURVE(curve);
}

PG_FUNCTION_INFO_V1(loss_curve_send);
Datum
loss_curve_send(PG_FUNCTION_ARGS)
{
	LossCurve	  *curve = PG_GETARG_LOSS_CURVE(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbyte(&message, LOSS_CURVE_BINARY_VERSION);
	pq_sendint32(&message, curve->n_epochs);
	for (int i = 0; i < curve->n_epochs; i++)
		pq_sendfloat4(&message, curve->losses[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

PG_FUNCTION_INFO_V1(loss_curve_typmod_in);
Datum
loss_curve_typmod_in(PG_FUNCTION_ARGS)
{
	int	   n;
	int32 *typmods = ArrayGetIntegerTypmods(PG_GETARG_ARRAYTYPE_P(0), &n);

	if (n != 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("type loss_curve takes one modifier, the "
							   "number of epochs")));
	if (typmods[0] < 1 || typmods[0] > LOSS_CURVE_MAX_EPOCHS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of epochs of type loss_curve must be between "
						"1 and %d, not %d",
						LOSS_CURVE_MAX_EPOCHS, typmods[0])));
	PG_RETURN_INT32(typmods[0]);
}

PG_FUNCTION_INFO_V1(loss_curve_typmod_out);
Datum
loss_curve_typmod_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(psprintf("(%d)", PG_GETARG_INT32(0)));
}

/* The cast that checks the length, which assignment to a column applies. */
PG_FUNCTION_INFO_V1(loss_curve_enforce_typmod);
Datum
loss_curve_enforce_typmod(PG_FUNCTION_ARGS)
{
	LossCurve *curve = PG_GETARG_LOSS_CURVE(0);

	(void) has_typmod_length(curve, PG_GETARG_INT32(1), NULL);
	PG_RETURN_LOSS_CURVE(curve);
}

/* epochs(curve): of a long curve stored out of line, only the head is read. */
PG_FUNCTION_INFO_V1(loss_curve_epochs);
Datum
loss_curve_epochs(PG_FUNCTION_ARGS)
{
	struct varlena *head =
		PG_DETOAST_DATUM_SLICE(PG_GETARG_DATUM(0), 0,
							   offsetof(LossCurve, losses) - VARHDRSZ);
	uint16 n_epochs;

	memcpy(&n_epochs,
		   VARDATA_ANY(head) + offsetof(LossCurve, n_epochs) - VARHDRSZ,
		   sizeof(n_epochs));
	PG_RETURN_INT64(n_epochs);
}

PG_FUNCTION_INFO_V1(loss_curve_observed_epochs);
Datum
loss_curve_observed_epochs(PG_FUNCTION_ARGS)
{
	LossCurve *curve = PG_GETARG_LOSS_CURVE(0);
	int		   observed = 0;

	for (int i = 0; i < curve->n_epochs; i++)
		observed += !metaprobe_loss_is_missing(curve->losses[i]);
	PG_RETURN_INT64(observed);
}
