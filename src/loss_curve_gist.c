/*
 * loss_curve_gist.c
 *		The GiST operator class for the nearest curves.
 *
 * Keys are summaries (core/curve_summary.h), so distances are lower bounds,
 * and whatever the index finds is measured again by the operator itself.
 *
 * Curves of another length than the query's come last, with those that have no
 * distance at all.  The operator would refuse them: it does when such a row is
 * returned, and not before.
 */
#include "postgres.h"

#include "access/gist.h"
#include "access/stratnum.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/sortsupport.h"

#include "compat.h"
#include "core/curve_summary.h"
#include "core/summary_bound.h"
#include "core/summary_order.h"
#include "loss_curve.h"
#include "loss_curve_gist.h"

/*
 * A key, stored plain, so that it is read where it lies: the summary of a curve
 * on leaf pages, the box of a page above.  The size tells which.
 */
typedef struct GistKey
{
	int32 vl_len_; /* varlena header, do not touch directly */
	union
	{
		CurveSummary summary;
		SummaryBox	 box;
	} is;
} GistKey;

#define KEY_HEADER_SIZE offsetof(GistKey, is)
#define BOX_KEY_SIZE (KEY_HEADER_SIZE + sizeof(SummaryBox))

StaticAssertDecl(sizeof(CurveSummary) < sizeof(SummaryBox),
				 "keys are told apart by their size");

#define DatumGetGistKey(datum) ((GistKey *) DatumGetPointer(datum))

static inline bool
is_box(const GistKey *key)
{
	return VARSIZE(key) == BOX_KEY_SIZE;
}

/* The box of any key, made in the room given if the key is a curve's. */
static const SummaryBox *
box_of_key(const GistKey *key, SummaryBox *room)
{
	if (is_box(key))
		return &key->is.box;
	metaprobe_summary_box(&key->is.summary, room);
	return room;
}

static GistKey *
key_of_curve(const LossCurve *curve)
{
	CurveSummary summary;
	int			 size =
		metaprobe_summary_take(curve->losses, curve->n_epochs, &summary);
	GistKey *key = palloc(KEY_HEADER_SIZE + size);

	SET_VARSIZE(key, KEY_HEADER_SIZE + size);
	memcpy(&key->is, &summary, size);
	return key;
}

static GistKey *
key_of_box(const SummaryBox *box)
{
	GistKey *key = palloc(BOX_KEY_SIZE);

	SET_VARSIZE(key, BOX_KEY_SIZE);
	key->is.box = *box;
	return key;
}

PG_FUNCTION_INFO_V1(loss_curve_gist_key_in);
Datum
loss_curve_gist_key_in(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot accept a value of type %s", "loss_curve_gist_key"),
			 errhint("Only GiST indexes on loss_curve have values of "
					 "this type.")));
	PG_RETURN_NULL();
}

/* For those who look into an index: epochs and corners. */
PG_FUNCTION_INFO_V1(loss_curve_gist_key_out);
Datum
loss_curve_gist_key_out(PG_FUNCTION_ARGS)
{
	/* others may pass a copy with a short header */
	GistKey			 *key = (GistKey *) PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
	SummaryBox		  room;
	const SummaryBox *box = box_of_key(key, &room);
	StringInfoData	  text;

	initStringInfo(&text);
	appendStringInfo(&text, "epochs %d-%d, from ", box->least_epochs,
					 box->most_epochs);
	loss_curve_append_text(&text, box->low, SUMMARY_COORDINATES);
	appendStringInfoString(&text, " to ");
	loss_curve_append_text(&text, box->high, SUMMARY_COORDINATES);
	PG_RETURN_CSTRING(text.data);
}

PG_FUNCTION_INFO_V1(loss_curve_gist_compress);
Datum
loss_curve_gist_compress(PG_FUNCTION_ARGS)
{
	GISTENTRY *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	GISTENTRY *result;
	LossCurve *curve;

	if (!entry->leafkey)
		PG_RETURN_POINTER(entry);
	curve = DatumGetLossCurve(entry->key);
	result = palloc(sizeof(GISTENTRY));
	gistentryinit(*result, PointerGetDatum(key_of_curve(curve)), entry->rel,
				  entry->page, entry->offset, false);
	if ((Pointer) curve != DatumGetPointer(entry->key))
		pfree(curve);
	PG_RETURN_POINTER(result);
}

