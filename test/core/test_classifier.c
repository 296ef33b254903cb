/*
 * test_classifier.c
 *		Unit tests of classification by the k nearest probes.
 */
#include "test.h"

#include "classifier.h"
#include "cpu.h"
#include "dtw.h"
#include "poll.h"
#include "random.h"
#include "reference_classifier.h"

#define MAX_PROBES 300
#define MAX_EPOCHS 40
#define MAX_LABELS 5
#define MISSING metaprobe_missing_loss()

/* A suite with room of its own, and a classifier for it. */
typedef struct Suite
{
	float		losses[MAX_PROBES * MAX_EPOCHS];
	int32_t		labels[MAX_PROBES];
	int32_t		label_starts[MAX_PROBES + 1];
	ProbeCurves probes;
	Classifier	classifier;
	void	   *memory;
	void	   *index_memory[N_INDEX_KINDS];
} Suite;

/* Find the neighbours of a row, leaving out one probe. */
static int
search(Classifier *classifier, const float *row, int n, int except)
{
	metaprobe_classifier_begin(classifier, row, n, except);
	return metaprobe_classifier_neighbours(classifier);
}

/* Fill in what follows from the probes' number, length and labels. */
static void
open_suite(Suite *suite)
{
	ProbeCurves *probes = &suite->probes;
	int			 label = 0;

	probes->losses = suite->losses;
	probes->labels = suite->labels;
	probes->label_starts = suite->label_starts;
	probes->calibration = (Calibration){0, 0};
	probes->max_novelty = 0;
	probes->n_labels = suite->labels[probes->n_probes - 1] + 1;
	suite->label_starts[0] = 0;
	for (int probe = 0; probe < probes->n_probes; probe++)
	{
		if (suite->labels[probe] != label)
			suite->label_starts[++label] = probe;
	}
	suite->label_starts[label + 1] = probes->n_probes;

	memset(suite->index_memory, 0, sizeof(suite->index_memory));
	suite->memory = allocate(metaprobe_classifier_size(probes));
	memset(suite->memory, 0xa5, metaprobe_classifier_size(probes));
	metaprobe_classifier_init(&suite->classifier, probes, suite->memory);
}

static void
close_suite(Suite *suite)
{
	free(suite->memory);
	for (int kind = 0; kind < N_INDEX_KINDS; kind++)
		free(suite->index_memory[kind]);
	metaprobe_cpu_pretend_portable(false);
}

/* Build an index in memory of exactly the size announced. */
static void
build_index(Suite *suite, IndexKind kind)
{
	const ProbeCurves *probes = &suite->probes;
	void *workspace = allocate(metaprobe_index_workspace_size(probes, kind));

	suite->index_memory[kind] = allocate(metaprobe_index_size(probes, kind));
	metaprobe_index_build(&suite->classifier.indexes, probes, kind,
						  suite->index_memory[kind], workspace);
	free(workspace);
}

/* Build the indexes that can be, or none, for either kind of CPU. */
static void
build_random_indexes(Random *random, Suite *suite)
{
	const Metric metric = suite->probes.metric;

	metaprobe_cpu_pretend_portable(random_chance(random, 0.5));
	if (suite->probes.n_probes < 2)
		return;
	if (metric == METRIC_DTW)
	{
		if (random_chance(random, 0.8))
			build_index(suite, INDEX_ENVELOPES);
		return;
	}
	if (suite->classifier.indexes.is_complete && random_chance(random, 0.8))
		build_index(suite, INDEX_SKETCH);
	if (suite->classifier.indexes.is_complete && random_chance(random, 0.8))
		build_index(suite, INDEX_ROWS);
	if (!metaprobe_is_angular(metric) && random_chance(random, 0.8))
		build_index(suite, INDEX_EPOCHS);
}

/* Build any of the indexes that can be, for either kind of CPU. */
static void
build_some_indexes(Random *random, Suite *suite)
{
	const Metric metric = suite->probes.metric;
	bool		 is_complete = suite->classifier.indexes.is_complete;

	metaprobe_cpu_pretend_portable(random_chance(random, 0.5));
	for (int kind = 0; kind < N_INDEX_KINDS; kind++)
	{
		bool is_for_warping = kind == INDEX_ENVELOPES;

		if (is_for_warping != (metric == METRIC_DTW) ||
			(kind == INDEX_EPOCHS && metaprobe_is_angular(metric)) ||
			((kind == INDEX_SKETCH || kind == INDEX_ROWS) && !is_complete))
			continue;
		if (random_chance(random, 0.6))
			build_index(suite, kind);
	}
}

/* Labels that each have a probe, and settings. */
static void
open_labelled_suite(Random *random, Suite *suite, Metric metric)
{
	ProbeCurves *probes = &suite->probes;
	int			 n = probes->n_probes;
	int			 n_labels = random_between(random, 2, 3);
	int			 first[2] = {random_between(random, 1, n - 2),
							 random_between(random, 1, n - 1)};

	for (int probe = 0; probe < n; probe++)
	{
		suite->labels[probe] = probe >= first[0];
		if (n_labels == 3 && first[1] > first[0])
			suite->labels[probe] += probe >= first[1];
	}
	probes->k = random_between(random, 1, n < 16 ? n : 16);
	probes->metric = metric;
	probes->weights = random_below(random, N_WEIGHTS);
	probes->band = random_between(random, DTW_NO_BAND, 4);
	open_suite(suite);
	build_some_indexes(random, suite);
}

static CurveStyle
random_style(Random *random)
{
	return random_chance(random, 0.1) ? STYLE_ANY_BITS :
		   random_chance(random, 0.5) ? STYLE_INTEGERS :
										STYLE_TRAINING;
}

