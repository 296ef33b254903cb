/*
 * knn_aggregate.c
 *		knn_label(label, distance, k) and knn_probabilities(label, distance, k):
 *		the vote of the k nearest, over any join that a user writes.
 *
 * Neighbours are ordered by (distance, label), so that neither the order of
 * rows nor the number of workers shows in the result.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "aggregate.h"
#include "compat.h"
#include "core/vote.h"
#include "names.h"

#define FIRST_CAPACITY 16

typedef struct Label
{
	char *bytes;
	int	  length;
} Label;

/*
 * The nearest so far.  Labels that neighbours have are kept in C order; a
 * neighbour's index is its label's place there.
 */
typedef struct VoteState
{
	MemoryContext context;
	int64		  k;
	Nearest		  nearest;
	Label		 *labels;
	int			  n_labels;
	int			  label_capacity;
} VoteState;

static VoteState *
state_create(MemoryContext context, int64 k)
{
	VoteState *state;

	state = MemoryContextAllocZero(context, sizeof(VoteState));
	state->context = context;
	state->k = k;
	metaprobe_nearest_reset(&state->nearest,
							MemoryContextAlloc(context, FIRST_CAPACITY *
															sizeof(Neighbour)),
							Min(k, FIRST_CAPACITY));
	state->labels =
		MemoryContextAlloc(context, FIRST_CAPACITY * sizeof(Label));
	state->label_capacity = FIRST_CAPACITY;
	return state;
}

/* The place of a label in the order, or where it would be inserted. */
static int
find_place(const VoteState *state, const char *bytes, int length, bool *found)
{
	int low = 0;
	int high = state->n_labels;

	*found = false;
	while (low < high)
	{
		int			 middle = (low + high) / 2;
		const Label *label = &state->labels[middle];
		int order = metaprobe_compare_names(label->bytes, label->length, bytes,
											length);

		if (order == 0)
		{
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Forget the labels that no neighbour has any more. */
static void
drop_unused_labels(VoteState *state)
{
	int *places = palloc0(state->n_labels * sizeof(int));
	int	 kept = 0;

	for (int i = 0; i < state->nearest.count; i++)
		places[state->nearest.items[i].index] = 1;
	for (int label = 0; label < state->n_labels; label++)
	{
		bool is_used = places[label] != 0;

		places[label] = kept;
		if (is_used)
			state->labels[kept++] = state->labels[label];
		else
			pfree(state->labels[label].bytes);
	}
	for (int i = 0; i < state->nearest.count; i++)
		state->nearest.items[i].index = places[state->nearest.items[i].index];
	state->n_labels = kept;
	pfree(places);
}

/* Make room for one more label; at most half of them are then in use. */
static void
make_label_room(VoteState *state)
{
	if (state->n_labels < state->label_capacity)
		return;
	if (state->n_labels > 2 * state->nearest.count)
		drop_unused_labels(state);
	else
	{
		state->label_capacity *= 2;
		state->labels =
			repalloc(state->labels, state->label_capacity * sizeof(Label));
	}
}

/* Insert a label at its place and renumber those behind it. */
static void
insert_label(VoteState *state, int place, const char *bytes, int length)
{
	Label label = {MemoryContextAlloc(state->context, length), length};

	memcpy(label.bytes, bytes, length);
	memmove(&state->labels[place + 1], &state->labels[place],
			(state->n_labels - place) * sizeof(Label));
	state->labels[place] = label;
	state->n_labels++;
	for (int i = 0; i < state->nearest.count; i++)
	{
		if (state->nearest.items[i].index >= place)
			state->nearest.items[i].index++;
	}
}

/* Let the neighbours take more room while there are fewer than k. */
static void
make_neighbour_room(VoteState *state)
{
	Nearest *nearest = &state->nearest;

	if (nearest->count < nearest->capacity || nearest->capacity >= state->k)
		return;
	nearest->capacity = Min(state->k, 2 * (int64) nearest->capacity);
	nearest->items =
		repalloc(nearest->items, nearest->capacity * sizeof(Neighbour));
}

/* Is the state full of neighbours nearer than this distance? */
static bool
is_too_far(const VoteState *state, double distance)
{
	return state->nearest.count == state->k &&
		   distance > state->nearest.items[0].distance;
}

static void
offer(VoteState *state, const char *bytes, int length, double distance)
{
	bool found;
	int	 place;

	if (isnan(distance) || is_too_far(state, distance))
		return;
	place = find_place(state, bytes, length, &found);
	if (!found)
	{
		make_label_room(state);
		place = find_place(state, bytes, length, &found);
		insert_label(state, place, bytes, length);
	}
	make_neighbour_room(state);
	metaprobe_nearest_offer(&state->nearest, distance, place);
}

static int64
checked_k(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(3))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("k must not be null")));
	if (PG_GETARG_INT32(3) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be at least 1, not %d", PG_GETARG_INT32(3))));
	return PG_GETARG_INT32(3);
}

static void
check_same_k(int64 a, int64 b)
{
	if (a != b)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be the same for all rows, but is %lld and "
						"%lld",
						(long long) Min(a, b), (long long) Max(a, b))));
}