PG_FUNCTION_INFO_V1(loss_curve_gist_union);
Datum
loss_curve_gist_union(PG_FUNCTION_ARGS)
{
	GistEntryVector *entries = (GistEntryVector *) PG_GETARG_POINTER(0);
	int				*size = (int *) PG_GETARG_POINTER(1);
	SummaryBox		 room;
	SummaryBox		 joined =
		*box_of_key(DatumGetGistKey(entries->vector[0].key), &room);

	for (int i = 1; i < entries->n; i++)
		metaprobe_summary_extend(
			&joined,
			box_of_key(DatumGetGistKey(entries->vector[i].key), &room));
	*size = BOX_KEY_SIZE;
	PG_RETURN_POINTER(key_of_box(&joined));
}

PG_FUNCTION_INFO_V1(loss_curve_gist_penalty);
Datum
loss_curve_gist_penalty(PG_FUNCTION_ARGS)
{
	GISTENTRY *original = (GISTENTRY *) PG_GETARG_POINTER(0);
	GISTENTRY *added = (GISTENTRY *) PG_GETARG_POINTER(1);
	float	  *penalty = (float *) PG_GETARG_POINTER(2);
	SummaryBox room;
	SummaryBox added_room;

	*penalty = (float) metaprobe_summary_penalty(
		box_of_key(DatumGetGistKey(original->key), &room),
		box_of_key(DatumGetGistKey(added->key), &added_room));
	PG_RETURN_POINTER(penalty);
}

/* A side of a split: the entries' offsets, and the key for them all. */
static Datum
make_side(const SummaryBox *boxes, const SummarySplitItem *items, int n,
		  OffsetNumber *offsets)
{
	SummaryBox joined = boxes[items[0].box];

	for (int i = 0; i < n; i++)
	{
		offsets[i] = FirstOffsetNumber + items[i].box;
		metaprobe_summary_extend(&joined, &boxes[items[i].box]);
	}
	return PointerGetDatum(key_of_box(&joined));
}

PG_FUNCTION_INFO_V1(loss_curve_gist_picksplit);
Datum
loss_curve_gist_picksplit(PG_FUNCTION_ARGS)
{
	GistEntryVector	 *entries = (GistEntryVector *) PG_GETARG_POINTER(0);
	GIST_SPLITVEC	 *split = (GIST_SPLITVEC *) PG_GETARG_POINTER(1);
	int				  n = entries->n - FirstOffsetNumber;
	SummaryBox		 *boxes = palloc(n * sizeof(SummaryBox));
	SummarySplitItem *items = palloc(n * sizeof(SummarySplitItem));
	int				  n_left;

	for (int i = 0; i < n; i++)
	{
		GistKey *key =
			DatumGetGistKey(entries->vector[FirstOffsetNumber + i].key);
		const SummaryBox *box = box_of_key(key, &boxes[i]);

		if (box != &boxes[i])
			boxes[i] = *box;
	}
	n_left = metaprobe_summary_split(boxes, n, items);

	split->spl_nleft = n_left;
	split->spl_nright = n - n_left;
	split->spl_left = palloc(split->spl_nleft * sizeof(OffsetNumber));
	split->spl_right = palloc(split->spl_nright * sizeof(OffsetNumber));
	split->spl_ldatum = make_side(boxes, items, n_left, split->spl_left);
	split->spl_rdatum =
		make_side(boxes, items + n_left, n - n_left, split->spl_right);
	pfree(boxes);
	pfree(items);
	PG_RETURN_POINTER(split);
}

/* Keys are made of coordinates in canonical form, so bytes tell. */
PG_FUNCTION_INFO_V1(loss_curve_gist_same);
Datum
loss_curve_gist_same(PG_FUNCTION_ARGS)
{
	GistKey *a = DatumGetGistKey(PG_GETARG_DATUM(0));
	GistKey *b = DatumGetGistKey(PG_GETARG_DATUM(1));
	bool	*result = (bool *) PG_GETARG_POINTER(2);

	*result = VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
	PG_RETURN_POINTER(result);
}

