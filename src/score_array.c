/*
 * score_array.c
 *		Growing arrays of double precision numbers, the states of aggregates
 *		that must see all of them at once.
 *
 * A number takes 8 bytes, and up to 16 while the array grows.  Their order
 * means nothing, so a final function may sort them where they are.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "aggregate.h"
#include "core/ranking.h"
#include "score_array.h"

#define FIRST_CAPACITY 64

/* What one process can hand to another: a value of at most 1 GB. */
#define MAX_SENT ((int64) ((MaxAllocSize - 1024) / sizeof(double)))

#define ST_SORT sort_scores
#define ST_ELEMENT_TYPE double
#define ST_COMPARE(a, b) metaprobe_compare_scores(*(a), *(b))
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

ScoreArray *
metaprobe_scores_create(MemoryContext context, int n_arrays)
{
	ScoreArray *scores =
		MemoryContextAllocZero(context, n_arrays * sizeof(ScoreArray));

	for (int i = 0; i < n_arrays; i++)
		scores[i].context = context;
	return scores;
}

/* Make room for n more. */
static void
make_room(ScoreArray *scores, int64 n)
{
	int64 wanted = scores->n + n;
	int64 capacity = Max(scores->capacity, FIRST_CAPACITY);
	Size  size;

	if (wanted <= scores->capacity)
		return;
	if (wanted > RANKING_MAX_SCORES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows for an aggregate that must keep them "
						"all: more than %lld",
						(long long) RANKING_MAX_SCORES),
				 errhint("Take a sample of the rows.")));
	while (capacity < wanted)
		capacity *= 2;
	size = mul_size(capacity, sizeof(double));
	if (scores->values)
		scores->values = repalloc_huge(scores->values, size);
	else
		scores->values = MemoryContextAllocHuge(scores->context, size);
	scores->capacity = capacity;
}

void
metaprobe_scores_add(ScoreArray *scores, double value)
{
	make_room(scores, 1);
	scores->values[scores->n++] = value;
}

static void
add_all(ScoreArray *scores, const double *values, int64 n)
{
	if (n == 0)
		return;
	make_room(scores, n);
	memcpy(scores->values + scores->n, values, mul_size(n, sizeof(double)));
	scores->n += n;
}

/* Sort in ascending order, NaN last. */
void
metaprobe_scores_sort(ScoreArray *scores)
{
	if (scores->n > 1)
		sort_scores(scores->values, scores->n);
}

/* Append to a message for another process of this server. */
static void
send_scores(StringInfo message, const ScoreArray *scores)
{
	if (scores->n > MAX_SENT - message->len / (int) sizeof(double))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows for a parallel worker to hand over: "
						"%lld",
						(long long) scores->n),
				 errhint("Set max_parallel_workers_per_gather to 0, or take a "
						 "sample of the rows.")));
	pq_sendint64(message, scores->n);
	pq_sendbytes(message, (const char *) scores->values,
				 mul_size(scores->n, sizeof(double)));
}

/* Add what a message holds, which need not be what was sent. */
static void
receive_scores(StringInfo message, ScoreArray *scores)
{
	int64 n = pq_getmsgint64(message);
	int64 left = message->len - message->cursor;
	int64 first = scores->n;

	if (n < 0 || n > left / (int64) sizeof(double))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid state of %lld numbers", (long long) n)));
	if (n == 0)
		return;
	make_room(scores, n);
	pq_copymsgbytes(message, (char *) (scores->values + first),
					mul_size(n, sizeof(double)));
	scores->n += n;
}

Datum
metaprobe_scores_combine(FunctionCallInfo fcinfo, int n_arrays)
{
	MemoryContext context = metaprobe_aggregate_context(fcinfo);
	ScoreArray	 *into = METAPROBE_GETARG_STATE(ScoreArray, 0);
	ScoreArray	 *from = METAPROBE_GETARG_STATE(ScoreArray, 1);

	if (from != NULL && into == NULL)
		into = metaprobe_scores_create(context, n_arrays);
	for (int i = 0; from != NULL && i < n_arrays; i++)
		add_all(&into[i], from[i].values, from[i].n);
	METAPROBE_RETURN_STATE(into);
}

Datum
metaprobe_scores_serialize(FunctionCallInfo fcinfo, int n_arrays)
{
	ScoreArray	  *scores = (ScoreArray *) PG_GETARG_POINTER(0);
	StringInfoData message;

	pq_begintypsend(&message);
	for (int i = 0; i < n_arrays; i++)
		send_scores(&message, &scores[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* In the current context: combining copies. */
ScoreArray *
metaprobe_scores_deserialize(FunctionCallInfo fcinfo, int n_arrays)
{
	StringInfoData message = metaprobe_received_state(fcinfo);
	ScoreArray	  *scores =
		metaprobe_scores_create(CurrentMemoryContext, n_arrays);

	for (int i = 0; i < n_arrays; i++)
		receive_scores(&message, &scores[i]);
	pq_getmsgend(&message);
	return scores;
}
