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
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "aggregate.h"
#include "compat.h"
#include "core/vote.h"
#include "names.h"

/* Room in a new state, as far as k needs it: 512 bytes in all. */
#define FIRST_NEIGHBOURS 20
#define FIRST_LABELS 8
#define FIRST_NAME_BYTES 96

/* The largest block that is allocated in sizes that are powers of two */
#define MAX_ROUNDED_SIZE 8192

/* A label's name: where in the state's names, and how long. */
typedef struct Label
{
	int32 start;
	int32 length;
} Label;

/*
 * The nearest so far.  Labels that neighbours have are kept in C order; a
 * neighbour's index is its label's place there.  Labels that no neighbour has any
 * more are forgotten when room is needed.
 */
typedef struct VoteState
{
	int32	  vl_len_; /* varlena header, of all that there is room for */
	int32	  k;
	int32	  n_neighbours;
	int32	  n_labels;
	int32	  n_name_bytes;
	int32	  neighbour_room;
	int32	  label_room;
	int32	  name_room;
	Neighbour neighbours[FLEXIBLE_ARRAY_MEMBER];
	/* Then the labels, and then the bytes of their names. */
} VoteState;

#define PG_GETARG_VOTES(n) \
	((const VoteState *) PG_DETOAST_DATUM(PG_GETARG_DATUM(n)))

static Label *
labels_of(const VoteState *state)
{
	return (Label *) &state->neighbours[state->neighbour_room];
}

static char *
names_of(const VoteState *state)
{
	return (char *) &labels_of(state)[state->label_room];
}

static const char *
name_of(const VoteState *state, int label)
{
	return names_of(state) + labels_of(state)[label].start;
}

/* An empty state; names may get more room than asked for. */
static VoteState *
state_create(int32 k, int64 neighbour_room, int64 label_room, int64 name_room)
{
	Size arrays = offsetof(VoteState, neighbours) +
				  neighbour_room * sizeof(Neighbour) +
				  label_room * sizeof(Label);
	Size	   size = arrays + name_room;
	VoteState *state;

	if (size > MaxAllocSize)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the votes of %lld neighbours are too large",
							   (long long) neighbour_room),
						errhint("Take a smaller k, or shorter labels.")));
	if (size <= MAX_ROUNDED_SIZE)
		size = pg_nextpower2_size_t(size);
	state = palloc0(size);
	SET_VARSIZE(state, size);
	state->k = k;
	state->neighbour_room = neighbour_room;
	state->label_room = label_room;
	state->name_room = size - arrays;
	return state;
}

static VoteState *
state_begin(int32 k)
{
	return state_create(k, Min(k, FIRST_NEIGHBOURS), Min(k, FIRST_LABELS),
						FIRST_NAME_BYTES);
}

