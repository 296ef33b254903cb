/*
 * packed.h
 *		Points quantised to 16 bits, and distances from all of them at once.
 *
 * A distance between two packed points, in steps of the quantisation, differs
 * from that of the points themselves by at most one step in every coordinate.
 * metaprobe_packed_threshold() turns a distance into the largest packed
 * distance that a point at that distance can have.
 *
 * Points are in blocks; within a block, pair after pair of coordinates, each
 * with the two coordinates of every point side by side: what one instruction
 * multiplies and adds.
 */
#ifndef METAPROBE_CORE_PACKED_H
#define METAPROBE_CORE_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grid.h"

#define PACKED_BLOCK 32

typedef enum PackedNorm
{
	PACKED_SQUARES, /* the sum of squared differences */
	PACKED_SIZES	/* the sum of their absolute values */
} PackedNorm;

typedef struct PackedPoints
{
	int16_t	  *values;
	uint32_t  *norms; /* of each point, squared, modulo 2^32 */
	Grid	   grid;  /* that coordinates are rounded to */
	int		   n_points;
	int		   n_coordinates;
	bool	   has_unknown; /* some coordinates are NaN: values of 0 */
	int16_t	   bias;		/* added to values, so that no other is 0 */
	PackedNorm norm;
} PackedPoints;

/* A point to measure from.  Its unknown (NaN) coordinates are left out. */
typedef struct PackedQuery
{
	int32_t *pairs; /* two quantised coordinates each */
	int32_t *masks; /* -1 in the half of a coordinate that is known */
	int32_t *numbers;
	int32_t *factors;	  /* -2 times the pairs, for distances by products */
	uint32_t norm;		  /* as those of the points, for these as well */
	bool	 has_factors; /* all coordinates are known, of all points, too */
	int		 n_pairs;
	int		 n_whole; /* the first ones; of the others one half is known */
	int		 n_known; /* coordinates */
	double	 beyond;  /* how far it lies beyond what can be packed */
} PackedQuery;

extern size_t metaprobe_packed_size(int n_points, int n_coordinates);
extern void	  metaprobe_packed_build(PackedPoints *packed, PackedNorm norm,
									 const float *points, int stride,
									 int n_points, int n_coordinates,
									 void *memory);
extern size_t metaprobe_packed_query_size(int n_coordinates);
extern void metaprobe_packed_query_init(PackedQuery *query, int n_coordinates,
										void *memory);
extern void metaprobe_packed_query_set(PackedQuery		  *query,
									   const PackedPoints *packed,
									   const float *point, int n,
									   bool is_complete);
extern double  metaprobe_packed_query_snap(PackedQuery		  *query,
										   const PackedPoints *packed,
										   float *point, const int32_t *which,
										   int n_which);
extern void	   metaprobe_packed_distances(const PackedPoints *packed,
										  const PackedQuery *query, int first,
										  int end, int32_t *distances);
extern int32_t metaprobe_packed_threshold(const PackedPoints *packed,
										  const PackedQuery	 *query,
										  double			  distance);

/*
 * What is left of a distance on the grid, or a little more, if so much of it, by
 * the norm, lies beyond.
 */
static inline double
metaprobe_packed_within(PackedNorm norm, double distance, double beyond)
{
	/* far above what rounding does to a few doubles */
	const double margin = 1e-9;
	double		 within = distance;

	if (beyond > 0)
	{
		if (norm == PACKED_SQUARES)
			within *= distance;
		within = within * (1 + margin) - beyond * (1 - margin);
		if (!(within > 0))
			within = 0;
		if (norm == PACKED_SQUARES)
			within = sqrt(within);
	}
	return within * (1 + margin);
}

/* So many points fill whole blocks. */
static inline int
metaprobe_packed_padded(int n_points)
{
	return (n_points + PACKED_BLOCK - 1) / PACKED_BLOCK * PACKED_BLOCK;
}

#endif /* METAPROBE_CORE_PACKED_H */
