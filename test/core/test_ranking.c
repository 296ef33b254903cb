/*
 * test_ranking.c
 *		Unit tests of how scores are judged, against plain counting.
 */
#include "test.h"

#include "random.h"
#include "ranking.h"

#define MAX_N 120

typedef struct Row
{
	double score;
	bool   is_hit;
} Row;

static int
compare_doubles(const void *a, const void *b)
{
	return metaprobe_compare_scores(*(const double *) a, *(const double *) b);
}

static RankingQuality
judge(const Row *rows, int n)
{
	double		   hits[MAX_N];
	double		   others[MAX_N];
	int			   n_hits = 0;
	int			   n_others = 0;
	RankingQuality quality;

	for (int i = 0; i < n; i++)
	{
		if (rows[i].is_hit)
			hits[n_hits++] = rows[i].score;
		else
			others[n_others++] = rows[i].score;
	}
	qsort(hits, n_hits, sizeof(double), compare_doubles);
	qsort(others, n_others, sizeof(double), compare_doubles);
	metaprobe_rank_quality(hits, n_hits, others, n_others, &quality);
	return quality;
}

static int
count_hits(const Row *rows, int n)
{
	int count = 0;

	for (int i = 0; i < n; i++)
		count += rows[i].is_hit;
	return count;
}

/* Rows, or hits alone, whose score is at least (or above) a threshold. */
static int
count_from(const Row *rows, int n, double threshold, bool hits_only,
		   bool or_equal)
{
	int count = 0;

	for (int i = 0; i < n; i++)
	{
		int order = metaprobe_compare_scores(rows[i].score, threshold);

		count += (order > 0 || (or_equal && order == 0)) &&
				 (rows[i].is_hit || !hits_only);
	}
	return count;
}

static double
pairwise_auroc(const Row *rows, int n)
{
	double won = 0;
	double pairs = 0;

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < n; j++)
		{
			if (!rows[i].is_hit || rows[j].is_hit)
				continue;
			won +=
				(metaprobe_compare_scores(rows[i].score, rows[j].score) + 1) /
				2.0;
			pairs++;
		}
	}
	return won / pairs;
}

/* Every figure by its definition, threshold by threshold. */
static RankingQuality
judge_by_counting(const Row *rows, int n)
{
	int			   n_hits = count_hits(rows, n);
	RankingQuality quality = {.auroc = pairwise_auroc(rows, n)};

	for (int i = 0; i < n; i++)
	{
		double threshold = rows[i].score;
		double hits = count_from(rows, n, threshold, true, true);
		double all = count_from(rows, n, threshold, false, true);
		double above = count_from(rows, n, threshold, false, false);
		double precision = hits / all;
		double recall = hits / n_hits;

		if (rows[i].is_hit)
			quality.average_precision += precision / n_hits;
		if (hits > 0)
			quality.best_f1 = fmax(quality.best_f1, 2 * precision * recall /
														(precision + recall));
		if (above < n_hits && all >= n_hits)
		{
			double hits_above = count_from(rows, n, threshold, true, false);

			quality.precision_at_true_rate =
				(hits_above +
				 (n_hits - above) * (hits - hits_above) / (all - above)) /
				n_hits;
		}
	}
	return quality;
}

static int
random_rows(Random *random, Row *rows)
{
	int	   n = random_between(random, 2, MAX_N);
	int	   values = random_chance(random, 0.5) ? 5 : 1000000;
	double share = random_unit(random);

	for (int i = 0; i < n; i++)
	{
		rows[i].score = random_between(random, -values, values);
		rows[i].is_hit = random_chance(random, share);
		if (random_chance(random, 0.02))
			rows[i].score = (double[]){NAN, INFINITY, -INFINITY,
									   -0.0}[random_below(random, 4)];
	}
	rows[0].is_hit = true;
	rows[1].is_hit = false;
	return n;
}

static void
figures_are_those_of_plain_counting(void **state)
{
	Random random = random_stream(__func__);
	Row	   rows[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(3000); round++)
	{
		int			   n = random_rows(&random, rows);
		RankingQuality got = judge(rows, n);
		RankingQuality expected = judge_by_counting(rows, n);

		assert_same_double(got.auroc, expected.auroc, round);
		assert_nearly_equal(got.average_precision, expected.average_precision,
							1e-13, round);
		assert_nearly_equal(got.best_f1, expected.best_f1, 1e-14, round);
		assert_nearly_equal(got.precision_at_true_rate,
							expected.precision_at_true_rate, 1e-14, round);
	}
}

/* A score turned around wins what it lost. */
static void
the_opposite_score_has_the_rest(void **state)
{
	Random random = random_stream(__func__);
	Row	   rows[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(1000); round++)
	{
		int			   n = random_rows(&random, rows);
		RankingQuality one;
		RankingQuality other;

		for (int i = 0; i < n; i++)
		{
			if (isnan(rows[i].score))
				rows[i].score = 0;
		}
		one = judge(rows, n);
		for (int i = 0; i < n; i++)
			rows[i].score = -rows[i].score;
		other = judge(rows, n);
		assert_nearly_equal(one.auroc, 1 - other.auroc, 1e-13, round);
	}
}

static void
extremes(void **state)
{
	const Row perfect[] = {{2, true}, {1, true}, {0.5, false}, {-1, false}};
	const Row equal[] = {{7, true}, {7, false}, {7, false}, {7, false}};
	const Row worst[] = {{NAN, false}, {INFINITY, true}};
	RankingQuality quality;

	(void) state;
	quality = judge(perfect, 4);
	assert_same_double(quality.auroc, 1, 0);
	assert_same_double(quality.average_precision, 1, 1);
	assert_same_double(quality.best_f1, 1, 2);
	assert_same_double(quality.precision_at_true_rate, 1, 3);
	quality = judge(equal, 4);
	assert_same_double(quality.auroc, 0.5, 4);
	assert_same_double(quality.average_precision, 0.25, 5);
	assert_same_double(quality.best_f1, 0.4, 6);
	assert_same_double(quality.precision_at_true_rate, 0.25, 7);
	quality = judge(worst, 2);
	assert_same_double(quality.auroc, 0, 8);
	assert_same_double(quality.average_precision, 0.5, 9);
	assert_same_double(quality.precision_at_true_rate, 0, 10);
}

/* Counts beyond 2^31 and products beyond 2^53 stay exact. */
static void
many_pairs(void **state)
{
	enum
	{
		N = 1 << 21
	};
	double		  *hits = allocate(N * sizeof(double));
	double		  *others = allocate(N * sizeof(double));
	RankingQuality quality;

	(void) state;
	for (int i = 0; i < N; i++)
	{
		hits[i] = i;
		others[i] = i - 0.5;
	}
	metaprobe_rank_quality(hits, N, others, N, &quality);
	/* hit i beats the i + 1 others below it */
	assert_same_double(quality.auroc, 0.5 + 0.5 / N, 0);
	free(hits);
	free(others);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_are_those_of_plain_counting),
		cmocka_unit_test(the_opposite_score_has_the_rest),
		cmocka_unit_test(extremes),
		cmocka_unit_test(many_pairs),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("ranking", tests, NULL, NULL);
}
