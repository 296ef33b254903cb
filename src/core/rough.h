/*
 * rough.h
 *		Distances from rows of numbers in 16 bits: quick, and off by a known
 *		amount.
 *
 * A rough distance is the sum of squared or absolute differences in steps of a
 * grid, divided by a power of two, the unit, so that it fits 31 bits.  Each
 * difference is off by one step at most, and the sum by some units.  Packed points
 * (packed.h) are for distances from all of them; these are for distances from
 * some.
 */
#ifndef METAPROBE_CORE_ROUGH_H
#define METAPROBE_CORE_ROUGH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grid.h"
#include "packed.h"

/* The rough distance of rows that are not finite: above all others. */
#define ROUGH_UNDEFINED INT32_MAX

/* Rough distances from finite rows are below. */
#define ROUGH_INFINITE 0x7f800000

typedef struct RoughRows
{
	PackedNorm norm;
	Grid	   grid;
	int16_t	  *values;		 /* of each row, padded with zeroes */
	int32_t	  *norms;		 /* squared, of each row, divided by the unit */
	uint8_t	  *is_undefined; /* of each row */
	bool	   has_undefined;
	int		   n; /* numbers in a row */
	int		   shift;
	double	   unit; /* 2 to the power of shift */
	double	   inverse_unit;
} RoughRows;

/*
 * How a distance is taken.  Between complete rows squares come from products:
 * |a - b|^2 = |a|^2 + |b|^2 - 2ab, of which the first two are known before.
 */
typedef enum RoughForm
{
	ROUGH_BY_PRODUCTS,
	ROUGH_BY_SQUARES,
	ROUGH_BY_SIZES
} RoughForm;

/* A row to measure from.  Numbers that are unknown in it are left out. */
typedef struct RoughQuery
{
	int16_t	 *values; /* room from the caller */
	int16_t	 *masks;  /* -1 where the number is known */
	bool	  has_masks;
	int		  n_lanes; /* beyond them none is */
	RoughForm form;
	int32_t	  norm;		 /* squared, as those of the rows, and an offset */
	int		  excess;	 /* by how many units a distance may be too large */
	int		  deficit;	 /* or too small, but for what follows */
	double	  steps_off; /* by which roundings to the grid change it */
	double	  beyond;	 /* how far, by the norm, it lies beyond the grid */
} RoughQuery;

extern size_t metaprobe_rough_size(int n_rows, int n);
extern void	  metaprobe_rough_build(RoughRows *rows, PackedNorm norm,
									const float *numbers, int n_rows, int n,
									void *memory);
extern size_t metaprobe_rough_query_size(int n);
extern void metaprobe_rough_query_init(RoughQuery *query, int n, void *memory);
extern void metaprobe_rough_query_set(RoughQuery *query, const RoughRows *rows,
									  const float *from);
extern void metaprobe_rough_query_set_known(RoughQuery		*query,
											const RoughRows *rows,
											const float *from, int n);
extern void metaprobe_rough_distances(const RoughRows  *rows,
									  const RoughQuery *query,
									  const int32_t *which, int n_which,
									  int32_t *distances);
extern int32_t metaprobe_rough_threshold(const RoughRows  *rows,
										 const RoughQuery *query,
										 double			   distance);
extern double  metaprobe_rough_reach(const RoughRows  *rows,
									 const RoughQuery *query, int32_t rough);

#endif /* METAPROBE_CORE_ROUGH_H */