/* The place of a label in the order, or where it would be inserted. */
static int
find_place(const VoteState *state, const char *bytes, int length, bool *found)
{
	const Label *labels = labels_of(state);
	const char	*names = names_of(state);
	int			 low = 0;
	int			 high = state->n_labels;

	*found = false;
	while (low < high)
	{
		int			 middle = (low + high) / 2;
		const Label *label = &labels[middle];
		int			 order = metaprobe_compare_names(names + label->start,
													 label->length, bytes, length);

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

/* Labels that neighbours have */
typedef struct UsedLabels
{
	int	 *places; /* of each label among them; -1: no neighbour has it */
	int	  count;
	int64 name_bytes;
} UsedLabels;

static UsedLabels
find_used_labels(const VoteState *state)
{
	UsedLabels used = {.places =
						   palloc(Max(state->n_labels, 1) * sizeof(int))};

	for (int label = 0; label < state->n_labels; label++)
		used.places[label] = -1;
	for (int i = 0; i < state->n_neighbours; i++)
		used.places[state->neighbours[i].index] = 0;
	for (int label = 0; label < state->n_labels; label++)
	{
		if (used.places[label] < 0)
			continue;
		used.places[label] = used.count++;
		used.name_bytes += labels_of(state)[label].length;
	}
	return used;
}

/* Put a label at a place, and number those behind it anew. */
static void
insert_label(VoteState *state, int place, const char *bytes, int length)
{
	Label *labels = labels_of(state);

	memcpy(names_of(state) + state->n_name_bytes, bytes, length);
	memmove(&labels[place + 1], &labels[place],
			(state->n_labels - place) * sizeof(Label));
	labels[place] = (Label){state->n_name_bytes, length};
	state->n_labels++;
	state->n_name_bytes += length;
	for (int i = 0; i < state->n_neighbours; i++)
	{
		if (state->neighbours[i].index >= place)
			state->neighbours[i].index++;
	}
}

/*
 * A copy with room for another neighbour, of a label whose name has so many bytes:
 * for twice as many labels as are in use, and for as many neighbours unless there are k.
 */
static VoteState *
state_grow(const VoteState *state, int name_bytes)
{
	UsedLabels used = find_used_labels(state);
	int64	   neighbour_room = state->neighbour_room;
	VoteState *grown;

	if (state->n_neighbours == neighbour_room)
		neighbour_room = Min(state->k, 2 * neighbour_room);
	grown = state_create(state->k, neighbour_room,
						 Max(2 * (used.count + 1), FIRST_LABELS),
						 Max(2 * (used.name_bytes + name_bytes),
							 FIRST_NAME_BYTES));
	for (int label = 0; label < state->n_labels; label++)
	{
		if (used.places[label] >= 0)
			insert_label(grown, grown->n_labels, name_of(state, label),
						 labels_of(state)[label].length);
	}
	grown->n_neighbours = state->n_neighbours;
	for (int i = 0; i < state->n_neighbours; i++)
	{
		grown->neighbours[i] = state->neighbours[i];
		grown->neighbours[i].index = used.places[state->neighbours[i].index];
	}
	pfree(used.places);
	return grown;
}

/* Is there room for another neighbour, and for its label if that is new? */
static bool
has_room(const VoteState *state, bool has_label, int name_bytes)
{
	if (state->n_neighbours == state->neighbour_room &&
		state->neighbour_room < state->k)
		return false;
	return has_label || (state->n_labels < state->label_room &&
						 name_bytes <= state->name_room - state->n_name_bytes);
}

/* Is the state full of neighbours nearer than this distance? */
static bool
is_too_far(const VoteState *state, double distance)
{
	return state->n_neighbours == state->k &&
		   distance > state->neighbours[0].distance;
}

/* Returns the state, or a larger copy. */
static VoteState *
offer(VoteState *state, const char *label, int length, double distance)
{
	Nearest nearest;
	bool	found;
	int		place;

	if (isnan(distance) || is_too_far(state, distance))
		return state;
	place = find_place(state, label, length, &found);
	if (!has_room(state, found, length))
	{
		state = state_grow(state, length);
		place = find_place(state, label, length, &found);
	}
	if (!found)
		insert_label(state, place, label, length);
	nearest = (Nearest){state->neighbours, state->neighbour_room,
						state->n_neighbours};
	metaprobe_nearest_offer(&nearest, distance, place);
	state->n_neighbours = nearest.count;
	return state;
}

static int32
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
check_same_k(int32 a, int32 b)
{
	if (a != b)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be the same for all rows, but is %d and %d",
						Min(a, b), Max(a, b))));
}

/* Arguments: state, label, distance, k. */
static Datum
add_neighbour(FunctionCallInfo fcinfo)
{
	int32	   k = checked_k(fcinfo);
	VoteState *state = metaprobe_state_to_change(fcinfo);
	text	  *label;

	if (state == NULL)
		state = state_begin(k);
	check_same_k(state->k, k);
	if (PG_ARGISNULL(2))
		PG_RETURN_POINTER(state); /* at no distance: no neighbour */
	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("label of a neighbour must not be null")));
	label = PG_GETARG_TEXT_PP(1);
	PG_RETURN_POINTER(offer(state, VARDATA_ANY(label),
							VARSIZE_ANY_EXHDR(label), PG_GETARG_FLOAT8(2)));
}

PG_FUNCTION_INFO_V1(metaprobe_neighbours_transfn);
Datum
metaprobe_neighbours_transfn(PG_FUNCTION_ARGS)
{
	return add_neighbour(fcinfo);
}

