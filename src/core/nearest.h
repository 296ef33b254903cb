/*
 * nearest.h
 *		The k nearest of a stream of candidates, ties decided by index.
 *
 * A bounded heap whose root, items[0], is the farthest of those kept.
 * Neighbours are ordered by (distance, index), a total order, so the result
 * does not depend on the order in which candidates are offered.
 */
#ifndef METAPROBE_CORE_NEAREST_H
#define METAPROBE_CORE_NEAREST_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Neighbour
{
	double	distance;
	int32_t index;
} Neighbour;

typedef struct Nearest
{
	Neighbour *items; /* room for capacity, from the caller */
	int		   capacity;
	int		   count;
} Nearest;

static inline bool
metaprobe_is_nearer(double distance, int32_t index, const Neighbour *other)
{
	return distance < other->distance ||
		   (distance == other->distance && index < other->index);
}

static inline void
metaprobe_nearest_reset(Nearest *nearest, Neighbour *items, int capacity)
{
	nearest->items = items;
	nearest->capacity = capacity;
	nearest->count = 0;
}

extern void metaprobe_nearest_push(Nearest *nearest, double distance,
								   int32_t index);
extern void metaprobe_nearest_sort(Nearest *nearest);
extern void metaprobe_nearest_take(Nearest *nearest, const double *distances,
								   const int32_t *indexes, int n);

/* Keep the candidate if it is among the nearest so far.  NaN never is. */
static inline void
metaprobe_nearest_offer(Nearest *nearest, double distance, int32_t index)
{
	if (distance != distance)
		return;
	if (nearest->count == nearest->capacity &&
		!metaprobe_is_nearer(distance, index, &nearest->items[0]))
		return;
	metaprobe_nearest_push(nearest, distance, index);
}

#endif /* METAPROBE_CORE_NEAREST_H */
