/*
 * test_packed.c
 *		Unit tests of packed points, and of what is bounded with them.
 */
#include "both_kernels.h"
#include "test.h"

#include "cpu.h"
#include "loss.h"
#include "packed.h"
#include "random.h"
#include "reference_distance.h"
#include "sketch.h"

#define MAX_POINTS 70
#define MAX_COORDINATES 45

/* Packed points with the points they were made of. */
typedef struct Points
{
	float		 values[MAX_POINTS * MAX_COORDINATES];
	int			 n;
	int			 n_coordinates;
	PackedPoints packed;
	PackedQuery	 query;
	void		*memory;
	void		*query_memory;
} Points;

static void
open_random_points(Random *random, Points *points, PackedNorm norm)
{
	CurveStyle style = random_below(random, N_CURVE_STYLES);
	double	   share = random_missing_share(random);
	size_t	   size;

	points->n = random_between(random, 1, MAX_POINTS);
	points->n_coordinates = random_between(random, 1, MAX_COORDINATES);
	random_curve(random, style, share, points->values,
				 points->n * points->n_coordinates);
	size = metaprobe_packed_size(points->n, points->n_coordinates);
	points->memory = allocate(size);
	metaprobe_packed_build(&points->packed, norm, points->values,
						   points->n_coordinates, points->n,
						   points->n_coordinates, points->memory);
	points->query_memory =
		allocate(metaprobe_packed_query_size(points->n_coordinates));
	metaprobe_packed_query_init(&points->query, points->n_coordinates,
								points->query_memory);
}

static void
close_points(Points *points)
{
	free(points->memory);
	free(points->query_memory);
}

/* A point to measure from: of any kind, or near a packed one. */
static int
random_query(Random *random, const Points *points, float *query)
{
	int n = random_chance(random, 0.5) ?
				points->n_coordinates :
				random_between(random, 0, points->n_coordinates);

	random_curve(random, random_below(random, N_CURVE_STYLES),
				 random_missing_share(random), query, n);
	if (random_chance(random, 0.4))
		memcpy(query,
			   points->values +
				   random_below(random, points->n) * points->n_coordinates,
			   n * sizeof(float));
	return n;
}

static bool
is_complete(const Points *points, const float *query, int n)
{
	bool complete = n == points->n_coordinates;

	for (int i = 0; i < n; i++)
		complete &= !isnan(query[i]);
	return complete;
}

/* Over the coordinates known of both, in long double. */
static double
true_distance(const Points *points, int point, const float *query, int n)
{
	const float *values = points->values + point * points->n_coordinates;
	long double	 sum = 0;

	for (int i = 0; i < n; i++)
	{
		long double difference = (long double) query[i] - values[i];

		if (isnan(query[i]) || isnan(values[i]))
			continue;
		sum += points->packed.norm == PACKED_SQUARES ?
				   difference * difference :
				   fabsl(difference);
	}
	return (double) (points->packed.norm == PACKED_SQUARES ? sqrtl(sum) : sum);
}

/* No point within a distance has a packed distance above the threshold. */
static void
packed_distances_bound_the_true_ones(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(4000); round++)
	{
		Points points;

		open_random_points(&random, &points, round % 2);
		for (int i = 0; i < 5; i++)
		{
			float	query[MAX_COORDINATES];
			int32_t distances[MAX_POINTS + PACKED_BLOCK];
			int		n = random_query(&random, &points, query);

			metaprobe_packed_query_set(&points.query, &points.packed, query, n,
									   is_complete(&points, query, n));
			metaprobe_packed_distances(&points.packed, &points.query, 0,
									   points.n, distances);
			for (int point = 0; point < points.n; point++)
			{
				double distance = true_distance(&points, point, query, n);

				assert_that(distances[point] <=
								metaprobe_packed_threshold(&points.packed,
														   &points.query,
														   distance),
							round);
				assert_that(distances[point] >= 0, round);
			}
		}
		close_points(&points);
	}
}

/* Nor are the thresholds of points that could be told apart much too large. */
static void
packed_distances_are_close(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(500); round++)
	{
		Points	points;
		float	query[MAX_COORDINATES];
		int32_t distances[MAX_POINTS + PACKED_BLOCK];

		open_random_points(&random, &points, PACKED_SQUARES);
		for (int i = 0; i < points.n * points.n_coordinates; i++)
			points.values[i] = (float) random_unit(&random);
		metaprobe_packed_build(&points.packed, PACKED_SQUARES, points.values,
							   points.n_coordinates, points.n,
							   points.n_coordinates, points.memory);
		memcpy(query, points.values, points.n_coordinates * sizeof(float));
		metaprobe_packed_query_set(&points.query, &points.packed, query,
								   points.n_coordinates, true);
		metaprobe_packed_distances(&points.packed, &points.query, 0, points.n,
								   distances);
		for (int point = 0; point < points.n; point++)
		{
			double distance =
				true_distance(&points, point, query, points.n_coordinates);

			if (distance > 0.1)
				assert_that(distances[point] >=
								metaprobe_packed_threshold(&points.packed,
														   &points.query,
														   distance * 0.95 -
															   0.02),
							round);
		}
		close_points(&points);
	}
}

/*
 * A query of some coordinates measures what one does that knows no others.
 * Where it has been moved to, it is off by no more than it tells, and by
 * nothing where floats are fine enough.
 */
