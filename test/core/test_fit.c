/*
 * test_fit.c
 *		Unit tests of the choice by cross-validation.
 */
#include "both_kernels.h"
#include "dtw.h"
#include "fit.h"
#include "random.h"
#include "reference_classifier.h"
#include "reference_space.h"

#define MAX_PROBES 60
#define MAX_EPOCHS 10
#define MAX_LABELS 4
#define N_PARTS 10

typedef struct Suite
{
	float		losses[MAX_PROBES * MAX_EPOCHS];
	int32_t		labels[MAX_PROBES];
	int32_t		label_starts[MAX_LABELS + 1];
	ProbeCurves probes;
} Suite;

static void
random_suite(Random *random, Suite *suite, bool has_short_probes)
{
	ProbeCurves *probes = &suite->probes;
	int			 n_labels = random_between(random, 1, MAX_LABELS);
	int			 n = random_between(random, n_labels, MAX_PROBES);
	int			 n_epochs = random_between(random, 1, MAX_EPOCHS);

	*probes = (ProbeCurves){.losses = suite->losses,
							.labels = suite->labels,
							.label_starts = suite->label_starts,
							.n_probes = n,
							.n_epochs = n_epochs,
							.n_labels = n_labels,
							.k = random_between(random, 1, n),
							.band = DTW_NO_BAND,
							.metric = random_below(random, N_CURVE_METRICS),
							.weights = random_below(random, N_WEIGHTS)};
	for (int i = 0; i < n; i++)
	{
		float *curve = suite->losses + i * n_epochs;

		suite->labels[i] = (int64_t) i * n_labels / n;
		random_curve(random, STYLE_TRAINING, 0, curve, n_epochs);
		for (int j = 0; j < n_epochs; j++)
			curve[j] += 0.1f * suite->labels[i];
		if (has_short_probes && random_chance(random, 0.3))
		{
			int end = random_between(random, 1, n_epochs);

			for (int j = end; j < n_epochs; j++)
				curve[j] = metaprobe_missing_loss();
		}
	}
	suite->label_starts[0] = 0;
	for (int i = 1, label = 0; i <= n; i++)
	{
		if (i == n || suite->labels[i] != label)
			suite->label_starts[++label] = i;
	}
}

/* The choice, in memory of exactly the size asked for. */
static void *
choose(Fit *fit, const Suite *suite)
{
	size_t size = metaprobe_fit_size(&suite->probes);
	void  *memory = allocate(size);

	memset(memory, 0xa5, size);
	metaprobe_fit_choose(fit, &suite->probes, memory);
	return memory;
}

/* The distance of two probes, by solving an equation. */
static double
reference_distance(const Suite *suite, const FitCandidate *candidate,
				   double c[MAX_SPACE][MAX_SPACE], int a, int b)
{
	int	   n = suite->probes.n_epochs;
	double x[MAX_SPACE];
	double y[MAX_SPACE];
	int	   n_a =
		reference_scaled_curve(candidate->scale, suite->losses + a * n, n, x);
	int n_b =
		reference_scaled_curve(candidate->scale, suite->losses + b * n, n, y);
	int	   joint = n_a < n_b ? n_a : n_b;
	double square = 0;

	for (int i = 0; i < joint; i++)
	{
		x[i] -= y[i];
		square += x[i] * x[i];
	}
	if (!isnan(candidate->shrinkage))
		square = mahalanobis_square(c, x, joint);
	return sqrt(square * n / joint);
}

