/*
 * distance.c
 *		Distances between loss curves, epoch by epoch.
 *
 * The kernels' source is distance_kernels.h.  Their vectors are as wide as the
 * registers of the variant: 16 bytes are what every 64-bit target has.
 */
#include "distance.h"

#include <assert.h>
#include <math.h>

#include "cpu.h"
#include "loss.h"

/* A variant's kernels, by metric. */
typedef struct DistanceKernels
{
	DistanceFunction any[METRIC_CORRELATION + 1];
	DistanceFunction complete[METRIC_CORRELATION + 1];
	double (*mean)(const float *a, int n);
	void (*inner)(const float *a, double from_a, const float *const *others,
				  const double *from_others, int n_others, int n,
				  double *products);
} DistanceKernels;

/*
 * 1 - ab / sqrt(aa * bb), within [0, 2]; undefined if either vector is zero.
 * Taking one root of the product makes the distance of a vector to itself
 * exactly 0.
 */
static inline double
one_minus_cosine(double ab, double aa, double bb)
{
	double distance;

	if (aa == 0 || bb == 0)
		return NAN;
	distance = 1.0 - ab / sqrt(aa * bb);
	if (distance < 0)
		return 0;
	return distance > 2 ? 2 : distance;
}

/* Run the statement for every vector of losses, from i on, the v-th of a block. */
#define FOR_EACH_VECTOR(i, v, n) \
	for (int block_ = 0; block_ < (n); block_ += N_LANES) \
		for (int v = 0, i = block_; v < N_VECTORS; v++, i += WIDTH)

/*
 * Add the n epochs of a and of the others to sums by add(), which takes whole
 * blocks of lanes, and an option.  The last epochs are filled up: with zeroes
 * where those add nothing, else with missing losses, and have an option of their
 * own.
 */
#define ADD_EPOCHS(add, fill, sums, a, others, batch, n, option, rest_option, \
				   zeroes_add_nothing) \
	do \
	{ \
		int rest_ = (n) % N_LANES; \
		int whole_ = (n) -rest_; \
\
		add(sums, a, others, batch, whole_, option); \
		if (rest_ > 0) \
		{ \
			float		 a_[N_LANES]; \
			float		 b_[MAX_BATCH][N_LANES]; \
			const float *others_[MAX_BATCH]; \
\
			fill(a_, (a) + whole_, rest_, zeroes_add_nothing); \
			for (int j_ = 0; j_ < (batch); j_++) \
			{ \
				fill(b_[j_], (others)[j_] + whole_, rest_, \
					 zeroes_add_nothing); \
				others_[j_] = b_[j_]; \
			} \
			add(sums, a_, others_, batch, N_LANES, rest_option); \
		} \
	} while (0)

/* How many curves a kernel compares a curve with at once. */
#define MAX_BATCH 4

#define WIDTH 2
#define VARIANT(f) f##_portable
#define TARGET
#include "distance_kernels.h"

#ifdef METAPROBE_HAVE_AVX2_KERNELS
#include <immintrin.h>
#define WIDTH 4
#define VARIANT(f) f##_avx2
#define TARGET __attribute__((target("avx2")))
#include "distance_kernels.h"
#endif

static const DistanceKernels *
best_kernels(void)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
		return &kernels_avx2;
#endif
	return &kernels_portable;
}

/*
 * The fastest kernel of a lengthwise or angular metric that this CPU has.
 * is_complete promises that no loss given to it will be missing.
 */
DistanceFunction
metaprobe_distance_function(Metric metric, bool is_complete)
{
	const DistanceKernels *kernels = best_kernels();

	assert(metric <= METRIC_CORRELATION);
	return is_complete ? kernels->complete[metric] : kernels->any[metric];
}

/*
 * What an angular distance asks of one curve alone, which has no missing loss:
 * for a curve that is compared with many.
 */
AngularCurve
metaprobe_angular_curve(Metric metric, const float *losses, int n)
{
	const DistanceKernels *kernels = best_kernels();
	AngularCurve		   curve = {losses, 0, 0};

	if (metric == METRIC_CORRELATION)
		curve.mean = kernels->mean(losses, n);
	kernels->inner(losses, curve.mean, &losses, &curve.mean, 1, n,
				   &curve.square);
	return curve;
}

/*
 * The angular distances of a curve of n epochs from up to ANGULAR_AT_ONCE
 * others: the same bits as metaprobe_distance_function() gives.
 */
void
metaprobe_angular_distances(const AngularCurve *curve,
							const AngularCurve *others, int n_others, int n,
							double *distances)
{
	const float *losses[ANGULAR_AT_ONCE];
	double		 means[ANGULAR_AT_ONCE];

	for (int i = 0; i < n_others; i++)
	{
		losses[i] = others[i].losses;
		means[i] = others[i].mean;
	}
	best_kernels()->inner(curve->losses, curve->mean, losses, means, n_others,
						  n, distances);
	for (int i = 0; i < n_others; i++)
		distances[i] =
			one_minus_cosine(distances[i], curve->square, others[i].square);
}
