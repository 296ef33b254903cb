/*
 * bounds.h
 *		Operations on arrays of lower bounds, one for each probe.
 *
 * A bound is an integer in units of the search that made it: no probe whose
 * bound is above a threshold is nearer than what the threshold was made of.
 */
#ifndef METAPROBE_CORE_BOUNDS_H
#define METAPROBE_CORE_BOUNDS_H

#include <stdint.h>

/* The bound of a probe that needs none any more: above every threshold. */
#define BOUND_SETTLED INT32_MAX

/*
 * The smallest bounds of an array dealt out to slots in turn, as cards are,
 * and whose they are: a sample of the smallest ones of all, found without a
 * branch.  An empty slot has BOUND_SETTLED.
 */
typedef struct BoundSlots
{
	int32_t *bounds; /* n_slots each, room from the caller */
	int32_t *probes;
	int		 n_slots; /* a multiple of BOUND_SLOT_UNIT */
} BoundSlots;

#define BOUND_SLOT_UNIT 8

/*
 * Collecting writes so many numbers, at most, behind those it returns; keeping,
 * behind those it was given.
 */
#define BOUND_SPARES 8

extern int metaprobe_bounds_count(const int32_t *bounds, int first, int end,
								  int32_t threshold);
extern int metaprobe_bounds_collect(const int32_t *bounds, int first, int end,
									int32_t threshold, int32_t *probes);
extern int metaprobe_bounds_keep(int32_t *bounds, int32_t *probes, int n,
								 int32_t threshold);
extern int32_t metaprobe_bounds_select(const int32_t *bounds, int n, int rank);
extern int	   metaprobe_bounds_dealt(BoundSlots *slots);
extern void	   metaprobe_bounds_clear(BoundSlots *slots);
extern void	   metaprobe_bounds_deal(const int32_t *bounds, int first, int end,
									 BoundSlots *slots);

#endif /* METAPROBE_CORE_BOUNDS_H */
