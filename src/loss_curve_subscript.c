/*
 * loss_curve_subscript.c
 *		Subscripts of curves: curve[epoch] and curve[first:last], from 0.
 *
 * Reading beyond the curve gives NULL, or a shorter slice.  Assignment beyond
 * its end extends it with missing epochs.  An assignment to a column does not
 * pass through the cast that checks loss_curve(n), so it is checked here: the
 * result has n epochs, and an epoch of n or more is an error.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/execExpr.h"
#include "nodes/nodeFuncs.h"
#include "nodes/subscripting.h"
#include "parser/parse_coerce.h"
#include "parser/parse_expr.h"

#include "compat.h"
#include "loss_curve.h"

typedef struct CurveSubscript
{
	int32 typmod;
	bool  has_first;
	bool  has_last;
	int64 first; /* of a slice */
	int64 last;	 /* or the only subscript */
} CurveSubscript;

/* Make a subscript a bigint; an omitted bound of a slice stays NULL. */
static Node *
transform_subscript(ParseState *pstate, Node *subscript)
{
	Node *number;
	Node *epoch;

	if (subscript == NULL)
		return NULL;
	number = transformExpr(pstate, subscript, pstate->p_expr_kind);
	epoch =
		coerce_to_target_type(pstate, number, exprType(number), INT8OID, -1,
							  COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
	if (epoch == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("subscript of a loss_curve must be an epoch number"),
				 parser_errposition(pstate, exprLocation(number))));
	return epoch;
}

static void
transform(SubscriptingRef *sbsref, List *indirection, ParseState *pstate,
		  bool is_slice, bool is_assignment)
{
	A_Indices *indices = linitial_node(A_Indices, indirection);

	if (list_length(indirection) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("loss_curve allows only one subscript"),
				 parser_errposition(pstate,
									exprLocation((Node *) indirection))));

	if (is_slice)
		sbsref->reflowerindexpr =
			list_make1(transform_subscript(pstate, indices->lidx));
	sbsref->refupperindexpr =
		list_make1(transform_subscript(pstate, indices->uidx));

	/* What is read, or assigned, need not have the length of the column. */
	sbsref->refrestype = is_slice ? sbsref->refcontainertype : FLOAT8OID;
	sbsref->reftypmod = -1;
}

/* Note the subscripts' values.  False, and a NULL result, if one is NULL. */
static bool
check_subscripts(ExprState *state, ExprEvalStep *op, ExprContext *econtext)
{
	SubscriptingRefState *ref = op->d.sbsref_subscript.state;
	CurveSubscript		 *subscript = ref->workspace;

	subscript->has_first = ref->numlower > 0 && ref->lowerprovided[0];
	subscript->has_last = ref->upperprovided[0];
	if ((subscript->has_first && ref->lowerindexnull[0]) ||
		(subscript->has_last && ref->upperindexnull[0]))
	{
		if (ref->isassignment)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("loss_curve subscript in assignment must not be "
							"null")));
		*op->resnull = true;
		return false;
	}
	subscript->first =
		subscript->has_first ? DatumGetInt64(ref->lowerindex[0]) : 0;
	subscript->last =
		subscript->has_last ? DatumGetInt64(ref->upperindex[0]) : 0;
	return true;
}

static void
fetch_epoch(ExprState *state, ExprEvalStep *op, ExprContext *econtext)
{
	CurveSubscript *subscript = op->d.sbsref.state->workspace;
	LossCurve	   *curve = DatumGetLossCurve(*op->resvalue);
	int64			epoch = subscript->last;

	*op->resnull = epoch < 0 || epoch >= curve->n_epochs ||
				   metaprobe_loss_is_missing(curve->losses[epoch]);
	*op->resvalue =
		*op->resnull ? (Datum) 0 : Float8GetDatum(curve->losses[epoch]);
}

static void
fetch_slice(ExprState *state, ExprEvalStep *op, ExprContext *econtext)
{
	CurveSubscript *subscript = op->d.sbsref.state->workspace;
	LossCurve	   *curve = DatumGetLossCurve(*op->resvalue);
	int64			first = Max(subscript->first, 0);
	int64			last = curve->n_epochs - 1;
	LossCurve	   *slice;

	if (subscript->has_last)
		last = Min(last, subscript->last);
	if (first > last)
		slice = loss_curve_copy_losses(NULL, 0);
	else
		slice =
			loss_curve_copy_losses(curve->losses + first, last - first + 1);
	*op->resvalue = PointerGetDatum(slice);
	*op->resnull = false;
}