/*
 * Searching.  What a scan asks for is measured once, as long as it is the same:
 * fn_extra survives a rescan, which may bring another query.
 */
typedef struct Search
{
	SummaryQuery query;
	double		 radius; /* of a ball */
	Size		 size;
	char		 argument[FLEXIBLE_ARRAY_MEMBER];
} Search;

/* Measure from the argument of an operator.  Not a ball: an empty one. */
static void
start_search(Search *search, Datum argument, StrategyNumber strategy)
{
	LossCurve *curve;

	search->radius = -1;
	if (strategy != LOSS_CURVE_GIST_IN_BALL)
		curve = DatumGetLossCurve(argument);
	else if (!loss_curve_ball_open(argument, &curve, &search->radius))
		return;
	metaprobe_summary_query_set(&search->query, curve->losses,
								curve->n_epochs);
}

static const Search *
search_for(FunctionCallInfo fcinfo, Datum argument, StrategyNumber strategy)
{
	Search *search = fcinfo->flinfo->fn_extra;
	Pointer bytes = DatumGetPointer(argument);
	Size	size = VARSIZE_ANY(bytes);

	if (search && search->size == size &&
		memcmp(search->argument, bytes, size) == 0)
		return search;
	if (search)
	{
		fcinfo->flinfo->fn_extra = NULL;
		pfree(search);
	}
	search = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt,
								offsetof(Search, argument) + size);
	start_search(search, argument, strategy);
	search->size = size;
	memcpy(search->argument, bytes, size);
	fcinfo->flinfo->fn_extra = search;
	return search;
}

static double
bound_of_key(const Search *search, Metric metric, const GistKey *key)
{
	if (is_box(key))
		return metaprobe_summary_box_bound(&search->query, metric,
										   &key->is.box);
	return metaprobe_summary_bound(&search->query, metric, &key->is.summary);
}

/* NaN, that there is no distance, is certain; any other bound is not. */
PG_FUNCTION_INFO_V1(loss_curve_gist_distance);
Datum
loss_curve_gist_distance(PG_FUNCTION_ARGS)
{
	GISTENTRY	  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	StrategyNumber strategy = (StrategyNumber) PG_GETARG_UINT16(2);
	bool		  *recheck = (bool *) PG_GETARG_POINTER(4);
	const Search  *search = search_for(fcinfo, PG_GETARG_DATUM(1), strategy);
	Metric metric = strategy == LOSS_CURVE_GIST_L2 ? METRIC_L2 : METRIC_L1;
	double bound = bound_of_key(search, metric, DatumGetGistKey(entry->key));

	*recheck = !isnan(bound);
	PG_RETURN_FLOAT8(bound);
}

PG_FUNCTION_INFO_V1(loss_curve_gist_consistent);
Datum
loss_curve_gist_consistent(PG_FUNCTION_ARGS)
{
	GISTENTRY	  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	StrategyNumber strategy = (StrategyNumber) PG_GETARG_UINT16(2);
	bool		  *recheck = (bool *) PG_GETARG_POINTER(4);
	const Search  *search;

	if (strategy != LOSS_CURVE_GIST_IN_BALL)
		elog(ERROR, "unrecognized strategy number: %d", strategy);
	search = search_for(fcinfo, PG_GETARG_DATUM(1), strategy);
	*recheck = true;
	PG_RETURN_BOOL(
		search->radius >= 0 &&
		bound_of_key(search, METRIC_L2, DatumGetGistKey(entry->key)) <=
			search->radius);
}

/*
 * Building, from curves' keys
 */

static int
compare_keys(Datum a, Datum b, SortSupport ssup)
{
	return metaprobe_summary_compare(&DatumGetGistKey(a)->is.summary,
									 &DatumGetGistKey(b)->is.summary);
}

PG_FUNCTION_INFO_V1(loss_curve_gist_sortsupport);
Datum
loss_curve_gist_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = compare_keys;
	PG_RETURN_VOID();
}