static void
snapped_coordinates_are_packed_as_they_are(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(2000); round++)
	{
		Points	points;
		float	query[MAX_COORDINATES];
		int32_t expected[MAX_POINTS + PACKED_BLOCK];
		int32_t distances[MAX_POINTS + PACKED_BLOCK];
		int32_t which[MAX_COORDINATES];
		int		n;
		int		n_which = 0;
		double	off;

		open_random_points(&random, &points, round % 2);
		n = random_query(&random, &points, query);
		for (int i = 0; i < n; i++)
		{
			which[n_which] = i;
			n_which += !isnan(query[i]);
		}
		metaprobe_packed_query_set(&points.query, &points.packed, query, n,
								   false);
		metaprobe_packed_distances(&points.packed, &points.query, 0, points.n,
								   expected);
		off = metaprobe_packed_query_snap(&points.query, &points.packed, query,
										  which, n_which);
		metaprobe_packed_distances(&points.packed, &points.query, 0, points.n,
								   distances);
		for (int point = 0; point < points.n; point++)
		{
			double steps = distances[point];
			double most = steps + n_which / 2.0;

			assert_int(distances[point], expected[point], round);
			if (points.packed.norm == PACKED_SQUARES)
				most = sqrt(steps) + sqrt(n_which) / 2;
			most = most * points.packed.grid.step + off;
			assert_that(true_distance(&points, point, query, n) <=
							most * (1 + 1e-9),
						round);
		}
		close_points(&points);
	}
}

static void
variants_agree_to_the_bit(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(4000); round++)
	{
		Points	points;
		float	query[MAX_COORDINATES];
		int32_t best[MAX_POINTS + PACKED_BLOCK];
		int32_t portable[MAX_POINTS + PACKED_BLOCK];

		int n;

		open_random_points(&random, &points, round % 2);
		n = random_query(&random, &points, query);
		metaprobe_packed_query_set(&points.query, &points.packed, query, n,
								   is_complete(&points, query, n));
		metaprobe_packed_distances(&points.packed, &points.query, 0, points.n,
								   best);
		metaprobe_cpu_pretend_portable(true);
		metaprobe_packed_distances(&points.packed, &points.query, 0, points.n,
								   portable);
		metaprobe_cpu_pretend_portable(false);
		for (int point = 0; point < points.n; point++)
			assert_int(best[point], portable[point], round);
		close_points(&points);
	}
}

/* --- sketches --- */

/* Complete curves of a kind, as many as probes and some more to search for. */
static void
random_complete_curves(Random *random, float *curves, int n, int n_epochs)
{
	CurveStyle style = random_below(random, N_CURVE_STYLES);

	random_curve(random, style, 0, curves, n * n_epochs);
	for (int i = 0; i < n * n_epochs; i++)
	{
		if (isnan(curves[i]))
			curves[i] = 0;
	}
	/* constant ones, zero ones, and equal ones */
	for (int i = 0; i < n; i++)
	{
		if (random_chance(random, 0.1))
			memcpy(curves + i * n_epochs,
				   curves + random_below(random, n) * n_epochs,
				   n_epochs * sizeof(float));
		for (int epoch = 0; random_chance(random, 0.03) && epoch < n_epochs;
			 epoch++)
			curves[i * n_epochs + epoch] = (float) (i % 2);
	}
}

static double
reference_distance(Metric metric, const float *a, const float *b, int n)
{
	switch (metric)
	{
		case METRIC_L2:
			return lane_l2_distance(a, b, n, n);
		case METRIC_L1:
			return lane_l1_distance(a, b, n, n);
		case METRIC_COSINE:
			return lane_cosine_distance(a, b, n, n);
		default:
			return lane_correlation_distance(a, b, n, n);
	}
}

/* No probe is ruled out by its sketch at its own distance. */
static void
sketches_bound_the_distances(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(2000); round++)
	{
		static float curves[MAX_POINTS * MAX_COORDINATES];
		ProbeCurves	 probes = {.losses = curves, .metric = round % 4};
		Sketch		 sketch;
		SketchQuery	 query;
		void		*memory;
		void		*workspace;
		void		*query_memory;

		probes.n_probes = random_between(&random, 2, MAX_POINTS - 10);
		probes.n_epochs = random_between(&random, 1, MAX_COORDINATES);
		probes.k = random_between(&random, 1, probes.n_probes);
		random_complete_curves(&random, curves, probes.n_probes + 10,
							   probes.n_epochs);
		memory = allocate(metaprobe_sketch_size(&probes));
		workspace = allocate(metaprobe_sketch_workspace_size(&probes));
		metaprobe_sketch_build(&sketch, &probes, memory, workspace);
		free(workspace);
		query_memory = allocate(metaprobe_sketch_query_size(probes.n_epochs));
		metaprobe_sketch_query_init(&query, probes.n_epochs, query_memory);

		for (int row = 0; row < probes.n_probes + 10; row++)
		{
			const float *curve = metaprobe_probe_curve(&probes, row);
			int32_t		 bounds[MAX_POINTS + PACKED_BLOCK];

			if (!metaprobe_sketch_query_set(&query, &sketch, curve))
				continue;
			metaprobe_packed_distances(&sketch.packed, &query.packed, 0,
									   probes.n_probes, bounds);
			for (int probe = 0; probe < probes.n_probes; probe++)
			{
				double distance =
					reference_distance(probes.metric, curve,
									   metaprobe_probe_curve(&probes, probe),
									   probes.n_epochs);

				if (!isnan(distance))
					assert_that(bounds[probe] <=
									metaprobe_sketch_threshold(&sketch, &query,
															   distance),
								round);
			}
		}
		free(memory);
		free(query_memory);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_both_kernels(packed_distances_bound_the_true_ones),
		test_with_both_kernels(packed_distances_are_close),
		test_with_both_kernels(snapped_coordinates_are_packed_as_they_are),
		test_with_both_kernels(variants_agree_to_the_bit),
		test_with_both_kernels(sketches_bound_the_distances),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("packed", tests, NULL, NULL);
}