/* A suite of any size and settings, with duplicates and gaps. */
static void
open_random_suite(Random *random, Suite *suite, Metric metric)
{
	ProbeCurves *probes = &suite->probes;
	CurveStyle	 style = random_style(random);
	double		 missing_share = random_missing_share(random);
	int			 n_labels = random_between(random, 1, MAX_LABELS);
	int			 label = 0;

	/* mostly small ones, where all is near the edge */
	probes->n_probes =
		random_between(random, n_labels,
					   random_chance(random, 0.1) ? MAX_PROBES : 40);
	probes->n_epochs =
		random_between(random, 1,
					   random_chance(random, 0.1) ? MAX_EPOCHS : 14);
	for (int probe = 0; probe < probes->n_probes; probe++)
	{
		int	   left = probes->n_probes - probe;
		float *curve = suite->losses + probe * probes->n_epochs;

		/* go on to the next label at random, but reach them all */
		if (probe > 0 && label < n_labels - 1 &&
			(left < n_labels - label || random_chance(random, 0.2)))
			label++;
		suite->labels[probe] = label;
		random_curve(random, style, missing_share, curve, probes->n_epochs);
		if (probe > 0 && random_chance(random, 0.2))
			memcpy(curve,
				   suite->losses +
					   random_below(random, probe) * probes->n_epochs,
				   probes->n_epochs * sizeof(float));
	}
	probes->k = random_between(random, 1,
							   random_chance(random, 0.5) ? probes->n_probes :
															n_labels);
	probes->metric = metric;
	probes->weights = random_below(random, N_WEIGHTS);
	probes->band = random_between(random, DTW_NO_BAND, 4);
	open_suite(suite);
	build_random_indexes(random, suite);
}

/* A row of the suite's length, a shorter or a longer one; at times a probe. */
static int
random_row(Random *random, const Suite *suite, float *row)
{
	int n_epochs = suite->probes.n_epochs;
	int n = random_chance(random, 0.5) ?
				n_epochs :
				random_between(random, 0, 2 * MAX_EPOCHS);

	random_curve(random, random_style(random), random_missing_share(random),
				 row, n);
	if (random_chance(random, 0.3))
	{
		int probe = random_below(random, suite->probes.n_probes);

		memcpy(row, suite->losses + probe * n_epochs,
			   (n < n_epochs ? n : n_epochs) * sizeof(float));
	}
	return n;
}

static int
random_except(Random *random, const Suite *suite)
{
	return random_chance(random, 0.5) ?
			   -1 :
			   random_below(random, suite->probes.n_probes);
}

/* --- against brute force --- */

static void
assert_neighbours_agree(const Suite *suite, const Ranking *ranking, int number)
{
	const Nearest *nearest = &suite->classifier.nearest;

	assert_int(nearest->count, neighbour_count(&suite->probes, ranking),
			   number);
	for (int i = 0; i < nearest->count; i++)
	{
		assert_int(nearest->items[i].index, ranking->ranked[i].probe, number);
		assert_same_double(nearest->items[i].distance,
						   ranking->ranked[i].distance, number);
	}
}

/* What has been measured agrees; what has not been is no nearer. */
static void
assert_distances_agree(const Suite *suite, const Ranking *ranking, int number)
{
	const Search *search = &suite->classifier.search;
	double		  expected[MAX_PROBES];

	for (int probe = 0; probe < suite->probes.n_probes; probe++)
		expected[probe] = NAN;
	for (int i = 0; i < ranking->n; i++)
		expected[ranking->ranked[i].probe] = ranking->ranked[i].distance;
	for (int i = 0; i < search->n_measured; i++)
		assert_same_double(search->distances[search->measured[i]],
						   expected[search->measured[i]], number);
}

static void
assert_votes_agree(Suite *suite, const Ranking *ranking, int number)
{
	double total = 0;
	int	   winner = metaprobe_classifier_vote(&suite->classifier);

	for (int label = 0; label < suite->probes.n_labels; label++)
	{
		ReferenceVotes votes = reference_votes(&suite->probes, ranking, label);

		total += votes.votes;
		assert_nearly_equal(suite->classifier.votes[label].votes, votes.votes,
							1e-12, number);
		assert_same_double(suite->classifier.votes[label].distance_sum,
						   votes.distance_sum, number);
	}
	assert_nearly_equal(suite->classifier.total_votes, total, 1e-12, number);
	assert_int(winner, reference_winner(&suite->probes, ranking), number);
}

static void
assert_scores_agree(Suite *suite, const Ranking *ranking, int number)
{
	for (int label = 0; label < suite->probes.n_labels; label++)
	{
		double score = metaprobe_classifier_score(&suite->classifier, label);

		assert_nearly_equal(score,
							reference_score(&suite->probes, ranking, label),
							1e-14, number);
		assert_that(isnan(score) || (score >= 0 && score <= 1), number);
		assert_same_double(
			metaprobe_classifier_label_distance(&suite->classifier, label),
			reference_label_distance(ranking, label), number);
	}
}

/* What adding up hundreds of distances in another order changes, and more. */
#define OTHER_ORDER 1e-13

static void
assert_novelty_agrees(Suite *suite, const Ranking *ranking, int number)
{
	assert_nearly_equal(metaprobe_classifier_novelty(&suite->classifier),
						reference_novelty(&suite->probes, ranking),
						OTHER_ORDER, number);
}

/* What an earlier question found must not be what a later one answers with. */
static void
spoil_nearest(Classifier *classifier)
{
	Nearest *nearest = &classifier->nearest;

	memset(nearest->items, 0xa5, classifier->probes.k * sizeof(Neighbour));
	nearest->capacity = 0;
	nearest->count = 0;
}

