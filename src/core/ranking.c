/*
 * ranking.c
 *		How well a score ranks true rows above the others.
 *
 * Rows of equal score cannot be told apart, so they count as one threshold: no
 * figure depends on the order in which they came.  All counting is in
 * integers; the only sum of fractions, that of average precision, is taken in
 * the order of the thresholds.
 */
#include "ranking.h"

#include "poll.h"

#define THRESHOLDS_PER_POLL 65536

/* Rows counted from the highest score down. */
typedef struct Walk
{
	const double *hits; /* ascending */
	const double *others;
	int64_t		  hits_left;
	int64_t		  others_left;
} Walk;

/* The rows of one score: how many are hits, how many are not. */
typedef struct Tie
{
	int64_t hits;
	int64_t others;
} Tie;

static int64_t
take_equal(const double *scores, int64_t *left, double score)
{
	int64_t before = *left;

	while (*left > 0 &&
		   metaprobe_compare_scores(scores[*left - 1], score) == 0)
		--*left;
	return before - *left;
}

/* Take the rows of the highest score that is left; there must be some. */
static Tie
take_tie(Walk *walk)
{
	double score;
	Tie	   tie;

	if (walk->others_left == 0 ||
		(walk->hits_left > 0 &&
		 metaprobe_compare_scores(walk->hits[walk->hits_left - 1],
								  walk->others[walk->others_left - 1]) > 0))
		score = walk->hits[walk->hits_left - 1];
	else
		score = walk->others[walk->others_left - 1];
	tie.hits = take_equal(walk->hits, &walk->hits_left, score);
	tie.others = take_equal(walk->others, &walk->others_left, score);
	return tie;
}

/*
 * Of rows taken as many as there are hits, the share that are hits.  The rows
 * of the score at which that number is reached are hits by their share, which
 * is what an order by chance would give on average.
 */
static double
precision_at(int64_t n_hits, int64_t hits_before, int64_t rows_before, Tie tie)
{
	double share = (double) tie.hits / (double) (tie.hits + tie.others);

	return ((double) hits_before + (double) (n_hits - rows_before) * share) /
		   (double) n_hits;
}

/*
 * Judge a score by the scores of the true rows ("hits") and of the others,
 * both in ascending order; at least one, at most RANKING_MAX_SCORES of each.
 *
 * auroc: of all pairs of a hit and another, the share in which the hit scores
 * higher, equal scores counting half (the statistic of Mann and Whitney, 1947).
 * average_precision: the mean over hits of the precision at their threshold.
 * best_f1: the greatest harmonic mean of precision and recall.
 */
void
metaprobe_rank_quality(const double *hits, int64_t n_hits,
					   const double *others, int64_t n_others,
					   RankingQuality *quality)
{
	Walk	walk = {hits, others, n_hits, n_others};
	int64_t hits_seen = 0;
	int64_t rows_seen = 0;
	int64_t twice_won = 0;
	double	precisions = 0;
	double	best_f1 = 0;
	int64_t n_thresholds = 0;

	while (walk.hits_left + walk.others_left > 0)
	{
		int64_t others_above = rows_seen - hits_seen;
		Tie		tie = take_tie(&walk);
		int64_t rows_after = rows_seen + tie.hits + tie.others;
		double	f1;

		if (rows_seen < n_hits && rows_after >= n_hits)
			quality->precision_at_true_rate =
				precision_at(n_hits, hits_seen, rows_seen, tie);
		twice_won += tie.hits * (2 * (n_others - others_above) - tie.others);
		hits_seen += tie.hits;
		rows_seen = rows_after;
		precisions +=
			(double) tie.hits * ((double) hits_seen / (double) rows_seen);
		f1 = 2 * (double) hits_seen / (double) (rows_seen + n_hits);
		if (f1 > best_f1)
			best_f1 = f1;
		if (++n_thresholds % THRESHOLDS_PER_POLL == 0)
			metaprobe_poll();
	}
	quality->auroc = (double) twice_won / (double) (2 * n_hits * n_others);
	quality->average_precision = precisions / (double) n_hits;
	quality->best_f1 = best_f1;
}
