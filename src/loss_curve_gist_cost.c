/*
 * loss_curve_gist_cost.c
 *		What the planner should think that a search for the nearest curves costs.
 *
 * PostgreSQL estimates what it costs to read all rows by an index, and takes of
 * that the share of rows that a LIMIT lets through.  But a search for the
 * nearest is dear at its beginning.  Before the first row is certain, all have
 * been measured whose bounds are no larger than its distance; and where few
 * rows meet a WHERE, every row that does not is fetched from a page of its own,
 * while reading them all finds nearly every page in the cache.
 *
 * So we say how much of the whole comes first: as start-up cost, of which the
 * LIMIT takes nothing off.  The whole stays what PostgreSQL says, but for what
 * it does not know of: that rows are measured again and put in order.
 *
 * The estimate of an index is a function, which the planner finds in its
 * description of the index.  Ours gets there by a hook.
 */
#include "postgres.h"

#include <math.h>

#include "access/amapi.h"
#include "access/gist.h"
#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "nodes/pathnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/plancat.h"
#include "utils/builtins.h"
#include "utils/index_selfuncs.h"
#include "utils/lsyscache.h"
#include "utils/spccache.h"
#include "utils/syscache.h"

#include "loss_curve_gist_cost.h"

/*
 * A search that goes through the nearest n of N rows, until enough of them meet
 * the WHERE, fetches all whose bounds are no larger than the last one's
 * distance: n at least, and this part of the geometric mean of n and N.  From
 * 10,000 rows to 1,281,167 and n from 10 to 100,000 it was 0.04 to 0.1 for curves
 * with little noise, 0.2 to 0.3 for those with much (doc/performance.md).
 */
#define FETCHED_OF_MEAN 0.1

/*
 * The pages of the index that it visits, whatever it looks for, are this part of
 * the power of 2/3 of all: measured from 100 pages to 15,000 were 0.06 with
 * little noise to 1.4 with much.
 */
#define VISITED_OF_POWER 0.3

/* The C function by which an operator family is known to be ours. */
#define DISTANCE_FUNCTION "loss_curve_gist_distance"

static get_relation_info_hook_type previous_hook = NULL;

/* Is this how loss_curve_gist.sql declares our distance? */
static bool
is_our_distance(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	bool	  result;
	bool	  is_null;
	Datum	  source;

	if (!HeapTupleIsValid(tuple))
		return false;
	source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &is_null);
	result = ((Form_pg_proc) GETSTRUCT(tuple))->prolang == ClanguageId &&
			 !is_null &&
			 strcmp(TextDatumGetCString(source), DISTANCE_FUNCTION) == 0;
	ReleaseSysCache(tuple);
	return result;
}

/*
 * Is the column of our operator family?  The index itself may not exist, but
 * families do.
 */
static bool
is_column_of_curves(const IndexOptInfo *index, int column)
{
	Oid type = index->opcintype[column];
	Oid distance = get_opfamily_proc(index->opfamily[column], type, type,
									 GIST_DISTANCE_PROC);

	return OidIsValid(distance) && is_our_distance(distance);
}

/* Does the path give rows in the order of a distance between curves? */
static bool
is_search(const IndexPath *path)
{
	return path->indexorderbycols != NIL &&
		   is_column_of_curves(path->indexinfo,
							   linitial_int(path->indexorderbycols));
}

/* The rows of the query's relation that the relation is a partition of. */
static double
rows_of_whole(PlannerInfo *root, const RelOptInfo *rel)
{
	int whole;

	if (!bms_get_singleton_member(rel->top_parent_relids, &whole))
		return rel->rows;
	return Max(rel->rows, find_base_rel(root, whole)->rows);
}

/* The share of all rows that the LIMIT lets through; 1 if that is not known. */
static double
share_of_limit(PlannerInfo *root, const RelOptInfo *rel)
{
	if (root->limit_tuples <= 0 || rel->rows < 1)
		return 1;
	return Min(1, root->limit_tuples / rows_of_whole(root, rel));
}

