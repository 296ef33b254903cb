/*
 * search.h
 *		Exact search for the probes nearest to a curve: filter and refine.
 *
 * A search first bounds the distance to every probe from below, and then takes
 * the distance only to probes whose bound does not rule them out.  What the
 * bounds come from are the indexes of probe_index.h.
 */
#ifndef METAPROBE_CORE_SEARCH_H
#define METAPROBE_CORE_SEARCH_H

#include "bounds.h"
#include "dtw_bound.h"
#include "filled_bound.h"
#include "nearest.h"
#include "probe_index.h"
#include "rough.h"

/* What dynamic time warping needs. */
typedef struct WarpSearch
{
	DtwCurves probes;
	DtwCurve  curve;
	float	 *lower; /* the curve's envelope */
	float	 *upper;
	int		 *ends; /* of the probes */
	int		 *gaps;
	void	 *envelope_room;
	void	 *lanes_room;
} WarpSearch;

/* Probes [first, end). */
typedef struct ProbeRange
{
	int first;
	int end;
} ProbeRange;

/* One search: what it knows of the curve given to it last. */
typedef struct Search
{
	const ProbeCurves *probes;
	ProbeIndexes	  *indexes;

	const float		*curve;
	int				 n_epochs;	 /* of the curve, at most the suite's */
	bool			 has_gaps;	 /* before its end */
	int				 n_observed; /* epochs */
	int				 except;	 /* a probe that is no neighbour, or -1 */
	IndexKind		 bounded_by;
	double			 scale; /* by which lengthwise distances over the epochs
								 * observed are multiplied */
	bool			 has_rough; /* rough_query is of this curve */
	DistanceFunction distance;
	bool			 is_angular; /* and both curve and probes are complete */
	bool			 has_angular;
	AngularCurve	 angular;

	int32_t	   *bounds;	   /* of every probe; BOUND_SETTLED once measured */
	double	   *distances; /* of the probes measured; NaN if undefined */
	int32_t	   *measured;  /* which ones these are */
	int			n_measured;
	SketchQuery sketch_query;
	PackedQuery epochs_query;
	FilledQuery filled_query; /* what bounds are of, instead of the last, */
	bool		is_filled;	  /* if few epochs are missing */

	int32_t		 *candidates;  /* n_probes and BOUND_SPARES */
	int32_t		 *roughs;	   /* rough distances of the candidates */
	RoughQuery	  rough_query; /* what these are taken from */
	BoundSlots	  slots;
	int			  max_slots;
	WarpSearch	  warp;
	AngularCurve *angular_probes; /* n_probes */
} Search;

extern size_t metaprobe_search_size(const ProbeCurves *probes);
extern void	  metaprobe_search_init(Search *search, const ProbeCurves *probes,
									ProbeIndexes *indexes, void *memory);
extern void	  metaprobe_search_begin(Search *search, const float *curve,
									 int n_epochs, int except);

/*
 * Rough distances: of candidates, in search->roughs.  They are those of rough.h
 * or, without an index of rows, the bits of floats.  Either way what is above
 * ROUGH_INFINITE is undefined.
 */
extern int	  metaprobe_search_sample(Search *search, const ProbeRange *ranges,
									  int n_ranges, int n);
extern int	  metaprobe_search_look(Search *search, const ProbeRange *ranges,
									int n_ranges, int n);
extern int	  metaprobe_search_narrow(Search *search, const ProbeRange *ranges,
									  int n_ranges, int k);
extern double metaprobe_search_reach(const Search *search, int32_t rough);
extern int32_t metaprobe_search_threshold(const Search *search,
										  double		distance);
extern int32_t metaprobe_search_bound_at(const Search *search,
										 double		   distance);

/* Exact ones. */
extern void metaprobe_search_measure(Search *search, int n, Nearest *nearest);
extern void metaprobe_search_nearest(Search *search, const ProbeRange *ranges,
									 int n_ranges, Nearest *nearest);

#endif /* METAPROBE_CORE_SEARCH_H */
