/*
 * loss_curve_within.c
 *		The condition that curves lie within a distance, and its use of an
 *		index.
 *
 * An index knows operators of two arguments, so centre and radius are packed
 * as a ball.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "compat.h"
#include "core/distance.h"
#include "loss_curve.h"
#include "loss_curve_gist.h"

/* What the planner assumes of a radius: nobody knows, but few rows. */
#define USUAL_SELECTIVITY 0.001

static void
check_radius(double radius)
{
	if (isnan(radius) || radius < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("radius must not be negative or NaN, but is %g",
						radius),
				 errhint("A distance is 0 or more; 'infinity' takes all "
						 "curves that have one.")));
}

/* Curves of different lengths, or without a joint epoch, are not near. */
static bool
is_within(const LossCurve *a, const LossCurve *b, double radius)
{
	const float *others = b->losses;
	bool		 has_missing = (a->flags | b->flags) & LOSS_CURVE_HAS_MISSING;
	double		 distance;

	if (a->n_epochs != b->n_epochs)
		return false;
	metaprobe_distance_function(METRIC_L2, !has_missing)(a->losses, &others, 1,
														 a->n_epochs,
														 a->n_epochs,
														 &distance);
	return distance <= radius;
}

/* curves_within(curve, query, radius) */
PG_FUNCTION_INFO_V1(loss_curve_within);
Datum
loss_curve_within(PG_FUNCTION_ARGS)
{
	LossCurve *curve = PG_GETARG_LOSS_CURVE(0);
	LossCurve *query = PG_GETARG_LOSS_CURVE(1);
	double	   radius = PG_GETARG_FLOAT8(2);
	bool	   result;

	check_radius(radius);
	result = is_within(curve, query, radius);
	PG_FREE_IF_COPY(curve, 0);
	PG_FREE_IF_COPY(query, 1);
	PG_RETURN_BOOL(result);
}

/*
 * The parts of a ball, in memory of their own or not; false if one is NULL.
 */
bool
loss_curve_ball_open(Datum datum, LossCurve **centre, double *radius)
{
	HeapTupleHeader tuple = DatumGetHeapTupleHeader(datum);
	bool			centre_is_null;
	bool			radius_is_null;
	Datum			curve = GetAttributeByNum(tuple, 1, &centre_is_null);
	Datum			number = GetAttributeByNum(tuple, 2, &radius_is_null);

	if (centre_is_null || radius_is_null)
		return false;
	check_radius(DatumGetFloat8(number));
	*centre = DatumGetLossCurve(curve);
	*radius = DatumGetFloat8(number);
	return true;
}

/* curve <@ ball */
PG_FUNCTION_INFO_V1(loss_curve_in_ball);
Datum
loss_curve_in_ball(PG_FUNCTION_ARGS)
{
	LossCurve *curve = PG_GETARG_LOSS_CURVE(0);
	LossCurve *centre;
	double	   radius;
	bool	   result;

	if (!loss_curve_ball_open(PG_GETARG_DATUM(1), &centre, &radius))
		PG_RETURN_NULL();
	result = is_within(curve, centre, radius);
	PG_FREE_IF_COPY(curve, 0);
	PG_RETURN_BOOL(result);
}

/*
 * Planning
 */

/* The operator <@ of an operator family; InvalidOid if it has another, or none. */
static Oid
find_operator(Oid family, Oid *ball_type)
{
	CatCList *members = SearchSysCacheList1(AMOPSTRATEGY, family);
	Oid		  found = InvalidOid;

	for (int i = 0; i < members->n_members; i++)
	{
		Form_pg_amop member =
			(Form_pg_amop) GETSTRUCT(&members->members[i]->tuple);
		FmgrInfo function;

		if (member->amopstrategy != LOSS_CURVE_GIST_IN_BALL ||
			member->amoppurpose != AMOP_SEARCH)
			continue;
		fmgr_info(get_opcode(member->amopopr), &function);
		if (function.fn_addr != loss_curve_in_ball)
			continue;
		found = member->amopopr;
		*ball_type = member->amoprighttype;
	}
	ReleaseCatCacheList(members);
	return found;
}

/* centre and radius as a ball: a constant if they are. */
static Node *
make_ball(PlannerInfo *root, Oid ball_type, Node *centre, Node *radius)
{
	RowExpr *row = makeNode(RowExpr);

	row->args = list_make2(centre, radius);
	row->row_typeid = ball_type;
	row->row_format = COERCE_EXPLICIT_CAST;
	row->colnames = NIL;
	row->location = -1;
	return eval_const_expressions(root, (Node *) row);
}

/*
 * curves_within(column, query, radius) as a condition of an index on the
 * column, be it the first argument or the second: distances are symmetric.
 * The operator is the same condition, so the call itself is dropped.
 */
static List *
index_condition(SupportRequestIndexCondition *request)
{
	List *arguments;
	Node *column;
	Node *query;
	Node *radius;
	Oid	  ball_type;
	Oid	  within;

	if (!IsA(request->node, FuncExpr) || request->indexarg > 1)
		return NIL;
	arguments = ((FuncExpr *) request->node)->args;
	column = list_nth(arguments, request->indexarg);
	query = list_nth(arguments, 1 - request->indexarg);
	radius = lthird(arguments);
	if (!is_pseudo_constant_for_index(request->root, query, request->index) ||
		!is_pseudo_constant_for_index(request->root, radius, request->index))
		return NIL;
	within = find_operator(request->opfamily, &ball_type);
	if (!OidIsValid(within))
		return NIL;
	request->lossy = false;
	return list_make1(
		make_opclause(within, BOOLOID, false, (Expr *) column,
					  (Expr *) make_ball(request->root, ball_type, query,
										 radius),
					  InvalidOid, InvalidOid));
}

PG_FUNCTION_INFO_V1(loss_curve_within_support);
Datum
loss_curve_within_support(PG_FUNCTION_ARGS)
{
	Node *node = (Node *) PG_GETARG_POINTER(0);
	void *answer = NULL;

	if (IsA(node, SupportRequestSelectivity))
	{
		((SupportRequestSelectivity *) node)->selectivity = USUAL_SELECTIVITY;
		answer = node;
	}
	else if (IsA(node, SupportRequestIndexCondition))
		answer = index_condition((SupportRequestIndexCondition *) node);
	PG_RETURN_POINTER(answer);
}