typedef void (*Comparison)(Suite *suite, const Ranking *ranking, int number);

/* Compare several rows per suite, so that what it keeps is used again. */
static void
compare_with_brute_force(const char *test_name, int rounds, int n_rows,
						 Comparison compare)
{
	Random random = random_stream(test_name);

	for (int round = 0; round < random_rounds(rounds); round++)
	{
		Suite suite;

		open_random_suite(&random, &suite, round % N_CURVE_METRICS);
		for (int i = 0; i < n_rows; i++)
		{
			float	row[2 * MAX_EPOCHS];
			int		n = random_row(&random, &suite, row);
			int		except = random_except(&random, &suite);
			Ranking ranking = rank_all_probes(&suite.probes, row, n, except);

			assert_int(search(&suite.classifier, row, n, except),
					   neighbour_count(&suite.probes, &ranking), round);
			compare(&suite, &ranking, round);
			free(ranking.ranked);
		}
		close_suite(&suite);
	}
}

static void
compare_search(Suite *suite, const Ranking *ranking, int number)
{
	assert_neighbours_agree(suite, ranking, number);
	assert_distances_agree(suite, ranking, number);
}

static void
compare_everything(Suite *suite, const Ranking *ranking, int number)
{
	assert_neighbours_agree(suite, ranking, number);
	assert_scores_agree(suite, ranking, number);
	assert_novelty_agrees(suite, ranking, number);
	assert_scores_agree(suite, ranking, number);
	assert_neighbours_agree(suite, ranking, number);
	assert_distances_agree(suite, ranking, number);
}

static void
searches_agree_with_brute_force(void **state)
{
	(void) state;
	compare_with_brute_force(__func__, 2000, 3, compare_search);
}

/* The first so many of all, more or fewer than vote. */
static void
compare_nearest(Suite *suite, const Ranking *ranking, int number)
{
	for (int capacity = 1; capacity <= suite->probes.n_probes + 1; capacity++)
	{
		Nearest nearest;

		metaprobe_nearest_reset(&nearest,
								allocate(capacity * sizeof(Neighbour)),
								capacity);
		metaprobe_classifier_nearest(&suite->classifier, &nearest);
		assert_int(nearest.count,
				   capacity < ranking->n ? capacity : ranking->n, number);
		for (int i = 0; i < nearest.count; i++)
			assert_int(nearest.items[i].index, ranking->ranked[i].probe,
					   number);
		free(nearest.items);
	}
}

static void
any_number_of_nearest_agrees_with_brute_force(void **state)
{
	(void) state;
	compare_with_brute_force(__func__, 300, 2, compare_nearest);
}

static void
votes_agree_with_brute_force(void **state)
{
	(void) state;
	compare_with_brute_force(__func__, 2000, 3, assert_votes_agree);
}

static void
scores_agree_with_brute_force(void **state)
{
	(void) state;
	compare_with_brute_force(__func__, 2000, 3, assert_scores_agree);
}

static void
novelty_agrees_with_brute_force(void **state)
{
	(void) state;
	compare_with_brute_force(__func__, 500, 4, assert_novelty_agrees);
}

/*
 * The label, whether it is found by the neighbours or is certain before, and
 * all of the tag.
 */
static void
compare_tag(Suite *suite, const Ranking *ranking, int number)
{
	Classifier	  *classifier = &suite->classifier;
	const float	  *row = classifier->search.curve;
	int			   n = classifier->search.n_epochs;
	int			   except = classifier->search.except;
	int			   winner = reference_winner(&suite->probes, ranking);
	ReferenceVotes votes;
	double		   total = 0;
	Tag			   tag;

	spoil_nearest(classifier);
	metaprobe_classifier_begin(classifier, row, n, except);
	assert_int(metaprobe_classifier_label(classifier), winner, number);
	spoil_nearest(classifier);
	metaprobe_classifier_begin(classifier, row, n, except);
	assert_int(metaprobe_classifier_tag(classifier, &tag), winner >= 0,
			   number);
	if (winner < 0)
		return;
	assert_int(tag.label, winner, number);
	for (int label = 0; label < suite->probes.n_labels; label++)
		total += reference_votes(&suite->probes, ranking, label).votes;
	votes = reference_votes(&suite->probes, ranking, winner);
	assert_nearly_equal(tag.probability, votes.votes / total, 1e-12, number);
	assert_int(tag.runner_up,
			   reference_runner_up(&suite->probes, ranking, winner), number);
	if (tag.runner_up >= 0)
		total =
			(votes.votes -
			 reference_votes(&suite->probes, ranking, tag.runner_up).votes) /
			total;
	else
		total = votes.votes / total;
	assert_that(fabs(tag.margin - total) < 1e-12, number);
	assert_nearly_equal(tag.score,
						reference_score(&suite->probes, ranking, winner),
						1e-14, number);
	assert_same_double(tag.distance, ranking->ranked[0].distance, number);
	assert_nearly_equal(tag.novelty,
						reference_novelty(&suite->probes, ranking),
						OTHER_ORDER, number);
}

static void
tags_agree_with_brute_force(void **state)
{
	(void) state;
	compare_with_brute_force(__func__, 1500, 4, compare_tag);
}

