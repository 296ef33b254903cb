/*
 * rough.h
 *		Distances from rows of numbers in 16 bits: quick, and off by a known
 *		amount.
 *
 * A rough distance is the sum of squared or absolute differences in steps of a
 * grid, divided by a power of two so that it fits 31 bits.  Each difference is
 * off by one step at most.  Packed points (packed.h) are for distances from
 * all of them; these are for distances from some.
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
	uint8_t	  *is_undefined; /* of each row */
	bool	   has_undefined;
	int		   n; /* numbers in a row */
	int		   shift;
	double	   unit; /* 2 to the power of shift */
} RoughRows;

/* A row to measure from.  Numbers that are unknown in it are left out. */
typedef struct RoughQuery
{
	int16_t *values;  /* room from the caller */
	int16_t *masks;	  /* -1 where the number is known */
	int		 n_lanes; /* beyond them none is */
	int		 n_known;
	double	 beyond; /* how far it lies beyond the grid */
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
