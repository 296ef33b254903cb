/*
 * loss_curve_operators.c
 *		Comparison, hashing and concatenation of curves.
 *
 * Equal curves are equal byte for byte (loss_curve.h), so hashes are taken
 * over the bytes and btree indexes may deduplicate.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "loss_curve.h"

/*
 * Index and sort code calls these a great many times in one memory context, so
 * they free what detoasting allocated.
 */
#define COMPARISON(name, test) \
	PG_FUNCTION_INFO_V1(name); \
	Datum name(PG_FUNCTION_ARGS) \
	{ \
		LossCurve *a = PG_GETARG_LOSS_CURVE(0); \
		LossCurve *b = PG_GETARG_LOSS_CURVE(1); \
		int		   order = loss_curve_compare(a, b); \
\
		PG_FREE_IF_COPY(a, 0); \
		PG_FREE_IF_COPY(b, 1); \
		test; \
	}

COMPARISON(loss_curve_eq, PG_RETURN_BOOL(order == 0))
COMPARISON(loss_curve_ne, PG_RETURN_BOOL(order != 0))
COMPARISON(loss_curve_lt, PG_RETURN_BOOL(order < 0))
COMPARISON(loss_curve_le, PG_RETURN_BOOL(order <= 0))
COMPARISON(loss_curve_gt, PG_RETURN_BOOL(order > 0))
COMPARISON(loss_curve_ge, PG_RETURN_BOOL(order >= 0))
COMPARISON(loss_curve_cmp, PG_RETURN_INT32(order))

PG_FUNCTION_INFO_V1(loss_curve_hash);
Datum
loss_curve_hash(PG_FUNCTION_ARGS)
{
	LossCurve *curve = PG_GETARG_LOSS_CURVE(0);
	uint32	   hash = hash_bytes((unsigned char *) VARDATA(curve),
								 VARSIZE(curve) - VARHDRSZ);

	PG_FREE_IF_COPY(curve, 0);
	PG_RETURN_UINT32(hash);
}

PG_FUNCTION_INFO_V1(loss_curve_hash_extended);
Datum
loss_curve_hash_extended(PG_FUNCTION_ARGS)
{
	LossCurve *curve = PG_GETARG_LOSS_CURVE(0);
	uint64	   hash =
		hash_bytes_extended((unsigned char *) VARDATA(curve),
							VARSIZE(curve) - VARHDRSZ, PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(curve, 0);
	PG_RETURN_UINT64(hash);
}

/*
 * curve || loss: one epoch more, missing if the loss is NULL.
 *
 * Declared for anynonarray and not for double precision, since then the parser
 * would prefer this operator for 'text' || number, in the whole database.
 */
PG_FUNCTION_INFO_V1(loss_curve_append);
Datum
loss_curve_append(PG_FUNCTION_ARGS)
{
	LossCurve *curve = PG_ARGISNULL(0) ? NULL : PG_GETARG_LOSS_CURVE(0);
	int		   n = curve ? curve->n_epochs : 0;
	LossCurve *longer = loss_curve_create(n + 1);

	if (n > 0)
		memcpy(longer->losses, curve->losses, n * sizeof(float));
	longer->losses[n] = metaprobe_missing_loss();
	if (!PG_ARGISNULL(1))
		longer->losses[n] = loss_curve_loss_of_type(
			PG_GETARG_DATUM(1),
			getBaseType(get_fn_expr_argtype(fcinfo->flinfo, 1)), n);
	PG_RETURN_LOSS_CURVE(loss_curve_finish(longer));
}

/* curve || curve: NULL counts as empty, unless both are. */
PG_FUNCTION_INFO_V1(loss_curve_concat);
Datum
loss_curve_concat(PG_FUNCTION_ARGS)
{
	LossCurve *head;
	LossCurve *tail;
	LossCurve *both;

	if (PG_ARGISNULL(0) && PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(0))
		PG_RETURN_LOSS_CURVE(PG_GETARG_LOSS_CURVE(1));
	if (PG_ARGISNULL(1))
		PG_RETURN_LOSS_CURVE(PG_GETARG_LOSS_CURVE(0));

	head = PG_GETARG_LOSS_CURVE(0);
	tail = PG_GETARG_LOSS_CURVE(1);
	both = loss_curve_create(head->n_epochs + tail->n_epochs);
	memcpy(both->losses, head->losses, head->n_epochs * sizeof(float));
	memcpy(both->losses + head->n_epochs, tail->losses,
		   tail->n_epochs * sizeof(float));
	PG_RETURN_LOSS_CURVE(loss_curve_finish(both));
}