/* Nearly as many labels as probes: what is counted of each has its room. */
static void
many_labels_agree_with_brute_force(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(200); round++)
	{
		Suite		 suite;
		ProbeCurves *probes = &suite.probes;
		CurveStyle	 style = random_style(&random);

		*probes =
			(ProbeCurves){.n_probes = random_between(&random, 100, MAX_PROBES),
						  .n_epochs = random_between(&random, 1, 6),
						  .k = random_between(&random, 1, 8),
						  .metric = round % N_CURVE_METRICS,
						  .weights = random_below(&random, N_WEIGHTS),
						  .band = DTW_NO_BAND};
		suite.labels[0] = 0;
		for (int probe = 1; probe < probes->n_probes; probe++)
			suite.labels[probe] =
				suite.labels[probe - 1] + random_chance(&random, 0.9);
		random_curve(&random, style, 0, suite.losses,
					 probes->n_probes * probes->n_epochs);
		open_suite(&suite);
		build_some_indexes(&random, &suite);
		for (int i = 0; i < 4; i++)
		{
			float	row[2 * MAX_EPOCHS];
			int		n = random_row(&random, &suite, row);
			int		except = random_below(&random, probes->n_probes);
			Ranking ranking;

			/* a probe that is left out would be the nearest, were it not */
			if (random_chance(&random, 0.5))
			{
				n = probes->n_epochs;
				memcpy(row, suite.losses + except * n, n * sizeof(float));
			}
			ranking = rank_all_probes(probes, row, n, except);
			assert_int(search(&suite.classifier, row, n, except),
					   neighbour_count(probes, &ranking), round);
			compare_tag(&suite, &ranking, round);
			free(ranking.ranked);
		}
		close_suite(&suite);
	}
}

typedef float (*LossMaker)(Random *random, const void *how);

/* Compare the tags of rows and suites of few epochs, losses made alike. */
static void
compare_tags_of(const char *test_name, int rounds, double missing_share,
				void (*choose)(Random *random, void *how), void *how,
				LossMaker make)
{
	Random random = random_stream(test_name);

	for (int round = 0; round < random_rounds(rounds); round++)
	{
		Suite		 suite;
		ProbeCurves *probes = &suite.probes;
		double		 share = random_chance(&random, 0.5) ? 0 : missing_share;
		int			 n;

		*probes = (ProbeCurves){.n_probes = random_between(&random, 3, 60),
								.n_epochs = random_between(&random, 1, 6)};
		n = probes->n_probes * probes->n_epochs;
		choose(&random, how);
		for (int i = 0; i < n; i++)
			suite.losses[i] =
				random_chance(&random, share) ? MISSING : make(&random, how);
		open_labelled_suite(&random, &suite, round % N_CURVE_METRICS);
		for (int i = 0; i < 4; i++)
		{
			float	row[MAX_EPOCHS];
			int		except = random_except(&random, &suite);
			Ranking ranking;

			for (int j = 0; j < probes->n_epochs; j++)
				row[j] = random_chance(&random, share) ? MISSING :
														 make(&random, how);
			ranking = rank_all_probes(probes, row, probes->n_epochs, except);
			assert_int(search(&suite.classifier, row, probes->n_epochs,
							  except),
					   neighbour_count(probes, &ranking), round);
			compare_search(&suite, &ranking, round);
			compare_tag(&suite, &ranking, round);
			free(ranking.ranked);
		}
		close_suite(&suite);
	}
}

static void
choose_nothing(Random *random, void *how)
{
	(void) random;
	(void) how;
}

static float
make_small_integer(Random *random, const void *how)
{
	(void) how;
	return (float) random_below(random, 4);
}

/* Most distances tie, also where the neighbours end and a label is certain. */
static void
ties_agree_with_brute_force(void **state)
{
	(void) state;
	compare_tags_of(__func__, 2000, 0.4, choose_nothing, NULL,
					make_small_integer);
}

static void
choose_scale(Random *random, void *how)
{
	*(double *) how = ldexp(1, random_chance(random, 0.1) ?
								   random_between(random, 98, 101) :
								   random_between(random, -149, 126));
}

static float
make_scaled(Random *random, const void *how)
{
	double loss = random_chance(random, 0.5) ? random_unit(random) :
											   random_between(random, -1, 1);

	return (float) (loss * *(const double *) how) + 0.0f;
}

/* From denormals to what no float holds the square of, nor a sketch. */
static void
losses_of_any_scale_agree_with_brute_force(void **state)
{
	double scale;

	(void) state;
	compare_tags_of(__func__, 1200, 0.2, choose_scale, &scale, make_scaled);
}

/* Losses that are nearly one. */
static void
choose_closeness(Random *random, void *how)
{
	*(double *) how = ldexp(1, random_between(random, -24, -4));
}

static float
make_nearly_equal(Random *random, const void *how)
{
	return (float) (1 + random_unit(random) * *(const double *) how);
}

/* Distances of a few of their last bits, which no rough one tells apart. */
static void
nearly_equal_losses_agree_with_brute_force(void **state)
{
	double closeness;

	(void) state;
	compare_tags_of(__func__, 1000, 0.2, choose_closeness, &closeness,
					make_nearly_equal);
}

/*
 * With a limit at, just below and above the novelty: beyond it there is no
 * label, nor what is said of one; the rest stays as it is, to the last bit.
 */