/* Arguments: state, label, distance, k. */
PG_FUNCTION_INFO_V1(metaprobe_knn_transfn);
Datum
metaprobe_knn_transfn(PG_FUNCTION_ARGS)
{
	int64	   k = checked_k(fcinfo);
	VoteState *state = METAPROBE_GETARG_STATE(VoteState, 0);
	text	  *label;

	if (state == NULL)
		state = state_create(metaprobe_aggregate_context(fcinfo), k);
	check_same_k(state->k, k);
	if (PG_ARGISNULL(2))
		PG_RETURN_POINTER(state); /* at no distance: no neighbour */
	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("label of a neighbour must not be null")));
	label = PG_GETARG_TEXT_PP(1);
	offer(state, VARDATA_ANY(label), VARSIZE_ANY_EXHDR(label),
		  PG_GETARG_FLOAT8(2));
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(metaprobe_knn_combine);
Datum
metaprobe_knn_combine(PG_FUNCTION_ARGS)
{
	VoteState *into = METAPROBE_GETARG_STATE(VoteState, 0);
	VoteState *from = METAPROBE_GETARG_STATE(VoteState, 1);

	if (from == NULL)
		METAPROBE_RETURN_STATE(into);
	if (into == NULL)
		into = state_create(metaprobe_aggregate_context(fcinfo), from->k);
	check_same_k(into->k, from->k);
	for (int i = 0; i < from->nearest.count; i++)
	{
		const Neighbour *neighbour = &from->nearest.items[i];
		const Label		*label = &from->labels[neighbour->index];

		CHECK_FOR_INTERRUPTS();
		offer(into, label->bytes, label->length, neighbour->distance);
	}
	PG_RETURN_POINTER(into);
}

PG_FUNCTION_INFO_V1(metaprobe_knn_serialize);
Datum
metaprobe_knn_serialize(PG_FUNCTION_ARGS)
{
	VoteState	  *state = (VoteState *) PG_GETARG_POINTER(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint32(&message, state->k);
	pq_sendint32(&message, state->nearest.count);
	for (int i = 0; i < state->nearest.count; i++)
	{
		const Neighbour *neighbour = &state->nearest.items[i];
		const Label		*label = &state->labels[neighbour->index];

		pq_sendfloat8(&message, neighbour->distance);
		pq_sendint32(&message, label->length);
		pq_sendbytes(&message, label->bytes, label->length);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

PG_FUNCTION_INFO_V1(metaprobe_knn_deserialize);
Datum
metaprobe_knn_deserialize(PG_FUNCTION_ARGS)
{
	StringInfoData message = metaprobe_received_state(fcinfo);
	VoteState	  *state;
	int32		   k;
	int32		   count;

	k = pq_getmsgint(&message, sizeof(int32));
	count = pq_getmsgint(&message, sizeof(int32));
	if (k < 1 || count < 0 || count > k)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid state of %d neighbours of %d", count, k)));
	state = state_create(CurrentMemoryContext, k);
	for (int i = 0; i < count; i++)
	{
		double		distance = pq_getmsgfloat8(&message);
		int32		length = pq_getmsgint(&message, sizeof(int32));
		const char *label = pq_getmsgbytes(&message, length);

		CHECK_FOR_INTERRUPTS();
		(void) pg_verifymbstr(label, length, false);
		offer(state, label, length, distance);
	}
	pq_getmsgend(&message);
	PG_RETURN_POINTER(state);
}

/*
 * Let the neighbours vote.  Works on a copy, since the state may be used
 * again.  Returns the winner; -1 without neighbours.
 */
static int
count_votes(const VoteState *state, LabelVotes **votes, double *total)
{
	Nearest nearest = state->nearest;
	Size	size = Max(nearest.count, 1) * sizeof(Neighbour);

	nearest.items = palloc(size);
	memcpy(nearest.items, state->nearest.items,
		   nearest.count * sizeof(Neighbour));
	metaprobe_nearest_sort(&nearest);

	*votes = palloc(Max(state->n_labels, 1) * sizeof(LabelVotes));
	*total = metaprobe_vote(nearest.items, nearest.count, NULL,
							WEIGHTS_UNIFORM, NULL, *votes, state->n_labels);
	return metaprobe_vote_winner(*votes, state->n_labels, -1);
}

PG_FUNCTION_INFO_V1(metaprobe_knn_label_finalfn);
Datum
metaprobe_knn_label_finalfn(PG_FUNCTION_ARGS)
{
	VoteState  *state;
	LabelVotes *votes;
	double		total;
	int			winner;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (VoteState *) PG_GETARG_POINTER(0);
	winner = count_votes(state, &votes, &total);
	if (winner < 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(state->labels[winner].bytes,
											  state->labels[winner].length));
}

/* A double as a number of jsonb, with the shortest digits that read it back. */
static Numeric
exact_numeric(double value)
{
	char digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, digits);
	return DatumGetNumeric(
		DirectFunctionCall3(numeric_in, CStringGetDatum(digits),
							ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* Add a label and its share of the votes to a jsonb object being built. */
static void
push_probability(JsonbParseState **object, const Label *label, double share)
{
	JsonbValue key = {.type = jbvString};
	JsonbValue value = {.type = jbvNumeric};

	key.val.string.val = label->bytes;
	key.val.string.len = label->length;
	value.val.numeric = exact_numeric(share);
	(void) pushJsonbValue(object, WJB_KEY, &key);
	(void) pushJsonbValue(object, WJB_VALUE, &value);
}

PG_FUNCTION_INFO_V1(metaprobe_knn_probabilities_finalfn);
Datum
metaprobe_knn_probabilities_finalfn(PG_FUNCTION_ARGS)
{
	VoteState		*state;
	LabelVotes		*votes;
	double			 total;
	JsonbParseState *object = NULL;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (VoteState *) PG_GETARG_POINTER(0);
	if (count_votes(state, &votes, &total) < 0)
		PG_RETURN_NULL();

	(void) pushJsonbValue(&object, WJB_BEGIN_OBJECT, NULL);
	for (int label = 0; label < state->n_labels; label++)
	{
		if (votes[label].votes > 0)
			push_probability(&object, &state->labels[label],
							 votes[label].votes / total);
	}
	PG_RETURN_JSONB_P(
		JsonbValueToJsonb(pushJsonbValue(&object, WJB_END_OBJECT, NULL)));
}