/* How many of a part's probes a candidate of a fitted space gets right. */
static int
reference_part(const Suite *suite, const FitCandidate *candidate, int part)
{
	const ProbeCurves *probes = &suite->probes;
	int				   n = probes->n_epochs;
	double			   c[MAX_SPACE][MAX_SPACE];
	double			   scaled[MAX_PROBES * MAX_EPOCHS];
	int				   ends[MAX_PROBES];
	bool			   trains[MAX_PROBES];
	double			   trace = 0;
	FitCandidate	   way = *candidate;
	int				   right = 0;

	for (int i = 0; i < probes->n_probes; i++)
	{
		trains[i] = i % N_PARTS != part;
		ends[i] =
			reference_scaled_curve(candidate->scale, suite->losses + i * n, n,
								   scaled + i * n);
	}
	if (!isnan(candidate->shrinkage))
	{
		reference_covariance(scaled, ends, suite->labels, trains,
							 probes->n_probes, n, c);
		for (int i = 0; i < n; i++)
			trace += c[i][i];
		if (trace == 0) /* nothing to whiten */
			way.shrinkage = NAN;
		reference_shrink(c, n, candidate->shrinkage);
	}
	for (int i = part; i < probes->n_probes; i += N_PARTS)
	{
		RankedProbe ranked[MAX_PROBES];
		double		votes[MAX_LABELS] = {0};
		double		sums[MAX_LABELS] = {0};
		int			n_ranked = 0;
		int			winner = 0;

		for (int j = 0; j < probes->n_probes; j++)
		{
			if (trains[j])
				ranked[n_ranked++] =
					(RankedProbe){reference_distance(suite, &way, c, i, j), j,
								  suite->labels[j]};
		}
		if (n_ranked == 0)
			continue;
		qsort(ranked, n_ranked, sizeof(RankedProbe), compare_ranked);
		for (int r = 0; r < candidate->k && r < n_ranked; r++)
		{
			double vote = 1;
			int	   n_train = 0;

			for (int j = 0; j < probes->n_probes; j++)
				n_train += trains[j] && suite->labels[j] == ranked[r].label;
			if (candidate->weights == WEIGHTS_DISTANCE)
				vote = 1 / ranked[r].distance;
			else if (candidate->weights == WEIGHTS_BALANCED)
				vote = 1.0 / n_train;
			votes[ranked[r].label] += vote;
			sums[ranked[r].label] += ranked[r].distance;
		}
		for (int label = 1; label < probes->n_labels; label++)
		{
			double lead = votes[label] - votes[winner];

			if (lead > 1e-9 || (fabs(lead) <= 1e-9 && votes[label] > 0 &&
								sums[label] < sums[winner]))
				winner = label;
		}
		right += winner == suite->labels[i];
	}
	return right;
}

/*
 * Where rounding a point to a float changes the order of two neighbours, one
 * probe may come out otherwise.
 */
static void
accuracies_agree_with_brute_force(void **state)
{
	Random random = random_stream(__func__);
	Suite  suite;
	Fit	   fit;

	(void) state;
	for (int round = 0; round < 8; round++)
	{
		bool  has_short_probes = round % 2;
		void *memory;
		int	  n_compared = 0;

		random_suite(&random, &suite, has_short_probes);
		memory = choose(&fit, &suite);
		for (int i = 0; i < fit.n_candidates; i++)
		{
			const FitCandidate *candidate = &fit.candidates[i];
			int					right = 0;

			/* with short probes a matrix may have got another shrinkage */
			if (candidate->metric != METRIC_FITTED ||
				(has_short_probes && !isnan(candidate->shrinkage)))
				continue;
			for (int part = 0; part < N_PARTS; part++)
				right += reference_part(&suite, candidate, part);
			assert_that(fabs(candidate->accuracy * suite.probes.n_probes -
							 right) < 1.5,
						round);
			n_compared++;
		}
		assert_that(n_compared >= 6, round);
		free(memory);
	}
}

static void
the_plain_suite_is_among_the_candidates(void **state)
{
	Random random = random_stream(__func__);
	Suite  suite;
	Fit	   fit;

	(void) state;
	for (int round = 0; round < 30; round++)
	{
		const ProbeCurves *probes = &suite.probes;
		void			  *memory;
		int				   n_plain = 0;

		random_suite(&random, &suite, true);
		memory = choose(&fit, &suite);
		for (int i = 0; i < fit.n_candidates; i++)
		{
			const FitCandidate *c = &fit.candidates[i];

			assert_that(c->k <= probes->n_probes, round);
			if (!c->is_plain)
				continue;
			n_plain++;
			assert_int(c->metric, probes->metric, round);
			assert_int(c->k, probes->k, round);
			assert_int(c->weights, probes->weights, round);
			assert_int(c->scale, SCALE_RAW, round);
			assert_that(isnan(c->shrinkage), round);
		}
		assert_int(n_plain, 1, round);
		free(memory);
	}
}

static bool
is_space(const FitCandidate *a, const FitCandidate *b)
{
	return a->metric == b->metric && a->scale == b->scale &&
		   same_double(a->shrinkage, b->shrinkage);
}

/* How far a space is from the losses as they are. */
static int
distance_from_plain(const FitCandidate *c)
{
	if (c->is_plain)
		return -1;
	return 1000 * (c->metric == METRIC_FITTED) + 10000 * !isnan(c->shrinkage) +
		   100 * c->scale +
		   (isnan(c->shrinkage) ? 0 : (int) (10 / c->shrinkage) / 10);
}