static Datum
combine_neighbours(FunctionCallInfo fcinfo)
{
	VoteState		*into;
	const VoteState *from;

	if (PG_ARGISNULL(1) && PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	from = PG_GETARG_VOTES(1);
	into = metaprobe_state_to_change(fcinfo);
	if (into == NULL)
		into = state_begin(from->k);
	check_same_k(into->k, from->k);
	for (int i = 0; i < from->n_neighbours; i++)
	{
		const Neighbour *neighbour = &from->neighbours[i];

		CHECK_FOR_INTERRUPTS();
		into = offer(into, name_of(from, neighbour->index),
					 labels_of(from)[neighbour->index].length,
					 neighbour->distance);
	}
	PG_RETURN_POINTER(into);
}

PG_FUNCTION_INFO_V1(metaprobe_neighbours_combine);
Datum
metaprobe_neighbours_combine(PG_FUNCTION_ARGS)
{
	return combine_neighbours(fcinfo);
}

/*
 * Let the neighbours vote.  Works on a copy, since the state may be used again,
 * of the same capacity, which tells in what order they were kept.  Returns the
 * winner; -1 without neighbours.
 */
static int
count_votes(const VoteState *state, LabelVotes **votes, double *total)
{
	Size	size = state->n_neighbours * sizeof(Neighbour);
	Nearest nearest = {palloc(Max(size, 1)), state->neighbour_room,
					   state->n_neighbours};

	memcpy(nearest.items, state->neighbours, size);
	metaprobe_nearest_sort(&nearest);

	*votes = palloc(Max(state->n_labels, 1) * sizeof(LabelVotes));
	*total = metaprobe_vote(nearest.items, nearest.count, NULL,
							WEIGHTS_UNIFORM, NULL, *votes, state->n_labels);
	return metaprobe_vote_winner(*votes, state->n_labels, -1);
}

static Datum
label_of_votes(FunctionCallInfo fcinfo)
{
	const VoteState *state;
	LabelVotes		*votes;
	double			 total;
	int				 winner;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = PG_GETARG_VOTES(0);
	winner = count_votes(state, &votes, &total);
	if (winner < 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(
		cstring_to_text_with_len(name_of(state, winner),
								 labels_of(state)[winner].length));
}

PG_FUNCTION_INFO_V1(metaprobe_neighbours_label);
Datum
metaprobe_neighbours_label(PG_FUNCTION_ARGS)
{
	return label_of_votes(fcinfo);
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
push_probability(JsonbParseState **object, const char *label, int length,
				 double share)
{
	JsonbValue key = {.type = jbvString};
	JsonbValue value = {.type = jbvNumeric};

	key.val.string.val = unconstify(char *, label);
	key.val.string.len = length;
	value.val.numeric = exact_numeric(share);
	(void) pushJsonbValue(object, WJB_KEY, &key);
	(void) pushJsonbValue(object, WJB_VALUE, &value);
}

static Datum
probabilities_of_votes(FunctionCallInfo fcinfo)
{
	const VoteState *state;
	LabelVotes		*votes;
	double			 total;
	JsonbParseState *object = NULL;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = PG_GETARG_VOTES(0);
	if (count_votes(state, &votes, &total) < 0)
		PG_RETURN_NULL();

	(void) pushJsonbValue(&object, WJB_BEGIN_OBJECT, NULL);
	for (int label = 0; label < state->n_labels; label++)
	{
		if (votes[label].votes > 0)
			push_probability(&object, name_of(state, label),
							 labels_of(state)[label].length,
							 votes[label].votes / total);
	}
	PG_RETURN_JSONB_P(
		JsonbValueToJsonb(pushJsonbValue(&object, WJB_END_OBJECT, NULL)));
}

PG_FUNCTION_INFO_V1(metaprobe_neighbours_probabilities);
Datum
metaprobe_neighbours_probabilities(PG_FUNCTION_ARGS)
{
	return probabilities_of_votes(fcinfo);
}

/*
 * States outside of a server: text, in hexadecimal digits, and binary form
 */

/* k, the labels that neighbours have, and of each neighbour distance and label. */
static bytea *
state_write(const VoteState *state)
{
	UsedLabels	   used = find_used_labels(state);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint32(&message, state->k);
	pq_sendint32(&message, used.count);
	for (int label = 0; label < state->n_labels; label++)
	{
		int32 length = labels_of(state)[label].length;

		if (used.places[label] < 0)
			continue;
		pq_sendint32(&message, length);
		pq_sendbytes(&message, name_of(state, label), length);
	}
	pq_sendint32(&message, state->n_neighbours);
	for (int i = 0; i < state->n_neighbours; i++)
	{
		pq_sendfloat8(&message, state->neighbours[i].distance);
		pq_sendint32(&message, used.places[state->neighbours[i].index]);
	}
	pfree(used.places);
	return pq_endtypsend(&message);
}

/* The bytes of a neighbour, and the least of a label, with a neighbour that has it */
#define NEIGHBOUR_SIZE ((int) (sizeof(float8) + sizeof(int32)))
#define MIN_LABEL_SIZE ((int) sizeof(int32) + NEIGHBOUR_SIZE)

/* A number of things that follow, of so many bytes each; more there cannot be. */
static int32
read_count(StringInfo message, int size)
{
	int32 count = pq_getmsgint(message, sizeof(int32));

	if (count < 0 || count > (message->len - message->cursor) / size)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid state with a count of %d", count)));
	return count;
}

typedef struct LabelName
{
	const char *bytes;
	int			length;
} LabelName;

static LabelName
read_label(StringInfo message)
{
	LabelName label;

	label.length = read_count(message, 1);
	label.bytes = pq_getmsgbytes(message, label.length);
	(void) pg_verifymbstr(label.bytes, label.length, false);
	return label;
}

/* Offer a neighbour that need not be what was written. */
static VoteState *
read_neighbour(StringInfo message, VoteState *state, const LabelName *labels,
			   int32 n_labels)
{
	double distance = pq_getmsgfloat8(message);
	int32  label = pq_getmsgint(message, sizeof(int32));

	if (isnan(distance) || label < 0 || label >= n_labels)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid neighbour in a state")));
	return offer(state, labels[label].bytes, labels[label].length, distance);
}

static VoteState *
state_read(bytea *bytes)
{
	StringInfoData message = {0};
	VoteState	  *state;
	LabelName	  *labels;
	int32		   k;
	int32		   n_labels;
	int32		   n_neighbours;

	message.data = VARDATA_ANY(bytes);
	message.len = VARSIZE_ANY_EXHDR(bytes);
	k = pq_getmsgint(&message, sizeof(int32));
	n_labels = read_count(&message, MIN_LABEL_SIZE);
	labels = palloc(Max(n_labels, 1) * sizeof(LabelName));
	for (int i = 0; i < n_labels; i++)
		labels[i] = read_label(&message);
	n_neighbours = read_count(&message, NEIGHBOUR_SIZE);
	if (k < 1 || n_neighbours > k)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid state of %d neighbours of %d",
							   n_neighbours, k)));
	state = state_begin(k);
	for (int i = 0; i < n_neighbours; i++)
	{
		CHECK_FOR_INTERRUPTS();
		state = read_neighbour(&message, state, labels, n_labels);
	}
	pq_getmsgend(&message);
	pfree(labels);
	return state;
}