static void
compare_limited(Suite *suite, const Ranking *ranking, int number)
{
	Classifier	 *classifier = &suite->classifier;
	const float	 *row = classifier->search.curve;
	int			  n = classifier->search.n_epochs;
	int			  except = classifier->search.except;
	int			  winner = reference_winner(&suite->probes, ranking);
	double		  novelty = metaprobe_classifier_novelty(classifier);
	LabelEvidence free_evidence;
	Tag			  free_tag;

	if (winner < 0)
		return;
	metaprobe_classifier_begin(classifier, row, n, except);
	(void) metaprobe_classifier_tag(classifier, &free_tag);
	free_evidence = metaprobe_classifier_evidence(classifier, winner);
	for (int i = 0; i < 3; i++)
	{
		const double  limits[] = {nextafter(novelty, 0), novelty, INFINITY};
		bool		  is_refused = i == 0 && novelty > limits[0];
		LabelEvidence evidence;
		Tag			  tag;

		/* a row may lie on its neighbours, or have nothing to compare with */
		classifier->probes.max_novelty = limits[i] > 0 ? limits[i] : 1e-300;
		if (novelty > 0 && novelty <= 1e-300)
			continue;
		metaprobe_classifier_begin(classifier, row, n, except);
		assert_int(metaprobe_classifier_label(classifier),
				   is_refused ? -1 : winner, number);
		metaprobe_classifier_begin(classifier, row, n, except);
		assert_that(metaprobe_classifier_tag(classifier, &tag), number);
		assert_int(tag.label, is_refused ? -1 : winner, number);
		assert_int(tag.runner_up, is_refused ? -1 : free_tag.runner_up,
				   number);
		assert_same_double(tag.probability,
						   is_refused ? NAN : free_tag.probability, number);
		assert_same_double(tag.score, is_refused ? NAN : free_tag.score,
						   number);
		assert_same_double(tag.margin, is_refused ? NAN : free_tag.margin,
						   number);
		assert_same_double(tag.distance, free_tag.distance, number);
		assert_same_double(tag.novelty, novelty, number);
		evidence = metaprobe_classifier_evidence(classifier, winner);
		assert_same_double(evidence.is_winner, !is_refused, number);
		assert_same_double(evidence.vote_share, free_evidence.vote_share,
						   number);
		assert_same_double(evidence.score, free_evidence.score, number);
		assert_same_double(evidence.novelty, free_evidence.novelty, number);
	}
	classifier->probes.max_novelty = 0;
}

static void
too_novel_a_curve_has_no_label(void **state)
{
	(void) state;
	compare_with_brute_force(__func__, 1000, 4, compare_limited);
}

/* A label's evidence, whose neighbours are those of all labels. */
static void
compare_evidence(Suite *suite, const Ranking *ranking, int number)
{
	Classifier	*classifier = &suite->classifier;
	const float *row = classifier->search.curve;
	int			 n = classifier->search.n_epochs;
	int			 except = classifier->search.except;

	for (int label = 0; label < suite->probes.n_labels; label++)
	{
		LabelEvidence evidence;

		spoil_nearest(classifier);
		metaprobe_classifier_begin(classifier, row, n, except);
		evidence = metaprobe_classifier_evidence(classifier, label);
		assert_neighbours_agree(suite, ranking, number);
		if (ranking->n == 0)
			continue;
		assert_int(evidence.is_winner,
				   label == reference_winner(&suite->probes, ranking), number);
		assert_nearly_equal(evidence.score,
							reference_score(&suite->probes, ranking, label),
							1e-14, number);
	}
}

static void
evidence_agrees_with_brute_force(void **state)
{
	(void) state;
	compare_with_brute_force(__func__, 1000, 3, compare_evidence);
}

/*
 * Labels of 62, 1 and 64 probes, and so many neighbours that all probes but one
 * are candidates at once, which just fit into their room.
 */
static void
all_but_one_probe_may_be_candidates(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(24); round++)
	{
		Suite		 suite;
		ProbeCurves *probes = &suite.probes;
		float		 row[MAX_EPOCHS];

		*probes = (ProbeCurves){.n_probes = 127,
								.n_epochs = MAX_EPOCHS,
								.k = random_between(&random, 65, 75),
								.metric = round % METRIC_DTW};
		for (int probe = 0; probe < 127; probe++)
			suite.labels[probe] = (probe >= 62) + (probe >= 63);
		for (int i = 0; i < 127 * MAX_EPOCHS; i++)
			suite.losses[i] = (float) random_unit(&random);
		open_suite(&suite);
		build_index(&suite, INDEX_SKETCH);
		build_index(&suite, INDEX_ROWS);
		for (int i = 0; i < 50; i++)
		{
			Ranking ranking;

			for (int j = 0; j < MAX_EPOCHS; j++)
				row[j] = (float) random_unit(&random);
			ranking = rank_all_probes(probes, row, MAX_EPOCHS, -1);
			metaprobe_classifier_begin(&suite.classifier, row, MAX_EPOCHS, -1);
			compare_evidence(&suite, &ranking, round);
			free(ranking.ranked);
		}
		close_suite(&suite);
	}
}

/* One question does not spoil the answers to the others. */
static void
questions_do_not_disturb_each_other(void **state)
{
	(void) state;
	compare_with_brute_force(__func__, 300, 4, compare_everything);
}

/* --- what the answers must not depend on --- */

/* All answers about the row searched for last. */
typedef struct Answers
{
	int		  count;
	int		  winner;
	double	  novelty;
	double	  scores[MAX_LABELS];
	Neighbour nearest[MAX_PROBES];
} Answers;

static Answers
ask(Suite *suite, const float *row, int n)
{
	Classifier *classifier = &suite->classifier;
	Answers		answers;

	answers.count = search(classifier, row, n, -1);
	answers.winner = metaprobe_classifier_vote(classifier);
	answers.novelty = metaprobe_classifier_novelty(classifier);
	for (int label = 0; label < suite->probes.n_labels; label++)
		answers.scores[label] = metaprobe_classifier_score(classifier, label);
	memcpy(answers.nearest, classifier->nearest.items,
		   answers.count * sizeof(Neighbour));
	return answers;
}

