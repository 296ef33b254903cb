/*
 * test_sketch.c
 *		Unit tests of sketches: no probe's is farther away than the probe.
 */
#include "both_kernels.h"
#include "test.h"

#include "one_distance.h"
#include "random.h"
#include "sketch.h"

#define MAX_PROBES 60
#define MAX_EPOCHS 20

/* Probes with a sketch, in memory of their own. */
typedef struct Sketched
{
	float		losses[MAX_PROBES * MAX_EPOCHS];
	float		row[MAX_EPOCHS];
	ProbeCurves probes;
	Sketch		sketch;
	SketchQuery query;
	void	   *memory;
	void	   *query_memory;
} Sketched;

static void
open_sketch(Sketched *sketched)
{
	const ProbeCurves *probes = &sketched->probes;
	void *workspace = allocate(metaprobe_sketch_workspace_size(probes));

	sketched->probes.losses = sketched->losses;
	sketched->memory = allocate(metaprobe_sketch_size(probes));
	metaprobe_sketch_build(&sketched->sketch, probes, sketched->memory,
						   workspace);
	free(workspace);
	sketched->query_memory =
		allocate(metaprobe_sketch_query_size(probes->n_epochs));
	metaprobe_sketch_query_init(&sketched->query, probes->n_epochs,
								sketched->query_memory);
}

static void
close_sketch(Sketched *sketched)
{
	free(sketched->memory);
	free(sketched->query_memory);
}

/* No bound is above the threshold of the probe's own distance. */
static void
assert_bounds_hold(Sketched *sketched, int number)
{
	const ProbeCurves *probes = &sketched->probes;
	int				   n = probes->n_epochs;
	int32_t			   bounds[MAX_PROBES + PACKED_BLOCK];

	if (!metaprobe_sketch_query_set(&sketched->query, &sketched->sketch,
									sketched->row))
		return;
	metaprobe_packed_distances(&sketched->sketch.packed,
							   &sketched->query.packed, 0, probes->n_probes,
							   bounds);
	for (int probe = 0; probe < probes->n_probes; probe++)
	{
		double distance =
			one_distance(probes->metric, sketched->row,
						 metaprobe_probe_curve(probes, probe), n, n);

		if (!isnan(distance))
			assert_that(bounds[probe] <=
							metaprobe_sketch_threshold(&sketched->sketch,
													   &sketched->query,
													   distance),
						number);
	}
}

static void
random_shape(Random *random, Sketched *sketched, int round)
{
	sketched->probes =
		(ProbeCurves){.n_probes = random_between(random, 2, MAX_PROBES),
					  .n_epochs = random_between(random, 1,
												 random_chance(random, 0.5) ?
													 4 :
													 MAX_EPOCHS),
					  .metric = round % METRIC_DTW};
}

/*
 * Losses around a middle, spread by so much; rows lie so many spreads away, in
 * which rounding a float loses more than a step of the sketches.
 */
static void
sketches_bound_distances(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(2000); round++)
	{
		Sketched sketched;
		double	 spread = ldexp(1, random_between(&random, -149, 126));
		double	 middle = random_chance(&random, 0.3) ?
							  spread * ldexp(1, random_between(&random, 0, 24)) :
							  0;
		int		 n;

		if (middle > 1e38)
			middle = 0;
		random_shape(&random, &sketched, round);
		n = sketched.probes.n_epochs;
		for (int i = 0; i < sketched.probes.n_probes * n; i++)
			sketched.losses[i] =
				(float) (middle + spread * random_unit(&random));
		open_sketch(&sketched);
		for (int i = 0; i < 8; i++)
		{
			double away = i < 2 ? 1 : ldexp(1, random_between(&random, 0, 20));

			if (spread * away > 1e38)
				away = 1;
			for (int j = 0; j < n; j++)
				sketched.row[j] =
					(float) (middle +
							 spread * away * (2 * random_unit(&random) - 1));
			assert_bounds_hold(&sketched, round);
		}
		close_sketch(&sketched);
	}
}

/*
 * Probes whose norm is about the largest that a sketch is made of: those beyond
 * are not ruled out.
 */
static void
what_has_no_sketch_is_not_ruled_out(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(500); round++)
	{
		Sketched sketched;
		double	 scale = ldexp(1, random_between(&random, 98, 101));
		int		 n;

		random_shape(&random, &sketched, round);
		n = sketched.probes.n_epochs;
		for (int i = 0; i < sketched.probes.n_probes * n; i++)
			sketched.losses[i] =
				(float) (scale * (2 * random_unit(&random) - 1));
		open_sketch(&sketched);
		for (int i = 0; i < 8; i++)
		{
			int probe = random_below(&random, sketched.probes.n_probes);

			for (int j = 0; j < n; j++)
				sketched.row[j] = sketched.losses[probe * n + j] * 0.9f;
			assert_bounds_hold(&sketched, round);
		}
		close_sketch(&sketched);
	}
}

/* Missing losses, and what an angular metric leaves undefined. */
static void
curves_without_a_sketch_are_told(void **state)
{
	(void) state;
	for (int metric = 0; metric < METRIC_DTW; metric++)
	{
		Sketched sketched = {.losses = {1, 2, 3, 2, 1, 5, 4, 4, 1},
							 .row = {1, 2, NAN},
							 .probes = {.n_probes = 3,
										.n_epochs = 3,
										.metric = metric}};

		open_sketch(&sketched);
		assert_that(!metaprobe_sketch_query_set(&sketched.query,
												&sketched.sketch,
												sketched.row),
					metric);
		memset(sketched.row, 0, sizeof(sketched.row));
		assert_int(metaprobe_sketch_query_set(&sketched.query,
											  &sketched.sketch, sketched.row),
				   !metaprobe_is_angular(metric), metric);
		close_sketch(&sketched);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_both_kernels(sketches_bound_distances),
		test_with_both_kernels(what_has_no_sketch_is_not_ruled_out),
		cmocka_unit_test(curves_without_a_sketch_are_told),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("sketch", tests, NULL, NULL);
}
