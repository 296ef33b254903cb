/*
 * reference_classifier.h
 *		Classification by brute force, as a reference.
 *
 * Every probe's distance is computed, all are sorted, and each question is
 * answered by plain loops over them.
 */
#ifndef METAPROBE_TEST_REFERENCE_CLASSIFIER_H
#define METAPROBE_TEST_REFERENCE_CLASSIFIER_H

#include "classifier.h"
#include "reference_distance.h"
#include "reference_dtw.h"

/* A probe whose distance is defined. */
typedef struct RankedProbe
{
	double distance;
	int	   probe;
	int	   label;
} RankedProbe;

/* All such probes, in the order of (distance, probe). */
typedef struct Ranking
{
	RankedProbe *ranked;
	int			 n;
} Ranking;

static inline int
compare_ranked(const void *a, const void *b)
{
	const RankedProbe *x = a;
	const RankedProbe *y = b;

	if (x->distance < y->distance)
		return -1;
	if (x->distance > y->distance)
		return 1;
	return x->probe - y->probe;
}

static inline int
compare_values(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return x < y ? -1 : x > y;
}

static inline int
last_observed(const float *curve, int n)
{
	int last = -1;

	for (int i = 0; i < n; i++)
	{
		if (!isnan(curve[i]))
			last = i;
	}
	return last;
}

/* A curve cut or padded with missing epochs to the suite's length. */
static inline float *
fit_to_suite(const ProbeCurves *suite, const float *curve, int n)
{
	float *fitted = allocate(suite->n_epochs * sizeof(float));

	for (int i = 0; i < suite->n_epochs; i++)
		fitted[i] = i < n ? curve[i] : NAN;
	return fitted;
}

/* The distance from a curve of the suite's length to a probe. */
static inline double
reference_probe_distance(const ProbeCurves *suite, const float *curve,
						 int probe)
{
	int			 n = suite->n_epochs;
	const float *other = suite->losses + probe * n;
	int			 last = last_observed(curve, n);

	switch (suite->metric)
	{
		case METRIC_L2:
			return lane_l2_distance(curve, other, n, n);
		case METRIC_L1:
			return lane_l1_distance(curve, other, n, n);
		case METRIC_COSINE:
			return lane_cosine_distance(curve, other, n, n);
		case METRIC_CORRELATION:
			return lane_correlation_distance(curve, other, n, n);
		case METRIC_DTW:
			if (last_observed(other, n) < last)
				last = last_observed(other, n);
			return reference_dtw_distance(curve, last + 1, other, last + 1,
										  suite->band);
		case METRIC_FITTED:
			break;
	}
	return NAN;
}

static inline Ranking
rank_all_probes(const ProbeCurves *suite, const float *curve, int n,
				int except)
{
	float  *fitted = fit_to_suite(suite, curve, n);
	Ranking ranking = {allocate(suite->n_probes * sizeof(RankedProbe)), 0};

	for (int probe = 0; probe < suite->n_probes; probe++)
	{
		RankedProbe candidate = {reference_probe_distance(suite, fitted,
														  probe),
								 probe, suite->labels[probe]};

		if (probe != except && !isnan(candidate.distance))
			ranking.ranked[ranking.n++] = candidate;
	}
	qsort(ranking.ranked, ranking.n, sizeof(RankedProbe), compare_ranked);
	free(fitted);
	return ranking;
}

/* How many of the ranking are neighbours. */
static inline int
neighbour_count(const ProbeCurves *suite, const Ranking *ranking)
{
	return ranking->n < suite->k ? ranking->n : suite->k;
}

static inline int
probes_of_label(const ProbeCurves *suite, int label)
{
	int count = 0;

	for (int probe = 0; probe < suite->n_probes; probe++)
		count += suite->labels[probe] == label;
	return count;
}

/* One label's part in the vote of the neighbours. */
typedef struct ReferenceVotes
{
	int	   count; /* of neighbours that voted */
	double votes;
	double distance_sum;
} ReferenceVotes;

