/*
 * nearest.c
 *		The k nearest of a stream of candidates, ties decided by index.
 */
#include "nearest.h"

static inline bool
is_farther(const Neighbour *a, const Neighbour *b)
{
	return metaprobe_is_nearer(b->distance, b->index, a);
}

static void
sift_up(Neighbour *items, int child)
{
	Neighbour moving = items[child];

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

/*
 * Add a candidate known to belong to the nearest, in the farthest one's place
 * if all are taken.
 */
void
metaprobe_nearest_push(Nearest *nearest, double distance, int32_t index)
{
	Neighbour candidate = {distance, index};

	if (nearest->count < nearest->capacity)
	{
		nearest->items[nearest->count] = candidate;
		sift_up(nearest->items, nearest->count);
		nearest->count++;
	}
	else
		sift_down(nearest->items, nearest->count, candidate);
}

/* Put the neighbours in order, nearest first.  Nothing may be offered after. */
void
metaprobe_nearest_sort(Nearest *nearest)
{
	for (int last = nearest->count - 1; last > 0; last--)
	{
		Neighbour moving = nearest->items[last];

		nearest->items[last] = nearest->items[0];
		sift_down(nearest->items, last, moving);
	}
}
