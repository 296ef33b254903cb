/*
 * classifier.c
 *		Classification of loss curves by the k nearest probes of a suite.
 *
 * The method is MAP-D (S. A. Siddiqui et al., "Metadata Archaeology: Unearthing
 * Data Subsets by Leveraging Training Dynamics", ICLR 2023): a curve gets the
 * label that most of its k nearest probe trajectories carry.
 *
 * A search computes the distance to every probe; votes, scores and novelty are
 * then read off these distances.
 */
#include "classifier.h"

#include <math.h>
#include <stdlib.h>

#include "dtw.h"
#include "loss.h"
#include "poll.h"

/* In the array of reaches: not computed yet (a distance is never negative). */
#define REACH_UNKNOWN (-1.0)

/* Hand out parts of one block of memory, each aligned for doubles. */
typedef struct Carver
{
	char  *base; /* NULL: only measure */
	size_t used;
} Carver;

static void *
carve(Carver *carver, size_t count, size_t item_size)
{
	size_t start = carver->used;

	carver->used += (count * item_size + 7) & ~(size_t) 7;
	return carver->base ? carver->base + start : NULL;
}

static size_t
lay_out(Classifier *c, const ProbeCurves *probes, char *memory)
{
	Carver carver = {memory, 0};
	size_t dtw_size = 0;

	if (probes->metric == METRIC_DTW)
		dtw_size =
			metaprobe_dtw_workspace_size(probes->n_epochs, probes->n_epochs);
	c->distances = carve(&carver, probes->n_probes, sizeof(double));
	c->reach = carve(&carver, probes->n_probes, sizeof(double));
	c->votes = carve(&carver, probes->n_labels, sizeof(LabelVotes));
	c->median_room = carve(&carver, probes->k, sizeof(double));
	c->nearest.items = carve(&carver, probes->k, sizeof(Neighbour));
	c->own_room = carve(&carver, probes->k, sizeof(Neighbour));
	c->other_room = carve(&carver, probes->k, sizeof(Neighbour));
	c->observed_ends = carve(&carver, probes->n_probes, sizeof(int));
	c->dtw_room = carve(&carver, dtw_size, 1);
	return carver.used;
}

/* One past the last observed epoch of a curve; 0 if there is none. */
static int
observed_end(const float *curve, int n)
{
	while (n > 0 && metaprobe_loss_is_missing(curve[n - 1]))
		n--;
	return n;
}

static const float *
probe_curve(const ProbeCurves *probes, int probe)
{
	return probes->losses + (size_t) probe * probes->n_epochs;
}

/* Bytes of memory that a classifier for these probes needs. */
size_t
metaprobe_classifier_size(const ProbeCurves *probes)
{
	Classifier measured;

	return lay_out(&measured, probes, NULL);
}

/*
 * Prepare a classifier in memory of metaprobe_classifier_size() bytes, aligned
 * for doubles.  The arrays of *probes must outlive it.
 */
void
metaprobe_classifier_init(Classifier *c, const ProbeCurves *probes,
						  void *memory)
{
	c->probes = *probes;
	lay_out(c, probes, memory);
	c->total_votes = 0;
	for (int probe = 0; probe < probes->n_probes; probe++)
	{
		c->reach[probe] = REACH_UNKNOWN;
		c->observed_ends[probe] =
			observed_end(probe_curve(probes, probe), probes->n_epochs);
	}
}

/*
 * The distance from a curve of n epochs, at most those of the suite, to a
 * probe.  Epochs from n on count as missing.
 */
static double
probe_distance(const Classifier *c, const float *curve, int n, int probe)
{
	const ProbeCurves *probes = &c->probes;
	const float		  *other = probe_curve(probes, probe);
	int				   end;

	switch (probes->metric)
	{
		case METRIC_L2:
			return metaprobe_l2_distance(curve, other, n, probes->n_epochs);
		case METRIC_L1:
			return metaprobe_l1_distance(curve, other, n, probes->n_epochs);
		case METRIC_COSINE:
			return metaprobe_cosine_distance(curve, other, n,
											 probes->n_epochs);
		case METRIC_CORRELATION:
			return metaprobe_correlation_distance(curve, other, n,
												  probes->n_epochs);
		case METRIC_DTW:
			/* n is the curve's last observed epoch here, see rank_probes() */
			end = c->observed_ends[probe] < n ? c->observed_ends[probe] : n;
			return metaprobe_dtw_distance(curve, end, other, end, probes->band,
										  c->dtw_room);
	}
	return NAN;
}

/*
 * Find the nearest probes to a curve, leaving out one (-1: none), in order.
 * Keeps the distance to every probe in distances, unless that is NULL.
 */
static void
rank_probes(const Classifier *c, const float *curve, int n, int except,
			double *distances, Nearest *nearest)
{
	if (n > c->probes.n_epochs)
		n = c->probes.n_epochs;
	n = observed_end(curve, n);
	for (int probe = 0; probe < c->probes.n_probes; probe++)
	{
		double distance = NAN;

		if (probe != except)
			distance = probe_distance(c, curve, n, probe);
		metaprobe_nearest_offer(nearest, distance, probe);
		if (distances)
			distances[probe] = distance;
	}
	metaprobe_nearest_sort(nearest);
}