static void
assert_same_answers(const Suite *suite, const Answers *a, const Answers *b,
					int number)
{
	assert_int(a->count, b->count, number);
	assert_int(a->winner, b->winner, number);
	assert_same_double(a->novelty, b->novelty, number);
	for (int label = 0; label < suite->probes.n_labels; label++)
		assert_same_double(a->scores[label], b->scores[label], number);
	for (int i = 0; i < a->count; i++)
	{
		assert_int(a->nearest[i].index, b->nearest[i].index, number);
		assert_same_double(a->nearest[i].distance, b->nearest[i].distance,
						   number);
	}
}

/* In mid-training, later epochs may be absent or missing: the same tag. */
static void
absent_epochs_are_missing_epochs(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(1000); round++)
	{
		Suite	suite;
		float	row[MAX_EPOCHS];
		int		cut;
		Answers absent;
		Answers missing;

		open_random_suite(&random, &suite, round % N_CURVE_METRICS);
		random_curve(&random, random_style(&random), 0.1, row, MAX_EPOCHS);
		cut = random_between(&random, 0, suite.probes.n_epochs);
		absent = ask(&suite, row, cut);
		for (int i = cut; i < MAX_EPOCHS; i++)
			row[i] = MISSING;
		missing = ask(&suite, row, suite.probes.n_epochs);
		assert_same_answers(&suite, &absent, &missing, round);
		close_suite(&suite);
	}
}

static void
epochs_beyond_the_suite_are_ignored(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(1000); round++)
	{
		Suite	suite;
		float	row[2 * MAX_EPOCHS];
		Answers whole;
		Answers longer;

		open_random_suite(&random, &suite, round % N_CURVE_METRICS);
		random_curve(&random, random_style(&random), 0.1, row, 2 * MAX_EPOCHS);
		whole = ask(&suite, row, suite.probes.n_epochs);
		longer = ask(&suite, row,
					 random_between(&random, suite.probes.n_epochs,
									2 * MAX_EPOCHS));
		assert_same_answers(&suite, &whole, &longer, round);
		close_suite(&suite);
	}
}

/* --- examples --- */

/*
 * Two flat kinds of probes, 0 and 4, three epochs long:
 * label 0 at 0, 0, 1 and label 1 at 4, 6.
 */
static void
open_example(Suite *suite, Metric metric, int k)
{
	const float	  levels[] = {0, 0, 1, 4, 6};
	const int32_t labels[] = {0, 0, 0, 1, 1};

	suite->probes = (ProbeCurves){.n_probes = 5,
								  .n_epochs = 3,
								  .k = k,
								  .band = DTW_NO_BAND,
								  .metric = metric,
								  .weights = WEIGHTS_UNIFORM};
	memcpy(suite->labels, labels, sizeof(labels));
	for (int i = 0; i < 15; i++)
		suite->losses[i] = levels[i / 3];
	open_suite(suite);
}

static void
example_by_hand(void **state)
{
	const float row[] = {3, 3, 3};
	Suite		suite;
	Classifier *c = &suite.classifier;

	(void) state;
	open_example(&suite, METRIC_L1, 3);
	/* distances 9, 9, 6, 3, 9: the tie at 9 goes to the first probe */
	assert_int_equal(search(c, row, 3, -1), 3);
	assert_int_equal(c->nearest.items[0].index, 3);
	assert_int_equal(c->nearest.items[1].index, 2);
	assert_int_equal(c->nearest.items[2].index, 0);
	assert_int_equal(metaprobe_classifier_vote(c), 0);
	assert_same_double(c->votes[0].votes, 2, 0);
	assert_same_double(c->votes[1].votes, 1, 1);
	assert_same_double(c->total_votes, 3, 2);
	/* the two nearest of either kind: 6 and 9, 3 and 9 */
	assert_same_double(metaprobe_classifier_score(c, 0), 6 / (6 + 7.5), 3);
	assert_same_double(metaprobe_classifier_score(c, 1), 7.5 / (6 + 7.5), 4);
	/* means of the own three of probes 3, 2, 0: 9, 5, 5 */
	assert_nearly_equal(metaprobe_classifier_novelty(c),
						6 / ((9 + 5 + 5) / 3.0), 1e-15, 5);
	assert_same_double(metaprobe_classifier_label_distance(c, 0), 6, 6);
	assert_same_double(metaprobe_classifier_label_distance(c, 1), 3, 7);
	close_suite(&suite);
}

static void
a_probe_left_out_is_no_neighbour(void **state)
{
	Suite		suite;
	Classifier *c = &suite.classifier;

	(void) state;
	open_example(&suite, METRIC_L2, 5);
	assert_int_equal(search(c, suite.losses, 3, 0), 4);
	for (int i = 0; i < 4; i++)
		assert_int_not_equal(c->nearest.items[i].index, 0);
	assert_same_double(metaprobe_classifier_label_distance(c, 0), 0, 0);
	close_suite(&suite);
}

static void
without_neighbours_there_is_no_answer(void **state)
{
	const float row[] = {MISSING, MISSING, MISSING, 1};

	(void) state;
	for (int metric = 0; metric < N_CURVE_METRICS; metric++)
	{
		Suite		suite;
		Classifier *c = &suite.classifier;

		open_example(&suite, metric, 3);
		for (int n = 0; n <= LENGTH_OF(row); n++)
		{
			assert_int_equal(search(c, row, n, -1), 0);
			assert_int_equal(metaprobe_classifier_vote(c), -1);
			assert_same_double(c->total_votes, 0, n);
			assert_true(isnan(metaprobe_classifier_score(c, 0)));
			assert_true(isnan(metaprobe_classifier_novelty(c)));
			assert_true(isnan(metaprobe_classifier_label_distance(c, 0)));
		}
		close_suite(&suite);
	}
}

