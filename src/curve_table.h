/*
 * curve_table.h
 *		Curves in the making, in memory, found by their ids.
 */
#ifndef METAPROBE_CURVE_TABLE_H
#define METAPROBE_CURVE_TABLE_H

#include "core/loss.h"

/*
 * Curves that are stored together.  Losses come epoch by epoch, in any order of
 * ids: those of one epoch lie side by side, so that recording an epoch touches
 * little memory.
 */
#define STRIPE_CURVES 32

/* For every epoch the losses of the stripe's curves; NULL: none so far. */
typedef struct CurveStripe
{
	int		capacity; /* of tiles, in epochs */
	float **tiles;
} CurveStripe;

/* Curves are numbered from 0 in the order in which their ids turned up. */
typedef struct CurveTable
{
	MemoryContext context;
	Size		  limit;	 /* of the memory of context, in bytes */
	bool		  last_wins; /* of two losses for one epoch; else an error */

	int			 n_curves;
	int			 capacity; /* of the arrays below */
	int64		*ids;
	uint16		*n_epochs;
	CurveStripe *stripes;

	uint32 *buckets; /* by hash: number of a curve, plus 1; or 0 */
	uint32	bucket_mask;

	float *free_tiles; /* room for further tiles */
	int	   n_free_tiles;
} CurveTable;

/* All bits of an id, mixed (the finalizer of MurmurHash3). */
static inline uint64
metaprobe_hash_id(int64 id)
{
	uint64 hash = (uint64) id;

	hash ^= hash >> 33;
	hash *= UINT64CONST(0xff51afd7ed558ccd);
	hash ^= hash >> 33;
	hash *= UINT64CONST(0xc4ceb9fe1a85ec53);
	hash ^= hash >> 33;
	return hash;
}

extern CurveTable *metaprobe_curve_table_create(Size limit, bool last_wins);
extern void		   metaprobe_curve_table_clear(CurveTable *table);
extern bool		   metaprobe_curve_table_record(CurveTable *table, int64 id,
												int epoch, float loss);
extern int metaprobe_curve_table_read(const CurveTable *table, int curve,
									  float *losses);

#endif /* METAPROBE_CURVE_TABLE_H */