static void
the_choice_is_the_simplest_near_the_best(void **state)
{
	Random random = random_stream(__func__);
	Suite  suite;
	Fit	   fit;

	(void) state;
	for (int round = 0; round < 30; round++)
	{
		const FitCandidate *chosen;
		void			   *memory;
		double				best = 0;

		random_suite(&random, &suite, true);
		suite.probes.metric = METRIC_L2;
		memory = choose(&fit, &suite);
		chosen = &fit.candidates[fit.chosen];
		for (int i = 0; i < fit.n_candidates; i++)
			best = fmax(best, fit.candidates[i].accuracy);
		assert_that(chosen->difference <= chosen->standard_error, round);
		for (int i = 0; i < fit.n_candidates; i++)
		{
			const FitCandidate *c = &fit.candidates[i];
			bool				is_first = true;

			assert_that(fabs(c->difference - (best - c->accuracy)) < 1e-12,
						round);
			assert_that(i == 0 ||
							c->accuracy <= fit.candidates[i - 1].accuracy,
						round);
			if (is_space(c, chosen) && !chosen->is_plain)
				assert_that(c->accuracy <= chosen->accuracy, round);
			for (int j = 0; j < i; j++)
				is_first &= !is_space(&fit.candidates[j], c);
			if (c->difference <= c->standard_error &&
				(is_first || c->is_plain))
				assert_that(distance_from_plain(c) >=
								distance_from_plain(chosen),
							round);
		}
		free(memory);
	}
}

static void
both_kernels_choose_alike(void **state)
{
	Random random = random_stream(__func__);
	Suite  suite;
	Fit	   best;
	Fit	   portable;

	(void) state;
	for (int round = 0; round < 10; round++)
	{
		void  *best_memory;
		void  *portable_memory;
		double matrices[2][MAX_EPOCHS * (MAX_EPOCHS + 1) / 2];
		int	   n_bytes;

		random_suite(&random, &suite, true);
		n_bytes =
			metaprobe_triangle_size(suite.probes.n_epochs) * sizeof(double);
		metaprobe_cpu_pretend_portable(false);
		best_memory = choose(&best, &suite);
		metaprobe_cpu_pretend_portable(true);
		portable_memory = choose(&portable, &suite);
		metaprobe_cpu_pretend_portable(false);
		assert_int(best.n_candidates, portable.n_candidates, round);
		assert_int(best.chosen, portable.chosen, round);
		for (int i = 0; i < best.n_candidates; i++)
		{
			assert_same_double(best.candidates[i].accuracy,
							   portable.candidates[i].accuracy, round);
			assert_same_double(best.candidates[i].standard_error,
							   portable.candidates[i].standard_error, round);
		}
		free(best_memory);
		free(portable_memory);

		for (int i = 0; i < 2; i++)
		{
			void *room = allocate(metaprobe_fit_matrix_room(&suite.probes));

			memset(matrices[i], 0, n_bytes);
			metaprobe_cpu_pretend_portable(i);
			metaprobe_fit_matrix(&suite.probes, SCALE_LOG, 0.3, matrices[i],
								 room);
			free(room);
		}
		metaprobe_cpu_pretend_portable(false);
		assert_memory_equal(matrices[0], matrices[1], n_bytes);
	}
}

/*
 * Labels that differ in direction only: of two epochs with a common rise and
 * fall, the difference tells them apart, which whitening brings out.
 */
static void
whitening_is_chosen_where_it_helps(void **state)
{
	Random random = random_stream(__func__);
	Suite  suite = {0};
	Fit	   fit;
	void  *memory;

	(void) state;
	suite.probes = (ProbeCurves){.losses = suite.losses,
								 .labels = suite.labels,
								 .label_starts = suite.label_starts,
								 .n_probes = MAX_PROBES,
								 .n_epochs = 2,
								 .n_labels = 2,
								 .k = 5,
								 .band = DTW_NO_BAND,
								 .metric = METRIC_L2,
								 .weights = WEIGHTS_UNIFORM};
	for (int i = 0; i < MAX_PROBES; i++)
	{
		double rise = 100 * random_unit(&random);

		suite.labels[i] = i >= MAX_PROBES / 2;
		suite.losses[2 * i] = rise;
		suite.losses[2 * i + 1] =
			rise + suite.labels[i] + random_unit(&random) / 2;
	}
	suite.label_starts[1] = MAX_PROBES / 2;
	suite.label_starts[2] = MAX_PROBES;
	memory = choose(&fit, &suite);
	assert_that(!isnan(fit.candidates[fit.chosen].shrinkage), 0);
	free(memory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_both_kernels(accuracies_agree_with_brute_force),
		cmocka_unit_test(the_plain_suite_is_among_the_candidates),
		cmocka_unit_test(the_choice_is_the_simplest_near_the_best),
		cmocka_unit_test(both_kernels_choose_alike),
		cmocka_unit_test(whitening_is_chosen_where_it_helps),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("fit", tests, NULL, NULL);
}