static void
equal_mean_distances_score_a_half(void **state)
{
	const float row[] = {2, 2, 2};
	Suite		suite;
	Classifier *c = &suite.classifier;

	(void) state;
	open_example(&suite, METRIC_L2, 1);
	/* all probes at the row: both means are zero */
	for (int i = 0; i < 15; i++)
		suite.losses[i] = 2;
	search(c, row, 3, -1);
	assert_same_double(metaprobe_classifier_score(c, 0), 0.5, 0);
	assert_same_double(metaprobe_classifier_score(c, 1), 0.5, 1);
	/* and novelty has nothing to compare with */
	assert_true(isnan(metaprobe_classifier_novelty(c)));
	close_suite(&suite);
}

static void
one_label_alone_has_no_score(void **state)
{
	const float row[] = {2, 2, 2};
	Suite		suite;

	(void) state;
	open_example(&suite, METRIC_L2, 3);
	close_suite(&suite);
	memset(suite.labels, 0, sizeof(suite.labels));
	open_suite(&suite);
	search(&suite.classifier, row, 3, -1);
	assert_int_equal(metaprobe_classifier_vote(&suite.classifier), 0);
	assert_true(isnan(metaprobe_classifier_score(&suite.classifier, 0)));
	close_suite(&suite);
}

static void
balanced_votes_count_the_share(void **state)
{
	const float row[] = {3, 3, 3};
	Suite		suite;
	Classifier *c = &suite.classifier;

	(void) state;
	open_example(&suite, METRIC_L1, 3);
	c->probes.weights = WEIGHTS_BALANCED;
	search(c, row, 3, -1);
	assert_int_equal(metaprobe_classifier_vote(c), 0);
	/* two neighbours of a label with three of five probes, one with two */
	assert_nearly_equal(c->votes[0].votes, 2 * 5 / 3.0, 1e-14, 0);
	assert_nearly_equal(c->votes[1].votes, 1 * 5 / 2.0, 1e-14, 1);
	assert_nearly_equal(c->total_votes, 35 / 6.0, 1e-14, 2);
	close_suite(&suite);
}

/*
 * Both labels vote with all their probes, so the votes tie; rounded fractions
 * that are summed up would not.
 */
static void
balanced_votes_tie_exactly(void **state)
{
	const int sizes[][2] = {{2, 6},	 {6, 2},  {1, 6},  {3, 10},
							{7, 12}, {2, 13}, {11, 14}};

	(void) state;
	for (int i = 0; i < LENGTH_OF(sizes); i++)
	{
		for (int nearer = 0; nearer < 2; nearer++)
		{
			const float row[] = {0};
			Suite		suite;
			int			n = sizes[i][0] + sizes[i][1];

			suite.probes = (ProbeCurves){.n_probes = n,
										 .n_epochs = 1,
										 .k = n,
										 .metric = METRIC_L2,
										 .weights = WEIGHTS_BALANCED};
			for (int probe = 0; probe < n; probe++)
			{
				int label = probe >= sizes[i][0];

				suite.labels[probe] = label;
				suite.losses[probe] = label == nearer ? 0 : 100;
			}
			open_suite(&suite);
			search(&suite.classifier, row, 1, -1);
			assert_int(metaprobe_classifier_vote(&suite.classifier), nearer,
					   i);
			close_suite(&suite);
		}
	}
}

/* Probes of one or two epochs, label by label. */
static void
open_by_hand(Suite *suite, const float *losses, int n_epochs,
			 const int *n_probes, Metric metric, int k)
{
	int n = n_probes[0] + n_probes[1];

	suite->probes = (ProbeCurves){.n_probes = n,
								  .n_epochs = n_epochs,
								  .k = k,
								  .band = DTW_NO_BAND,
								  .metric = metric,
								  .weights = WEIGHTS_UNIFORM};
	memcpy(suite->losses, losses, n * n_epochs * sizeof(float));
	for (int probe = 0; probe < n; probe++)
		suite->labels[probe] = probe >= n_probes[0];
	open_suite(suite);
}

/*
 * Two probes of label 0 at distance 1, those of label 1 at a half, 1 and 5: a
 * majority of three within 1, but probes of label 0 as far away come first.
 */
static void
a_tie_at_the_majority_leaves_the_label_open(void **state)
{
	const float losses[] = {1, 1, 0.5f, 1, 5};
	const int	n_probes[] = {2, 3};
	const float row[] = {0};

	(void) state;
	for (int kinds = 0; kinds < 8; kinds++)
	{
		Suite suite;

		open_by_hand(&suite, losses, 1, n_probes, kinds % 2, 3);
		if (kinds & 2)
			build_index(&suite, INDEX_SKETCH);
		if (kinds & 4)
			build_index(&suite, INDEX_ROWS);
		metaprobe_classifier_begin(&suite.classifier, row, 1, -1);
		assert_int(metaprobe_classifier_label(&suite.classifier), 0, kinds);
		close_suite(&suite);
	}
}

/* All but one probe of label 0 share no epoch with the row, so they have no vote. */
static void
undefined_distances_make_no_label_certain(void **state)
{
	const float	 losses[] = {4,		  4, MISSING, 4, MISSING, 4, MISSING, 4,
							 MISSING, 4, MISSING, 4, MISSING, 4, MISSING, 4,
							 1,		  2, 2,		  1};
	const int	 n_probes[] = {8, 2};
	const float	 row[] = {1, MISSING};
	const Metric metrics[] = {METRIC_L2, METRIC_L1, METRIC_COSINE};

	(void) state;
	for (int i = 0; i < LENGTH_OF(metrics); i++)
	{
		Suite suite;

		open_by_hand(&suite, losses, 2, n_probes, metrics[i], 9);
		metaprobe_classifier_begin(&suite.classifier, row, 2, -1);
		assert_int(metaprobe_classifier_label(&suite.classifier), 1, i);
		close_suite(&suite);
	}
}

