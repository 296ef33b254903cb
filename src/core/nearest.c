/*
 * nearest.c
 *		The k nearest of a stream of candidates, ties decided by index.
 */
#include "nearest.h"

/*
 * So many are kept in order, which is faster while there are few of them; more
 * are kept as a heap.
 */
#define NEAREST_SORTED 256

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
