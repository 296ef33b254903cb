/*
 * score_array.h
 *		Growing arrays of double precision numbers, the states of aggregates
 *		that must see all of them at once.
 */
#ifndef METAPROBE_SCORE_ARRAY_H
#define METAPROBE_SCORE_ARRAY_H

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/palloc.h"

typedef struct ScoreArray
{
	MemoryContext context;
	double		 *values; /* NULL before the first */
	int64		  n;
	int64		  capacity;
} ScoreArray;

extern void metaprobe_scores_add(ScoreArray *scores, double value);
extern void metaprobe_scores_sort(ScoreArray *scores);

/* Of aggregates whose state is n_arrays of them in a row: the support functions. */
extern ScoreArray *metaprobe_scores_create(MemoryContext context,
										   int			 n_arrays);
extern Datum metaprobe_scores_combine(FunctionCallInfo fcinfo, int n_arrays);
extern Datum metaprobe_scores_serialize(FunctionCallInfo fcinfo, int n_arrays);
extern ScoreArray *metaprobe_scores_deserialize(FunctionCallInfo fcinfo,
												int				 n_arrays);

#endif /* METAPROBE_SCORE_ARRAY_H */
