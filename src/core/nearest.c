/*
 * nearest.c
 *		The k nearest of a stream of candidates, ties decided by index.
 */
#include "nearest.h"

#include <string.h>

#include "cpu.h"

/*
 * So many are kept in order, which is faster while there are few of them; more
 * are kept as a heap.
 */
#define NEAREST_SORTED 256

/* So many are put in order by counting. */
#define MOST_COUNTED 128

typedef double	FourDoubles __attribute__((vector_size(4 * 8)));
typedef int64_t FourCounts __attribute__((vector_size(4 * 8)));

#define FOURS_AT_ONCE 4
#define COUNTED_AT_ONCE (4 * FOURS_AT_ONCE)

_Static_assert(MOST_COUNTED % COUNTED_AT_ONCE == 0,
			   "there is room for whole vectors");

static inline bool
is_farther(const Neighbour *a, const Neighbour *b)
{
	return metaprobe_is_nearer(b->distance, b->index, a);
}

/* Let the item rise from the room at the end to its place. */
static void
sift_up(Neighbour *items, int count, Neighbour moving)
{
	int child = count;

	while (child > 0)
	{
		int parent = (child - 1) / 2;

		if (!is_farther(&moving, &items[parent]))
			break;
		items[child] = items[parent];
		child = parent;
	}
	items[child] = moving;
}

/* Let the item sink from the root to its place among the first count. */
static void
sift_down(Neighbour *items, int count, Neighbour moving)
{
	int hole = 0;

	for (;;)
	{
		int child = 2 * hole + 1;

		if (child >= count)
			break;
		if (child + 1 < count && is_farther(&items[child + 1], &items[child]))
			child++;
		if (!is_farther(&items[child], &moving))
			break;
		items[hole] = items[child];
		hole = child;
	}
	items[hole] = moving;
}

/* Move the farther ones up into the room at the end, as far as needed. */
static void
insert(Neighbour *items, int count, Neighbour moving)
{
	int place = count;

	for (; place > 0 && is_farther(&moving, &items[place - 1]); place--)
		items[place] = items[place - 1];
	items[place] = moving;
}

/* Drop the farthest; the farther ones move down. */
static void
replace_farthest(Neighbour *items, int count, Neighbour moving)
{
	int place = 0;

	for (; place + 1 < count && is_farther(&items[place + 1], &moving);
		 place++)
		items[place] = items[place + 1];
	items[place] = moving;
}

/* Are the items in order, farthest first?  Every such array is a heap, too. */
static inline bool
is_kept_sorted(const Nearest *nearest)
{
	return nearest->capacity <= NEAREST_SORTED;
}

/*
 * Add a candidate known to belong to the nearest, in the farthest one's place
 * if all are taken.
 */
void
metaprobe_nearest_push(Nearest *nearest, double distance, int32_t index)
{
	Neighbour candidate = {distance, index};
	bool	  is_full = nearest->count == nearest->capacity;

	if (is_kept_sorted(nearest) && is_full)
		replace_farthest(nearest->items, nearest->count, candidate);
	else if (is_kept_sorted(nearest))
		insert(nearest->items, nearest->count, candidate);
	else if (is_full)
		sift_down(nearest->items, nearest->count, candidate);
	else
		sift_up(nearest->items, nearest->count, candidate);
	if (!is_full)
		nearest->count++;
}

static void
reverse(Neighbour *items, int count)
{
	for (int i = 0; i < count / 2; i++)
	{
		Neighbour swap = items[i];

		items[i] = items[count - 1 - i];
		items[count - 1 - i] = swap;
	}
}

static void
sort_heap(Neighbour *items, int count)
{
	for (int last = count - 1; last > 0; last--)
	{
		Neighbour moving = items[last];

		items[last] = items[0];
		sift_down(items, last, moving);
	}
}

/* Put the neighbours in order, nearest first.  Nothing may be offered after. */
void
metaprobe_nearest_sort(Nearest *nearest)
{
	if (is_kept_sorted(nearest))
		reverse(nearest->items, nearest->count);
	else
		sort_heap(nearest->items, nearest->count);
}

/*
 * The places of n distances, two or more, in their order: how many are smaller.
 * Returns whether all places differ, hence no two distances are equal and none
 * is NaN.  There must be room for whole vectors in both arrays.
 */
ALWAYS_INLINE bool
count_smaller(const double *distances, int n, int64_t *places)
{
	int64_t sum = 0;

	for (int first = 0; first < n; first += COUNTED_AT_ONCE)
	{
		FourDoubles others[FOURS_AT_ONCE];
		FourCounts	smaller[FOURS_AT_ONCE];

		for (int v = 0; v < FOURS_AT_ONCE; v++)
		{
			memcpy(&others[v], distances + first + 4 * v, sizeof(others[v]));
			smaller[v] = (FourCounts){0};
		}
		for (int i = 0; i < n; i++)
		{
			/* masks are -1 where true */
			for (int v = 0; v < FOURS_AT_ONCE; v++)
				smaller[v] -= distances[i] < others[v];
		}
		for (int v = 0; v < FOURS_AT_ONCE; v++)
			memcpy(places + first + 4 * v, &smaller[v], sizeof(smaller[v]));
	}
	for (int i = 0; i < n; i++)
		sum += places[i];
	return sum == (int64_t) n * (n - 1) / 2;
}

#ifdef METAPROBE_HAVE_AVX2_KERNELS
__attribute__((target("avx2"))) static bool
count_smaller_avx2(const double *distances, int n, int64_t *places)
{
	return count_smaller(distances, n, places);
}
#endif

static bool
find_places(const double *distances, int n, int64_t *places)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
		return count_smaller_avx2(distances, n, places);
#endif
	return count_smaller(distances, n, places);
}

/* Put a few candidates in their places.  False if that is not clear. */
static bool
take_counted(Nearest *nearest, const double *distances, const int32_t *indexes,
			 int n)
{
	double	few[MOST_COUNTED];
	int64_t places[MOST_COUNTED];

	if (n < 2 || n > MOST_COUNTED)
		return false;
	for (int i = 0; i < n; i++)
		few[i] = distances[indexes[i]];
	for (int i = n; i % COUNTED_AT_ONCE != 0; i++)
		few[i] = 0;
	if (!find_places(few, n, places))
		return false;
	for (int i = 0; i < n; i++)
	{
		if (places[i] < nearest->capacity)
			nearest->items[places[i]] = (Neighbour){few[i], indexes[i]};
	}
	nearest->count = n < nearest->capacity ? n : nearest->capacity;
	return true;
}

/*
 * Offer n candidates, each with the distance that stands at its index, and put
 * the nearest in order, nearest first.
 */
void
metaprobe_nearest_take(Nearest *nearest, const double *distances,
					   const int32_t *indexes, int n)
{
	if (nearest->count == 0 && take_counted(nearest, distances, indexes, n))
		return;
	for (int i = 0; i < n; i++)
		metaprobe_nearest_offer(nearest, distances[indexes[i]], indexes[i]);
	metaprobe_nearest_sort(nearest);
}