PG_FUNCTION_INFO_V1(metaprobe_neighbours_in);
Datum
metaprobe_neighbours_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(state_read(
		DatumGetByteaPP(DirectFunctionCall1(byteain, PG_GETARG_DATUM(0)))));
}

PG_FUNCTION_INFO_V1(metaprobe_neighbours_out);
Datum
metaprobe_neighbours_out(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall1(byteaout, PointerGetDatum(
											 state_write(PG_GETARG_VOTES(0))));
}

PG_FUNCTION_INFO_V1(metaprobe_neighbours_recv);
Datum
metaprobe_neighbours_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(state_read(
		DatumGetByteaPP(DirectFunctionCall1(bytearecv, PG_GETARG_DATUM(0)))));
}

PG_FUNCTION_INFO_V1(metaprobe_neighbours_send);
Datum
metaprobe_neighbours_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(state_write(PG_GETARG_VOTES(0)));
}

/*
 * The same for the SQL of version 0.1.0, whose states were of type internal
 */

PG_FUNCTION_INFO_V1(metaprobe_knn_transfn);
Datum
metaprobe_knn_transfn(PG_FUNCTION_ARGS)
{
	return metaprobe_keep_state(fcinfo, add_neighbour(fcinfo));
}

PG_FUNCTION_INFO_V1(metaprobe_knn_combine);
Datum
metaprobe_knn_combine(PG_FUNCTION_ARGS)
{
	return metaprobe_keep_state(fcinfo, combine_neighbours(fcinfo));
}

PG_FUNCTION_INFO_V1(metaprobe_knn_serialize);
Datum
metaprobe_knn_serialize(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(state_write(PG_GETARG_VOTES(0)));
}

PG_FUNCTION_INFO_V1(metaprobe_knn_deserialize);
Datum
metaprobe_knn_deserialize(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(state_read(PG_GETARG_BYTEA_PP(0)));
}

PG_FUNCTION_INFO_V1(metaprobe_knn_label_finalfn);
Datum
metaprobe_knn_label_finalfn(PG_FUNCTION_ARGS)
{
	return label_of_votes(fcinfo);
}

PG_FUNCTION_INFO_V1(metaprobe_knn_probabilities_finalfn);
Datum
metaprobe_knn_probabilities_finalfn(PG_FUNCTION_ARGS)
{
	return probabilities_of_votes(fcinfo);
}
