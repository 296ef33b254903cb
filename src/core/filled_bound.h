/*
 * filled_bound.h
 *		Lower bounds of the distances from a curve with a few missing epochs.
 *
 * The curve is filled up, with any losses, and has a sketch then.  Its squared
 * distance from a complete probe (under l1: its distance) is the sum of that
 * over the epochs observed, which is sought, and of that over the gaps, which
 * the packed epochs tell quickly for they are few.  So what the sketch bounds,
 * less what the gaps are at most, bounds what is sought.
 *
 * Bounds are floats, of which the bits, as integers, are in their order.
 */
#ifndef METAPROBE_CORE_FILLED_BOUND_H
#define METAPROBE_CORE_FILLED_BOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packed.h"
#include "sketch.h"

/* A curve that has been filled up, to measure from. */
typedef struct FilledQuery
{
	float	   *curve; /* n_epochs */
	int32_t	   *gaps;  /* the epochs filled in */
	int			n_gaps;
	PackedQuery filling;	   /* of these epochs alone */
	double		filling_off;   /* by how much rounding has moved it */
	int32_t	   *gap_distances; /* of the probes from it */
	double		share;		   /* of these in a bound */
	double		allowance;	   /* what is added to a threshold */
} FilledQuery;

extern size_t metaprobe_filled_query_size(int n_epochs, int n_probes);
extern void	  metaprobe_filled_query_init(FilledQuery *query, int n_epochs,
										  int n_probes, void *memory);
extern void	  metaprobe_filled_query_fill(FilledQuery		 *query,
										  const PackedPoints *epochs,
										  const float *curve, int n);
extern void	  metaprobe_filled_query_set(FilledQuery		*query,
										 const Sketch		*sketch,
										 const SketchQuery	*sketch_query,
										 const PackedPoints *epochs);
extern void	  metaprobe_filled_bounds(FilledQuery *query, const Sketch *sketch,
									  const SketchQuery	 *sketch_query,
									  const PackedPoints *epochs, int n_probes,
									  int32_t *bounds);
extern int32_t metaprobe_filled_threshold(const FilledQuery *query,
										  const Sketch		*sketch,
										  double			 distance);

#endif /* METAPROBE_CORE_FILLED_BOUND_H */