static void
check_assigned_epoch(int64 epoch, int32 typmod)
{
	int limit = typmod >= 0 ? typmod : LOSS_CURVE_MAX_EPOCHS;

	if (epoch < 0 || epoch >= limit)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("epoch %lld is out of range", (long long) epoch),
				 errdetail("Epochs of this curve are numbered from 0 to %d.",
						   limit - 1)));
}

/*
 * A copy of the curve (NULL: an empty one) with n losses from epoch first on
 * replaced, at least as long as that, or of the column's length.
 */
static LossCurve *
replace_losses(const LossCurve *curve, int64 first, const float *losses, int n,
			   int32 typmod)
{
	int		   old_length = curve ? curve->n_epochs : 0;
	int		   length = Max(old_length, first + n);
	LossCurve *result;

	if (typmod >= 0)
		length = typmod;
	result = loss_curve_create(length);
	for (int i = 0; i < length; i++)
		result->losses[i] =
			i < old_length ? curve->losses[i] : metaprobe_missing_loss();
	if (n > 0)
		memcpy(result->losses + first, losses, n * sizeof(float));
	return loss_curve_finish(result);
}

static void
assign_epoch(ExprState *state, ExprEvalStep *op, ExprContext *econtext)
{
	SubscriptingRefState *ref = op->d.sbsref.state;
	CurveSubscript		 *subscript = ref->workspace;
	LossCurve *curve = *op->resnull ? NULL : DatumGetLossCurve(*op->resvalue);
	int64	   epoch = subscript->last;
	float	   loss = metaprobe_missing_loss();

	check_assigned_epoch(epoch, subscript->typmod);
	if (!ref->replacenull)
		loss = loss_curve_loss(DatumGetFloat8(ref->replacevalue), epoch);
	*op->resvalue = PointerGetDatum(
		replace_losses(curve, epoch, &loss, 1, subscript->typmod));
	*op->resnull = false;
}

/* As for arrays, assigning a NULL slice changes nothing; nor does an empty one. */
static void
assign_slice(ExprState *state, ExprEvalStep *op, ExprContext *econtext)
{
	SubscriptingRefState *ref = op->d.sbsref.state;
	CurveSubscript		 *subscript = ref->workspace;
	LossCurve *curve = *op->resnull ? NULL : DatumGetLossCurve(*op->resvalue);
	LossCurve *source;
	int64	   first = subscript->first;
	int64	   last;

	if (ref->replacenull)
		return;
	source = DatumGetLossCurve(ref->replacevalue);
	check_assigned_epoch(first, subscript->typmod);
	last = first + source->n_epochs - 1;
	if (subscript->has_last && subscript->last != last)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("cannot assign a curve of %d epochs to the slice "
						"[%lld:%lld]",
						source->n_epochs, (long long) first,
						(long long) subscript->last)));
	if (source->n_epochs == 0)
		return;
	check_assigned_epoch(last, subscript->typmod);
	*op->resvalue =
		PointerGetDatum(replace_losses(curve, first, source->losses,
									   source->n_epochs, subscript->typmod));
	*op->resnull = false;
}

static void
exec_setup(const SubscriptingRef *sbsref, SubscriptingRefState *ref,
		   SubscriptExecSteps *methods)
{
	bool			is_slice = ref->numlower > 0;
	CurveSubscript *subscript = palloc0(sizeof(CurveSubscript));

	subscript->typmod = ref->isassignment ? sbsref->reftypmod : -1;
	ref->workspace = subscript;
	methods->sbs_check_subscripts = check_subscripts;
	methods->sbs_fetch = is_slice ? fetch_slice : fetch_epoch;
	methods->sbs_assign = is_slice ? assign_slice : assign_epoch;
	methods->sbs_fetch_old = NULL; /* losses have no parts to assign to */
}

PG_FUNCTION_INFO_V1(loss_curve_subscript);
Datum
loss_curve_subscript(PG_FUNCTION_ARGS)
{
	static const SubscriptRoutines routines = {
		.transform = transform,
		.exec_setup = exec_setup,
		.fetch_strict = true,
		.fetch_leakproof = true,
		.store_leakproof = false,
	};

	PG_RETURN_POINTER(&routines);
}
