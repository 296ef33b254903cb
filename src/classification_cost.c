/*
 * classification_cost.c
 *		What the planner should think that classification costs.
 *
 * The declared costs are those of a suite of average size.  Where the suite is
 * a constant of the query, the cost follows from it.  The planner knows nothing
 * of one that it must fetch first, by a subquery or from a relation.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/primnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/syscache.h"

#include "compat.h"
#include "core/dtw.h"
#include "probe_suite.h"

/* The suite that the declared costs are for. */
#define USUAL_PROBES 1250
#define USUAL_EPOCHS 90
#define USUAL_K 20

/*
 * The work of classifying one curve, in nanoseconds of some machine: a bound
 * for every probe and distances to some more than k.
 */
static double
epochwise_work(double n_probes, double n_epochs, double k)
{
	return 400 + 0.4 * n_probes + k * (25 + 0.6 * n_epochs);
}

/* Likewise under dynamic time warping, where a distance has n * width cells. */
static double
warping_work(double n_probes, double n_epochs, double k, int band)
{
	double width = n_epochs;

	if (band != DTW_NO_BAND)
		width = Min(n_epochs, 2.0 * band + 1);
	return 1000 + 0.45 * n_probes * n_epochs + 1.5 * k * n_epochs * width;
}

/* Likewise of mapping it into a fitted space. */
static double
mapping_work(const ProbeSuite *suite)
{
	double n_epochs = suite->n_epochs;

	if (suite->metric != METRIC_FITTED)
		return 0;
	return 5 * n_epochs +
		   ((suite->parts & SUITE_HAS_MATRIX) ? 0.1 * n_epochs * n_epochs : 0);
}

static double
work(const ProbeSuite *suite)
{
	if (suite->metric == METRIC_DTW)
		return warping_work(suite->n_probes, suite->n_epochs, suite->k,
							suite->band);
	return epochwise_work(suite->n_probes, suite->n_epochs, suite->k) +
		   mapping_work(suite);
}

/* Is the node a constant suite?  It is no curve, text, relation or number. */
static bool
is_constant_suite(const Node *node)
{
	const Const *constant = (const Const *) node;

	return IsA(node, Const) && !constant->constisnull &&
		   constant->constlen == -1 && constant->consttype != TEXTOID &&
		   constant->consttype != UNKNOWNOID;
}

/* The head of the call's suite, if that is a constant. */
static bool
find_suite(Node *call, ProbeSuite *suite)
{
	List	 *arguments = NIL;
	ListCell *cell;

	if (call && IsA(call, FuncExpr))
		arguments = ((FuncExpr *) call)->args;
	for_each_from(cell, arguments, 1)
	{
		Datum			value;
		struct varlena *head;

		if (!is_constant_suite(lfirst(cell)))
			continue;
		value = ((Const *) lfirst(cell))->constvalue;
		head = PG_DETOAST_DATUM_SLICE(value, 0, sizeof(ProbeSuite) - VARHDRSZ);
		if (VARSIZE_ANY_EXHDR(head) != sizeof(ProbeSuite) - VARHDRSZ)
			return false;
		memcpy((char *) suite + VARHDRSZ, VARDATA_ANY(head),
			   sizeof(ProbeSuite) - VARHDRSZ);
		return metaprobe_suite_is_readable(suite);
	}
	return false;
}

static double
declared_cost(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	double	  cost;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	cost = ((Form_pg_proc) GETSTRUCT(tuple))->procost;
	ReleaseSysCache(tuple);
	return cost;
}

/* The planner support function of everything that classifies. */
PG_FUNCTION_INFO_V1(metaprobe_classification_support);
Datum
metaprobe_classification_support(PG_FUNCTION_ARGS)
{
	Node			   *node = (Node *) PG_GETARG_POINTER(0);
	SupportRequestCost *request = (SupportRequestCost *) node;
	ProbeSuite			suite;

	if (!IsA(node, SupportRequestCost) || !find_suite(request->node, &suite))
		PG_RETURN_POINTER(NULL);
	request->startup = 0;
	request->per_tuple = declared_cost(request->funcid) * cpu_operator_cost *
						 work(&suite) /
						 epochwise_work(USUAL_PROBES, USUAL_EPOCHS, USUAL_K);
	PG_RETURN_POINTER(request);
}
