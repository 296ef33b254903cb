/*
 * sketch.h
 *		Complete curves reduced to a few coordinates that never lie farther
 *		apart than the curves.
 *
 * For the Euclidean metrics a sketch has the curve's coordinates on some of
 * the probes' principal axes and, as the last one, the norm of what these
 * leave out: by the triangle inequality the norms differ by no more than the
 * parts left out do.  Curves are first centred; for cosine distance also
 * brought to norm 1, for correlation distance to mean 0 as well, so that half
 * the squared Euclidean distance is the metric's.
 *
 * For l1 the coordinates are sums over segments of epochs, which differ by no
 * more than the losses do.
 */
#ifndef METAPROBE_CORE_SKETCH_H
#define METAPROBE_CORE_SKETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "packed.h"
#include "probe_curves.h"

#define SKETCH_MAX_COORDINATES 32

typedef struct Sketch
{
	PackedPoints packed; /* the probes' sketches */
	Metric		 metric;
	int			 n_epochs;
	int			 n_axes; /* of which the coordinates are used */
	double		*centre; /* n_epochs */
	double		*axes; /* n_epochs rows of strips of axes, see projection.h */
	double		 rounding; /* bounds the error of a probe's coordinates */
} Sketch;

/* A curve's sketch, to measure from. */
typedef struct SketchQuery
{
	PackedQuery packed;
	double	   *curve;	   /* n_epochs: centred, room to work in */
	float	   *direction; /* likewise: what angular metrics compare */
	double		rounding;  /* bounds the error of all coordinates together */
} SketchQuery;

/* L1 needs no coordinate for what the axes leave out: they leave nothing. */
static inline int
metaprobe_sketch_n_coordinates(const Sketch *sketch)
{
	return sketch->n_axes + (sketch->metric == METRIC_L1 ? 0 : 1);
}

extern double metaprobe_sketch_coordinates(const Sketch *sketch,
										   const double *centred, double norm,
										   float *coordinates);
extern size_t metaprobe_sketch_size(const ProbeCurves *probes);
extern size_t metaprobe_sketch_workspace_size(const ProbeCurves *probes);
extern void	  metaprobe_sketch_build(Sketch *sketch, const ProbeCurves *probes,
									 void *memory, void *workspace);
extern size_t metaprobe_sketch_query_size(int n_epochs);
extern void	  metaprobe_sketch_query_init(SketchQuery *query, int n_epochs,
										  void *memory);
extern bool	  metaprobe_sketch_query_set(SketchQuery  *query,
										 const Sketch *sketch,
										 const float  *curve);
extern int32_t metaprobe_sketch_threshold(const Sketch		*sketch,
										  const SketchQuery *query,
										  double			 distance);

#endif /* METAPROBE_CORE_SKETCH_H */