static inline ReferenceVotes
reference_votes(const ProbeCurves *suite, const Ranking *ranking, int label)
{
	ReferenceVotes result = {0, 0, 0};
	bool only_zero = suite->weights == WEIGHTS_DISTANCE && ranking->n > 0 &&
					 ranking->ranked[0].distance == 0;

	for (int i = 0; i < neighbour_count(suite, ranking); i++)
	{
		const RankedProbe *neighbour = &ranking->ranked[i];

		if (neighbour->label != label ||
			(only_zero && neighbour->distance > 0))
			continue;
		result.count++;
		result.distance_sum += neighbour->distance;
		if (suite->weights == WEIGHTS_DISTANCE && !only_zero)
			result.votes += 1 / neighbour->distance;
	}
	if (suite->weights == WEIGHTS_BALANCED)
		result.votes = (double) result.count * suite->n_probes /
					   probes_of_label(suite, label);
	else if (suite->weights == WEIGHTS_UNIFORM || only_zero)
		result.votes = result.count;
	return result;
}

/* Has x more votes than y (1), fewer (-1), or exactly as many (0)? */
static inline int
compare_votes(const ProbeCurves *suite, const ReferenceVotes *x, int x_label,
			  const ReferenceVotes *y, int y_label)
{
	if (suite->weights == WEIGHTS_BALANCED)
	{
		/* as fractions: a tie must not hang on their rounding */
		int left = x->count * probes_of_label(suite, y_label);
		int right = y->count * probes_of_label(suite, x_label);

		return (left > right) - (left < right);
	}
	return (x->votes > y->votes) - (x->votes < y->votes);
}

/* The label that wins, leaving out one (-1: none); -1 if none voted. */
static inline int
reference_runner_up(const ProbeCurves *suite, const Ranking *ranking,
					int except)
{
	int			   winner = -1;
	ReferenceVotes best = {0, 0, 0};

	for (int label = 0; label < suite->n_labels; label++)
	{
		ReferenceVotes votes = reference_votes(suite, ranking, label);
		int			   order;

		if (votes.count == 0 || label == except)
			continue;
		order = winner < 0 ?
					1 :
					compare_votes(suite, &votes, label, &best, winner);
		if (order > 0 ||
			(order == 0 && votes.distance_sum < best.distance_sum))
		{
			winner = label;
			best = votes;
		}
	}
	return winner;
}

static inline int
reference_winner(const ProbeCurves *suite, const Ranking *ranking)
{
	return reference_runner_up(suite, ranking, -1);
}

/* The mean distance to the m nearest probes of the label, or of the others. */
static inline double
mean_of_nearest(const Ranking *ranking, int label, bool own, int m)
{
	double sum = 0;
	int	   found = 0;

	for (int i = 0; i < ranking->n && found < m; i++)
	{
		if ((ranking->ranked[i].label == label) == own)
		{
			sum += ranking->ranked[i].distance;
			found++;
		}
	}
	return sum / found;
}

static inline double
reference_score(const ProbeCurves *suite, const Ranking *ranking, int label)
{
	int	   own = 0;
	int	   m = suite->k;
	double d;
	double o;

	for (int i = 0; i < ranking->n; i++)
		own += ranking->ranked[i].label == label;
	if (own < m)
		m = own;
	if (ranking->n - own < m)
		m = ranking->n - own;
	if (m == 0)
		return NAN;
	d = mean_of_nearest(ranking, label, true, m);
	o = mean_of_nearest(ranking, label, false, m);
	return d == 0 && o == 0 ? 0.5 : o / (o + d);
}

/* The mean distance to the neighbours; NaN without any. */
static inline double
mean_neighbour_distance(const ProbeCurves *suite, const Ranking *ranking)
{
	int	   count = neighbour_count(suite, ranking);
	double sum = 0;

	for (int i = count - 1; i >= 0; i--)
		sum += ranking->ranked[i].distance;
	return sum / count;
}

static inline double
reference_novelty(const ProbeCurves *suite, const Ranking *ranking)
{
	int	   neighbours = neighbour_count(suite, ranking);
	int	   n = 0;
	double sum = 0;

	for (int i = 0; i < neighbours; i++)
	{
		int		probe = ranking->ranked[i].probe;
		Ranking own =
			rank_all_probes(suite, suite->losses + probe * suite->n_epochs,
							suite->n_epochs, probe);
		double mean = mean_neighbour_distance(suite, &own);

		if (!isnan(mean))
		{
			sum += mean;
			n++;
		}
		free(own.ranked);
	}
	return sum > 0 ? mean_neighbour_distance(suite, ranking) / (sum / n) : NAN;
}

static inline double
reference_label_distance(const Ranking *ranking, int label)
{
	for (int i = 0; i < ranking->n; i++)
	{
		if (ranking->ranked[i].label == label)
			return ranking->ranked[i].distance;
	}
	return NAN;
}

#endif /* METAPROBE_TEST_REFERENCE_CLASSIFIER_H */
