/*
 * ranking.h
 *		How well a score ranks true rows above the others.
 */
#ifndef METAPROBE_CORE_RANKING_H
#define METAPROBE_CORE_RANKING_H

#include <math.h>
#include <stdint.h>

/* Of either class; twice the number of pairs is then an integer of 64 bits. */
#define RANKING_MAX_SCORES (INT64_C(1) << 30)

typedef struct RankingQuality
{
	double auroc;
	double average_precision;
	double best_f1;
	double precision_at_true_rate;
} RankingQuality;

/*
 * The order of scores: PostgreSQL's order of double precision, NaN last and
 * equal to itself.
 */
static inline int
metaprobe_compare_scores(double a, double b)
{
	if (a < b)
		return -1;
	if (a > b)
		return 1;
	if (a == b)
		return 0;
	return (isnan(a) != 0) - (isnan(b) != 0);
}

extern void metaprobe_rank_quality(const double *hits, int64_t n_hits,
								   const double *others, int64_t n_others,
								   RankingQuality *quality);

#endif /* METAPROBE_CORE_RANKING_H */