/* Fetching so many rows from all over the table, as cost_index() says. */
static Cost
cost_of_fetching(PlannerInfo *root, const IndexOptInfo *index, double n_rows)
{
	RelOptInfo *rel = index->rel;
	double		page_cost;
	double		n_pages =
		index_pages_fetched(n_rows, rel->pages, (double) index->pages, root);

	get_tablespace_page_costs(rel->reltablespace, &page_cost, NULL);
	return n_pages * page_cost + n_rows * cpu_tuple_cost;
}

/*
 * What the estimate for any GiST index leaves out: each row that is fetched is
 * measured, and was put in order, in a queue.  Comparisons cost what they do in
 * cost_sort().
 */
static Cost
cost_of_ordering(PlannerInfo *root, IndexPath *path, double n_rows)
{
	QualCost distance;

	cost_qual_eval(&distance, path->indexorderbys, root);
	return distance.per_tuple + 2 * cpu_operator_cost * log2(Max(n_rows, 2));
}

/* How many of the index's rows are fetched to find the nearest ones. */
static double
rows_fetched(double n_nearest, double n_rows)
{
	double n_bounded = FETCHED_OF_MEAN * sqrt(n_nearest * n_rows);

	return Min(n_rows, Max(n_nearest, n_bounded));
}

/* The share of the index's pages that are visited to find these rows. */
static double
share_visited(double n_fetched, double n_rows, double n_pages)
{
	double least = VISITED_OF_POWER / cbrt(Max(n_pages, 1));

	return Max(n_fetched / n_rows, least);
}

/*
 * As amcostestimate in amapi.h.  What the index's own conditions exclude is not
 * looked at, so all shares are of the rows that they leave.
 */
static void
estimate_cost(PlannerInfo *root, IndexPath *path, double loop_count,
			  Cost *startup, Cost *total, Selectivity *selectivity,
			  double *correlation, double *n_pages)
{
	IndexOptInfo *index = path->indexinfo;
	RelOptInfo	 *rel = index->rel;
	double		  share = share_of_limit(root, rel);
	double		  n_rows;
	double		  n_fetched;
	Cost		  ordering;
	Cost		  all_pages;
	Cost		  all;
	Cost		  first;

	gistcostestimate(root, path, loop_count, startup, total, selectivity,
					 correlation, n_pages);
	n_rows = *selectivity * rel->tuples;
	if (n_rows < 1 || path->path.param_info || !is_search(path))
		return;
	ordering = cost_of_ordering(root, path, n_rows);
	all_pages = *total - *startup;
	all =
		all_pages + cost_of_fetching(root, index, n_rows) + ordering * n_rows;
	*total += ordering * n_rows;
	if (share >= 1)
		return;

	/* A partition gives one row at least, to be merged with the others'. */
	n_fetched = rows_fetched(Max(share, 1 / rel->rows) * n_rows, n_rows);
	first = share_visited(n_fetched, n_rows, *n_pages) * all_pages +
			cost_of_fetching(root, index, n_fetched) + ordering * n_fetched;

	/* The LIMIT's share of the rest will be charged beside it. */
	if (first > share * all)
		*startup += (first - share * all) / (1 - share);
}

/* Ours for the indexes that have curves. */
static void
set_estimates(PlannerInfo *root, Oid relation, bool is_parent, RelOptInfo *rel)
{
	ListCell *cell;

	if (previous_hook)
		previous_hook(root, relation, is_parent, rel);
	foreach (cell, rel->indexlist)
	{
		IndexOptInfo *index = lfirst(cell);
		bool		  has_curves = false;

		if (index->amcostestimate != gistcostestimate)
			continue;
		for (int i = 0; i < index->nkeycolumns; i++)
			has_curves = has_curves || is_column_of_curves(index, i);
		if (has_curves)
			index->amcostestimate = estimate_cost;
	}
}

void
loss_curve_gist_install_cost(void)
{
	previous_hook = get_relation_info_hook;
	get_relation_info_hook = set_estimates;
}

/*
 * The planner support function of the distances that the index knows.  It has
 * nothing to say; that it is asked, for every such distance before the planner
 * looks at tables and their indexes, is what loads this library, and with it the
 * hook.
 */
PG_FUNCTION_INFO_V1(loss_curve_distance_support);
Datum
loss_curve_distance_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(NULL);
}