/*
 * Find the k nearest probes to a curve, leaving out one (-1: none).  Returns
 * how many there are: fewer than k if other distances are undefined.
 */
int
metaprobe_classifier_search(Classifier *c, const float *curve, int n_epochs,
							int except)
{
	metaprobe_nearest_reset(&c->nearest, c->nearest.items, c->probes.k);
	rank_probes(c, curve, n_epochs, except, c->distances, &c->nearest);
	return c->nearest.count;
}

/* Fill nearest, of any capacity, from the last search, nearest first. */
void
metaprobe_classifier_nearest(const Classifier *c, Nearest *nearest)
{
	for (int probe = 0; probe < c->probes.n_probes; probe++)
		metaprobe_nearest_offer(nearest, c->distances[probe], probe);
	metaprobe_nearest_sort(nearest);
}

/* Let the neighbours found vote.  Returns the label; -1 without neighbours. */
int
metaprobe_classifier_vote(Classifier *c)
{
	c->total_votes =
		metaprobe_vote(c->nearest.items, c->nearest.count, c->probes.labels,
					   c->probes.weights, c->probes.label_starts, c->votes,
					   c->probes.n_labels);
	return metaprobe_vote_winner(c->votes, c->probes.n_labels, -1);
}

static double
mean_distance(const Neighbour *neighbours, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += neighbours[i].distance;
	return sum / n;
}

/*
 * How much nearer the curve searched for is to the label's probes than to all
 * others, within [0, 1]: o / (o + d), with d and o the mean distances to the m
 * nearest probes of the label and of the others, m = k if there are as many of
 * both.  0.5 if both are zero, NaN if there are none of either.
 */
double
metaprobe_classifier_score(Classifier *c, int label)
{
	int		first = c->probes.label_starts[label];
	int		end = c->probes.label_starts[label + 1];
	Nearest own;
	Nearest others;
	int		m;
	double	d;
	double	o;

	metaprobe_nearest_reset(&own, c->own_room, c->probes.k);
	metaprobe_nearest_reset(&others, c->other_room, c->probes.k);
	for (int probe = 0; probe < first; probe++)
		metaprobe_nearest_offer(&others, c->distances[probe], probe);
	for (int probe = first; probe < end; probe++)
		metaprobe_nearest_offer(&own, c->distances[probe], probe);
	for (int probe = end; probe < c->probes.n_probes; probe++)
		metaprobe_nearest_offer(&others, c->distances[probe], probe);
	metaprobe_nearest_sort(&own);
	metaprobe_nearest_sort(&others);

	m = own.count < others.count ? own.count : others.count;
	if (m == 0)
		return NAN;
	d = mean_distance(own.items, m);
	o = mean_distance(others.items, m);
	return d + o == 0 ? 0.5 : o / (o + d);
}

/* A probe's distance to its own k-th nearest in the suite; NaN if alone. */
static double
probe_reach(Classifier *c, int probe)
{
	if (c->reach[probe] == REACH_UNKNOWN)
	{
		Nearest nearest;

		metaprobe_nearest_reset(&nearest, c->own_room, c->probes.k);
		rank_probes(c, probe_curve(&c->probes, probe), c->probes.n_epochs,
					probe, NULL, &nearest);
		c->reach[probe] = nearest.count == 0 ?
							  NAN :
							  nearest.items[nearest.count - 1].distance;
		metaprobe_poll();
	}
	return c->reach[probe];
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

static double
median(double *values, int n)
{
	qsort(values, n, sizeof(double), compare_doubles);
	if (n % 2 == 1)
		return values[n / 2];
	return (values[n / 2 - 1] + values[n / 2]) / 2;
}

/*
 * How far outside the suite's cloud the curve searched for lies: the distance
 * to its k-th neighbour, divided by the median of the neighbours' own.  About
 * 1 inside.  NaN if that median is 0 or there are no neighbours.
 *
 * Source: the idea of local density ratios is that of LOF (M. Breunig et al.,
 * SIGMOD 2000).  Each probe's part is computed when first needed, then kept.
 */
double
metaprobe_classifier_novelty(Classifier *c)
{
	int	   n = 0;
	double typical;

	for (int i = 0; i < c->nearest.count; i++)
	{
		double reach = probe_reach(c, c->nearest.items[i].index);

		if (!isnan(reach))
			c->median_room[n++] = reach;
	}
	if (n == 0)
		return NAN;
	typical = median(c->median_room, n);
	if (typical == 0)
		return NAN;
	return c->nearest.items[c->nearest.count - 1].distance / typical;
}

/* The distance to the label's nearest probe; NaN if all are undefined. */
double
metaprobe_classifier_label_distance(const Classifier *c, int label)
{
	double nearest = NAN;

	for (int probe = c->probes.label_starts[label];
		 probe < c->probes.label_starts[label + 1]; probe++)
	{
		if (isnan(nearest) || c->distances[probe] < nearest)
			nearest = c->distances[probe];
	}
	return nearest;
}
