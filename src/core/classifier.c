/*
 * classifier.c
 *		Classification of loss curves by the k nearest probes of a suite.
 *
 * The method is MAP-D (S. A. Siddiqui et al., "Metadata Archaeology: Unearthing
 * Data Subsets by Leveraging Training Dynamics", ICLR 2023): a curve gets the
 * label that most of its k nearest probe trajectories carry.
 *
 * The label of a curve often is certain before its neighbours are: when the
 * probes that may still be among them can no longer change the vote.
 */
#include "classifier.h"

#include <math.h>
#include <string.h>

#include "carve.h"
#include "poll.h"

/* In the array of reaches: not computed yet (a distance is never negative). */
#define REACH_UNKNOWN (-1.0)

static size_t
lay_out(Classifier *c, const ProbeCurves *probes, void *memory)
{
	Carver carver = {memory, 0};
	size_t search_size = metaprobe_search_size(probes);
	void  *search_memory;
	void  *probe_search_memory;

	c->reach = carve(&carver, probes->n_probes, sizeof(double));
	c->votes = carve(&carver, probes->n_labels, sizeof(LabelVotes));
	c->rough_room = carve(&carver, probes->n_probes, sizeof(int32_t));
	c->counts = carve(&carver, 2 * (size_t) probes->n_labels, sizeof(int32_t));
	c->nearest.items = carve(&carver, probes->k, sizeof(Neighbour));
	c->own.items = carve(&carver, probes->k, sizeof(Neighbour));
	c->others.items = carve(&carver, probes->k, sizeof(Neighbour));
	c->reach_room = carve(&carver, probes->k, sizeof(Neighbour));
	search_memory = carve(&carver, 1, search_size);
	probe_search_memory = carve(&carver, 1, search_size);
	if (memory)
	{
		metaprobe_search_init(&c->search, &c->probes, &c->indexes,
							  search_memory);
		metaprobe_search_init(&c->probe_search, &c->probes, &c->indexes,
							  probe_search_memory);
	}
	return carver.used;
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
 * for doubles, for speed to a cache line.  It must stay where it is, and the
 * arrays of *probes must outlive it.
 */
void
metaprobe_classifier_init(Classifier *c, const ProbeCurves *probes,
						  void *memory)
{
	c->probes = *probes;
	metaprobe_indexes_init(&c->indexes, probes);
	lay_out(c, probes, memory);
	c->total_votes = 0;
	for (int probe = 0; probe < probes->n_probes; probe++)
		c->reach[probe] = REACH_UNKNOWN;
}

static ProbeRange
all_probes(const Classifier *c)
{
	return (ProbeRange){0, c->probes.n_probes};
}

static ProbeRange
label_probes(const Classifier *c, int label)
{
	return (ProbeRange){c->probes.label_starts[label],
						c->probes.label_starts[label + 1]};
}

/*
 * Begin with a curve, leaving out one probe (-1: none).  The curve must stay
 * where it is until the last question about it.
 */
void
metaprobe_classifier_begin(Classifier *c, const float *curve, int n_epochs,
						   int except)
{
	metaprobe_search_begin(&c->search, curve, n_epochs, except);
}

/*
 * Find the k nearest probes.  Returns how many there are: fewer than k if
 * other distances are undefined.
 */
int
metaprobe_classifier_neighbours(Classifier *c)
{
	ProbeRange all = all_probes(c);

	metaprobe_nearest_reset(&c->nearest, c->nearest.items, c->probes.k);
	metaprobe_search_nearest(&c->search, &all, 1, &c->nearest);
	return c->nearest.count;
}

/* Fill nearest, of any capacity, nearest first. */
void
metaprobe_classifier_nearest(Classifier *c, Nearest *nearest)
{
	ProbeRange all = all_probes(c);

	metaprobe_search_nearest(&c->search, &all, 1, nearest);
}

static int
n_probes_of(const Classifier *c, int label)
{
	ProbeRange probes = label_probes(c, label);

	return probes.end - probes.first;
}

/*
 * So many votes of k make the label win, whoever gets the others: the least g
 * with g votes worth more than k - g.  Balanced votes are divided by the
 * label's number of probes, of which the least counts for the others.
 */
static int
majority(const Classifier *c, int label)
{
	int64_t k = c->probes.k;
	int64_t own = 1;
	int64_t other = INT32_MAX;

	if (c->probes.weights == WEIGHTS_UNIFORM)
		return (int) (k / 2) + 1;
	own = n_probes_of(c, label);
	for (int i = 0; i < c->probes.n_labels; i++)
	{
		if (i != label && n_probes_of(c, i) < other)
			other = n_probes_of(c, i);
	}
	return (int) (k * own / (own + other)) + 1;
}

/*
 * Count how many of some probes each label has.  Most have the same, so one
 * counter would wait for itself all the time: two take turns.
 */
static void
count_labels(Classifier *c, const int32_t *probes, int n)
{
	const int32_t *labels = c->probes.labels;
	int32_t		  *counts = c->counts;
	int			   n_labels = c->probes.n_labels;

	memset(counts, 0, 2 * (size_t) n_labels * sizeof(int32_t));
	for (int i = 0; i < n; i++)
		counts[2 * (size_t) labels[probes[i]] + i % 2]++;
	for (int label = 0; label < n_labels; label++)
		counts[label] = counts[2 * label] + counts[2 * label + 1];
}

/* Count labels.  Returns the first one that most have. */
static int
leading_label(Classifier *c, const int32_t *probes, int n)
{
	int leader = 0;

	count_labels(c, probes, n);
	for (int label = 1; label < c->probes.n_labels; label++)
		leader = c->counts[label] > c->counts[leader] ? label : leader;
	return leader;
}

/*
 * The label that is certain to win from a look at n candidates; -1 if there is
 * none, or votes depend on distances.
 *
 * Take the radius within which the leading label has as many of them as make a
 * majority.  If the other labels may have no more probes within it than the
 * rest of k, then of the k nearest no more than that rest are theirs.
 */
static int
certain_label(Classifier *c, int n)
{
	const Search *search = &c->search;
	int			  leader = leading_label(c, search->candidates, n);
	ProbeRange	  own = label_probes(c, leader);
	int			  needed = majority(c, leader);
	int			  n_own = 0;
	int			  n_others = 0;
	double		  radius;
	int32_t		  threshold;
	int32_t		  bound;

	if (c->counts[leader] < needed)
		return -1;
	for (int i = 0; i < n; i++)
	{
		if (c->probes.labels[search->candidates[i]] == leader &&
			search->roughs[i] <= ROUGH_INFINITE)
			c->rough_room[n_own++] = search->roughs[i];
	}
	if (n_own < needed)
		return -1;
	radius =
		metaprobe_search_reach(search, metaprobe_bounds_select(c->rough_room,
															   n_own, needed));

	threshold = metaprobe_search_threshold(search, radius);
	bound = metaprobe_search_bound_at(search, radius);
	for (int i = 0; i < n; i++)
	{
		int probe = search->candidates[i];

		/* what is known better does not count by its bound */
		if (c->probes.labels[probe] != leader)
			n_others += (search->roughs[i] <= threshold) -
						(search->bounds[probe] <= bound);
	}
	n_others += metaprobe_bounds_count(search->bounds, 0, own.first, bound);
	n_others += metaprobe_bounds_count(search->bounds, own.end,
									   c->probes.n_probes, bound);
	return needed + n_others <= c->probes.k ? leader : -1;
}

/* Is that too much novelty for a label?  Not if it is undefined. */
static bool
is_too_novel(const Classifier *c, double novelty)
{
	return c->probes.max_novelty > 0 && novelty > c->probes.max_novelty;
}

/*
 * The label that wins whichever k of n candidates are the nearest; -1 if it
 * depends on that, or on distances.
 */
static int
label_of_candidates(Classifier *c, int n)
{
	const int32_t *starts = c->probes.label_starts;
	bool		   is_balanced = c->probes.weights == WEIGHTS_BALANCED;
	int			   excess = n > c->probes.k ? n - c->probes.k : 0;
	int			   winner = -1;

	for (int i = 0; i < n; i++)
	{
		if (c->search.roughs[i] >= ROUGH_INFINITE)
			return -1;
	}
	count_labels(c, c->search.candidates, n);
	for (int label = 0; label < c->probes.n_labels; label++)
	{
		double least = c->counts[label] - excess;
		bool   wins = least > 0;

		for (int other = 0; wins && other < c->probes.n_labels; other++)
		{
			double most = c->counts[other];

			if (other == label)
				continue;
			if (is_balanced)
				wins = least * (starts[other + 1] - starts[other]) >
					   most * (starts[label + 1] - starts[label]);
			else
				wins = least > most;
		}
		if (wins)
			winner = label;
	}
	return winner;
}

/* Find the k nearest, unless the label is certain before; -1 if there are none. */
static int
label_by_neighbours(Classifier *c)
{
	ProbeRange all = all_probes(c);
	int		   n = metaprobe_search_narrow(&c->search, &all, 1, c->probes.k);

	if (n < 0)
		(void) metaprobe_classifier_neighbours(c);
	else
	{
		int label = label_of_candidates(c, n);

		if (label >= 0)
			return label;
		metaprobe_nearest_reset(&c->nearest, c->nearest.items, c->probes.k);
		metaprobe_search_measure(&c->search, n, &c->nearest);
	}
	return metaprobe_classifier_vote(c);
}

/*
 * The label of a curve by the vote of its k nearest probes; -1 if there are
 * none, or it is too novel.
 */
int
metaprobe_classifier_label(Classifier *c)
{
	ProbeRange all = all_probes(c);
	bool	   is_limited = c->probes.max_novelty > 0;
	int		   label;

	/*
	 * Otherwise all neighbours are needed anyway, or some of them have been
	 * measured by earlier questions, and so are none of the candidates.
	 */
	if (c->probes.weights != WEIGHTS_DISTANCE && !is_limited &&
		c->search.n_measured == 0)
	{
		int n = metaprobe_search_look(&c->search, &all, 1,
									  c->probes.k * 3 / 4 + 1);

		label = certain_label(c, n);
		return label >= 0 ? label : label_by_neighbours(c);
	}
	(void) metaprobe_classifier_neighbours(c);
	label = metaprobe_classifier_vote(c);
	if (is_limited && is_too_novel(c, metaprobe_classifier_novelty(c)))
		return -1;
	return label;
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

/* Prepare to ask for probabilities, after a vote. */
void
metaprobe_classifier_weigh(Classifier *c)
{
	c->total_likelihood =
		metaprobe_total_likelihood(&c->probes.calibration, c->votes,
								   c->probes.n_labels, c->total_votes);
}

/* The label's share of the votes, calibrated if the suite is. */
double
metaprobe_classifier_probability(const Classifier *c, int label)
{
	return metaprobe_likelihood(&c->probes.calibration, c->votes[label].votes,
								c->total_votes) /
		   c->total_likelihood;
}

static double
mean_distance(const Nearest *nearest, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += nearest->items[i].distance;
	return sum / n;
}

/* A probe's mean distance to its k nearest in the suite; NaN if alone. */
static double
probe_reach(Classifier *c, int probe)
{
	if (c->reach[probe] == REACH_UNKNOWN)
	{
		ProbeRange all = all_probes(c);
		Nearest	   nearest;

		metaprobe_nearest_reset(&nearest, c->reach_room, c->probes.k);
		metaprobe_search_begin(&c->probe_search,
							   metaprobe_probe_curve(&c->probes, probe),
							   c->probes.n_epochs, probe);
		metaprobe_search_nearest(&c->probe_search, &all, 1, &nearest);
		c->reach[probe] =
			nearest.count == 0 ? NAN : mean_distance(&nearest, nearest.count);
		metaprobe_poll();
	}
	return c->reach[probe];
}

/*
 * How far outside the suite's cloud the curve lies: its mean distance to its
 * neighbours, divided by the mean of the same of each of them among the
 * probes.  About 1 inside.  NaN if the latter is 0 or there are no neighbours.
 *
 * Source: the idea of local density ratios is that of LOF (M. Breunig et al.,
 * SIGMOD 2000).  Each probe's part is computed when first needed, then kept.
 */
double
metaprobe_classifier_novelty(Classifier *c)
{
	int	   n = 0;
	double sum = 0;

	for (int i = 0; i < c->nearest.count; i++)
	{
		double reach = probe_reach(c, c->nearest.items[i].index);

		if (isnan(reach))
			continue;
		sum += reach;
		n++;
	}
	if (sum == 0)
		return NAN;
	return mean_distance(&c->nearest, c->nearest.count) / (sum / n);
}

/*
 * Scores and tags
 */

/* Find the k nearest probes of the label, and of all others. */
static void
rank_around(Classifier *c, int label)
{
	ProbeRange of_label = label_probes(c, label);
	ProbeRange of_others[2] = {{0, of_label.first},
							   {of_label.end, c->probes.n_probes}};

	metaprobe_nearest_reset(&c->own, c->own.items, c->probes.k);
	metaprobe_nearest_reset(&c->others, c->others.items, c->probes.k);
	metaprobe_search_nearest(&c->search, &of_label, 1, &c->own);
	metaprobe_search_nearest(&c->search, of_others, 2, &c->others);
}

/* The score of the label that rank_around() was called for. */
static double
ranked_score(const Classifier *c)
{
	int	   m = c->own.count < c->others.count ? c->own.count : c->others.count;
	double d;
	double o;

	if (m == 0)
		return NAN;
	d = mean_distance(&c->own, m);
	o = mean_distance(&c->others, m);
	return d + o == 0 ? 0.5 : o / (o + d);
}

/*
 * How much nearer the curve is to the label's probes than to all others,
 * within [0, 1]: o / (o + d), with d and o the mean distances to the m nearest
 * probes of the label and of the others, m = k if there are as many of both.
 * 0.5 if both are zero, NaN if there are none of either.
 */
double
metaprobe_classifier_score(Classifier *c, int label)
{
	rank_around(c, label);
	return ranked_score(c);
}

/* Are there k of some, all of them nearer than any of the others? */
static bool
are_all_nearer(const Nearest *some, const Nearest *others)
{
	const Neighbour *last = &some->items[some->capacity - 1];

	return some->count == some->capacity &&
		   (others->count == 0 ||
			metaprobe_is_nearer(last->distance, last->index,
								&others->items[0]));
}

/* The k nearest of all, from those of a label and of the others. */
static void
merge_ranked(Classifier *c)
{
	Nearest *all = &c->nearest;
	int		 i = 0;
	int		 j = 0;

	metaprobe_nearest_reset(all, all->items, c->probes.k);
	if (are_all_nearer(&c->own, &c->others))
	{
		memcpy(all->items, c->own.items, c->own.count * sizeof(Neighbour));
		all->count = c->own.count;
		return;
	}
	while (all->count < all->capacity &&
		   (i < c->own.count || j < c->others.count))
	{
		bool is_own =
			j == c->others.count ||
			(i < c->own.count &&
			 metaprobe_is_nearer(c->own.items[i].distance,
								 c->own.items[i].index, &c->others.items[j]));

		all->items[all->count++] =
			is_own ? c->own.items[i++] : c->others.items[j++];
	}
}

/*
 * The probability of the most probable label but the tag's: the runner-up, or
 * any that got no vote.
 */
static double
next_probability(const Classifier *c, const Tag *tag)
{
	if (tag->runner_up >= 0)
		return metaprobe_classifier_probability(c, tag->runner_up);
	if (c->probes.n_labels == 1)
		return 0;
	return metaprobe_classifier_probability(c, tag->label == 0 ? 1 : 0);
}

/*
 * All there is to say of a curve.  False if it has no neighbours.
 *
 * The score needs the neighbours of the label and of the others, which tell
 * the k nearest of all.  So the label is guessed first from probes of small bounds;
 * only where the vote then says otherwise are they sought again.
 */
bool
metaprobe_classifier_tag(Classifier *c, Tag *tag)
{
	ProbeRange all = all_probes(c);
	int		   guess;
	int		   n;

	n = metaprobe_search_sample(&c->search, &all, 1, c->probes.k);
	guess = leading_label(c, c->search.candidates, n);
	rank_around(c, guess);
	merge_ranked(c);
	tag->label = metaprobe_classifier_vote(c);
	if (tag->label < 0)
		return false;
	tag->distance = c->nearest.items[0].distance;
	tag->novelty = metaprobe_classifier_novelty(c);
	if (is_too_novel(c, tag->novelty))
	{
		*tag = (Tag){-1, NAN, NAN, -1, NAN, tag->distance, tag->novelty};
		return true;
	}
	if (tag->label != guess)
		rank_around(c, tag->label);

	tag->runner_up =
		metaprobe_vote_winner(c->votes, c->probes.n_labels, tag->label);
	metaprobe_classifier_weigh(c);
	tag->probability = metaprobe_classifier_probability(c, tag->label);
	tag->margin = tag->probability - next_probability(c, tag);
	tag->score = ranked_score(c);
	return true;
}

/*
 * How the curve relates to one label.  The neighbours that its score needs tell
 * the k nearest of all, so nothing is sought twice.
 */
LabelEvidence
metaprobe_classifier_evidence(Classifier *c, int label)
{
	LabelEvidence evidence = {NAN, NAN, NAN, NAN};
	int			  winner;

	rank_around(c, label);
	merge_ranked(c);
	winner = metaprobe_classifier_vote(c);
	if (winner < 0)
		return evidence;
	evidence.novelty = metaprobe_classifier_novelty(c);
	evidence.is_winner = winner == label && !is_too_novel(c, evidence.novelty);
	evidence.vote_share = c->votes[label].votes / c->total_votes;
	evidence.score = ranked_score(c);
	return evidence;
}

/* The distance to the label's nearest probe; NaN if all are undefined. */
double
metaprobe_classifier_label_distance(Classifier *c, int label)
{
	ProbeRange of_label = label_probes(c, label);
	Neighbour  room;
	Nearest	   nearest;

	metaprobe_nearest_reset(&nearest, &room, 1);
	metaprobe_search_nearest(&c->search, &of_label, 1, &nearest);
	return nearest.count > 0 ? nearest.items[0].distance : NAN;
}
