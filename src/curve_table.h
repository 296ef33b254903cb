/*
 * curve_table.h
 *		Curves in the making, in memory, found by their ids.
 */
#ifndef METAPROBE_CURVE_TABLE_H
#define METAPROBE_CURVE_TABLE_H

#include "core/loss.h"

/*
 * Losses come epoch by epoch, of ids in any order.  So those of one epoch lie
 * side by side, as many curves' in each tile, lest recording an epoch touch the
 * memory of all.
 */
#define TILE_CURVES 32

typedef struct EpochColumn
{
	int		n_tiles; /* there is room for */
	float **tiles;	 /* NULL where no curve has a loss */
} EpochColumn;

/* Curves are numbered from 0 in the order in which their ids turned up. */
typedef struct CurveTable
{
	MemoryContext context;
	Size		  limit;	 /* of the memory of context, in bytes */
	bool		  last_wins; /* of two losses for one epoch; else an error */

	int		n_curves;
	int		capacity; /* of the ids */
	int64  *ids;
	uint32 *buckets; /* by hash: number of a curve, plus 1; or 0 */
	uint32	bucket_mask;

	int			 n_epochs; /* of the longest curve, rounded up */
	EpochColumn *columns;

	float *free_tiles; /* room for further tiles */
	int	   n_free_tiles;
} CurveTable;

/* Is called with each curve; the losses are its own only meanwhile. */
typedef void (*CurveSink)(void *target, int64 id, const float *losses,
						  int n_epochs);

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
extern int		   metaprobe_curve_table_record(CurveTable *table, int epoch,
												const int64 *ids, const float *losses,
												int n);
extern void metaprobe_curve_table_read(const CurveTable *table, CurveSink sink,
									   void *target);

#endif /* METAPROBE_CURVE_TABLE_H */