/* --- what is kept, and cancelling --- */

static int n_polls;

static void
count_poll(void)
{
	n_polls++;
}

/* Novelty computes each neighbour's own reach once, and polls meanwhile. */
static void
reaches_are_computed_once(void **state)
{
	const float row[] = {3, 3, 3};
	Suite		suite;
	int			polls_at_first;

	(void) state;
	open_example(&suite, METRIC_L1, 3);
	search(&suite.classifier, row, 3, -1);
	n_polls = 0;
	metaprobe_poll_hook = count_poll;
	metaprobe_classifier_novelty(&suite.classifier);
	polls_at_first = n_polls;
	assert_true(polls_at_first >= 3);
	metaprobe_classifier_novelty(&suite.classifier);
	assert_int_equal(n_polls, polls_at_first);
	metaprobe_poll_hook = NULL;
	close_suite(&suite);
}

/* How many searches until an index is wanted. */
static int
searches_until_wanted(Suite *suite, IndexKind kind)
{
	Classifier *classifier = &suite->classifier;
	int			n = 0;

	while (metaprobe_indexes_wanted(&classifier->indexes) != kind)
	{
		search(classifier, suite->losses, suite->probes.n_epochs, -1);
		n++;
	}
	return n;
}

/* One that could not be built is wanted again, but not at once. */
static void
failed_attempts_are_repeated_later(void **state)
{
	Suite suite;
	int	  n;
	int	  again;

	(void) state;
	open_example(&suite, METRIC_L2, 3);
	n = searches_until_wanted(&suite, INDEX_SKETCH);
	assert_true(n > 1);
	for (int attempt = 1; attempt < 4; attempt++)
	{
		metaprobe_index_attempt(&suite.classifier.indexes, INDEX_SKETCH);
		again = searches_until_wanted(&suite, INDEX_SKETCH);
		assert_int(again, n << attempt, attempt);
	}
	build_index(&suite, INDEX_SKETCH);
	assert_int_equal(metaprobe_indexes_wanted(&suite.classifier.indexes),
					 INDEX_NONE);
	close_suite(&suite);
}

/* Of probes with gaps only what serves them, however many rows ask for it. */
static void
no_index_is_wanted_that_cannot_be_built(void **state)
{
	const float losses[] = {1, 2, 3, 4, 5, 6, 6, 5, MISSING,
							3, 2, 1, 1, 1, 2, 2, 3, 3};
	const int	n_probes[] = {2, 1};
	const float rows[][6] = {{3, 1, 3, 2, 3, 3},
							 {3, MISSING, 3, 1, 1, 1},
							 {1, MISSING, 2, MISSING, 1, MISSING}};

	(void) state;
	for (int metric = 0; metric < N_CURVE_METRICS; metric++)
	{
		Suite		  suite;
		ProbeIndexes *indexes = &suite.classifier.indexes;
		IndexKind	  useful = metric == METRIC_DTW			? INDEX_ENVELOPES :
							   metaprobe_is_angular(metric) ? INDEX_NONE :
															  INDEX_EPOCHS;

		open_by_hand(&suite, losses, 6, n_probes, metric, 1);
		for (int built = 0; built < 2; built++)
		{
			for (int i = 0; i < 1000; i++)
			{
				metaprobe_classifier_begin(&suite.classifier, rows[i % 3], 6,
										   -1);
				(void) metaprobe_classifier_label(&suite.classifier);
			}
			assert_int(metaprobe_indexes_wanted(indexes),
					   built ? INDEX_NONE : useful, metric);
			if (useful != INDEX_NONE && !built)
				build_index(&suite, useful);
		}
		close_suite(&suite);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(searches_agree_with_brute_force),
		cmocka_unit_test(any_number_of_nearest_agrees_with_brute_force),
		cmocka_unit_test(votes_agree_with_brute_force),
		cmocka_unit_test(scores_agree_with_brute_force),
		cmocka_unit_test(novelty_agrees_with_brute_force),
		cmocka_unit_test(tags_agree_with_brute_force),
		cmocka_unit_test(many_labels_agree_with_brute_force),
		cmocka_unit_test(ties_agree_with_brute_force),
		cmocka_unit_test(losses_of_any_scale_agree_with_brute_force),
		cmocka_unit_test(nearly_equal_losses_agree_with_brute_force),
		cmocka_unit_test(too_novel_a_curve_has_no_label),
		cmocka_unit_test(evidence_agrees_with_brute_force),
		cmocka_unit_test(all_but_one_probe_may_be_candidates),
		cmocka_unit_test(questions_do_not_disturb_each_other),
		cmocka_unit_test(absent_epochs_are_missing_epochs),
		cmocka_unit_test(epochs_beyond_the_suite_are_ignored),
		cmocka_unit_test(example_by_hand),
		cmocka_unit_test(a_probe_left_out_is_no_neighbour),
		cmocka_unit_test(without_neighbours_there_is_no_answer),
		cmocka_unit_test(equal_mean_distances_score_a_half),
		cmocka_unit_test(one_label_alone_has_no_score),
		cmocka_unit_test(balanced_votes_count_the_share),
		cmocka_unit_test(balanced_votes_tie_exactly),
		cmocka_unit_test(a_tie_at_the_majority_leaves_the_label_open),
		cmocka_unit_test(undefined_distances_make_no_label_certain),
		cmocka_unit_test(no_index_is_wanted_that_cannot_be_built),
		cmocka_unit_test(reaches_are_computed_once),
		cmocka_unit_test(failed_attempts_are_repeated_later),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("classifier", tests, NULL, NULL);
}
