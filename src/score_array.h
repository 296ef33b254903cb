/*
 * score_array.h
 *		Growing arrays of double precision numbers, the states of aggregates
 *		that must see all of them at once.
 */
#ifndef METAPROBE_SCORE_ARRAY_H
#define METAPROBE_SCORE_ARRAY_H

#include "lib/stringinfo.h"
#include "utils/palloc.h"

typedef struct ScoreArray
{
	MemoryContext context;
	double		 *values; /* NULL before the first */
	int64		  n;
	int64		  capacity;
} ScoreArray;

extern void metaprobe_scores_init(ScoreArray *scores, MemoryContext context);
extern void metaprobe_scores_add(ScoreArray *scores, double value);
extern void metaprobe_scores_add_all(ScoreArray *scores, const double *values,
									 int64 n);
extern void metaprobe_scores_sort(ScoreArray *scores);
extern void metaprobe_scores_send(StringInfo		message,
								  const ScoreArray *scores);
extern void metaprobe_scores_receive(StringInfo message, ScoreArray *scores);

#endif /* METAPROBE_SCORE_ARRAY_H */
