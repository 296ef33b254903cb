/*
 * distance.c
 *		Distances between loss curves, epoch by epoch.
 *
 * Sums are kept in pairs of lanes, a vector type of 16 bytes that compilers
 * map to the SIMD that every 64-bit target has.  Each lane is computed as a
 * scalar would be, so that does not change a bit, provided this file is
 * compiled without FMA contraction and without -ffast-math.
 */
#include "distance.h"

#include <math.h>

#include "loss.h"

#define N_LANES METAPROBE_LANES
#define N_PAIRS (N_LANES / 2)

typedef float	PairOfLosses __attribute__((vector_size(2 * sizeof(float))));
typedef double	Pair __attribute__((vector_size(2 * sizeof(double))));
typedef int64_t PairMask __attribute__((vector_size(2 * sizeof(int64_t))));

static inline Pair
load_pair(const float *losses)
{
	PairOfLosses pair;

	memcpy(&pair, losses, sizeof(pair));
	return __builtin_convertvector(pair, Pair);
}

/* The values where the mask is set, +0 elsewhere. */
static inline Pair
keep_pair(Pair values, PairMask mask)
{
	return (Pair) ((PairMask) values & mask);
}

static inline double
lane_total(const Pair *sum)
{
	return (sum[0][0] + sum[0][1]) + (sum[1][0] + sum[1][1]);
}

/* Masks are -1 where set, so their sum is minus the count. */
static inline double
lane_count(const PairMask *sum)
{
	return -(double) (sum[0][0] + sum[0][1] + sum[1][0] + sum[1][1]);
}

/* Run the statement for every pair i of losses and its place p in the lanes. */
#define FOR_EACH_PAIR(i, p, n) \
	for (int block_ = 0; block_ < (n); block_ += N_LANES) \
		for (int p = 0, i = block_; p < N_PAIRS; p++, i += 2)

/*
 * Add the n epochs of a and b to sums by add(sums, a, b, n), which takes whole
 * blocks of lanes: the last epochs are filled up with missing ones.
 */
#define ADD_EPOCHS(add, sums, a, b, n) \
	do \
	{ \
		int rest_ = (n) % N_LANES; \
		int whole_ = (n) -rest_; \
\
		add(sums, a, b, whole_); \
		if (rest_ > 0) \
		{ \
			float a_[N_LANES]; \
			float b_[N_LANES]; \
\
			fill_block(a_, (a) + whole_, rest_); \
			fill_block(b_, (b) + whole_, rest_); \
			add(sums, a_, b_, N_LANES); \
		} \
	} while (0)

static inline void
fill_block(float *block, const float *losses, int n)
{
	for (int i = 0; i < N_LANES; i++)
		block[i] = i < n ? losses[i] : metaprobe_missing_loss();
}

/* Sums of the lengthwise distances: of |d| or of its square. */
typedef struct DifferenceSums
{
	Pair	 sums[N_PAIRS];
	PairMask observed[N_PAIRS];
} DifferenceSums;

static inline void
add_squares(DifferenceSums *s, const float *a, const float *b, int n)
{
	FOR_EACH_PAIR (i, p, n)
	{
		Pair	 difference = load_pair(a + i) - load_pair(b + i);
		PairMask joint = difference == difference;

		s->sums[p] += keep_pair(difference * difference, joint);
		s->observed[p] += joint;
	}
}

static inline void
add_sizes(DifferenceSums *s, const float *a, const float *b, int n)
{
	const PairMask no_sign = {INT64_MAX, INT64_MAX};

	FOR_EACH_PAIR (i, p, n)
	{
		Pair	 difference = load_pair(a + i) - load_pair(b + i);
		PairMask joint = difference == difference;

		s->sums[p] += keep_pair(difference, joint & no_sign);
		s->observed[p] += joint;
	}
}

/* The sum scaled to the full length; NaN without a jointly observed epoch. */
static inline double
scaled_total(const DifferenceSums *s, int full_length)
{
	double observed = lane_count(s->observed);

	if (observed == 0)
		return NAN;
	return lane_total(s->sums) * (full_length / observed);
}

double
metaprobe_l2_distance(const float *a, const float *b, int n, int full_length)
{
	DifferenceSums s = {0};

	ADD_EPOCHS(add_squares, &s, a, b, n);
	return sqrt(scaled_total(&s, full_length));
}

double
metaprobe_l1_distance(const float *a, const float *b, int n, int full_length)
{
	DifferenceSums s = {0};

	ADD_EPOCHS(add_sizes, &s, a, b, n);
	return scaled_total(&s, full_length);
}

/* Sums of products over the jointly observed epochs. */
typedef struct ProductSums
{
	Pair ab[N_PAIRS];
	Pair aa[N_PAIRS];
	Pair bb[N_PAIRS];
	Pair from_a; /* what is first taken from each loss of a, and of b */
	Pair from_b;
} ProductSums;

static inline void
add_products(ProductSums *s, const float *a, const float *b, int n)
{
	FOR_EACH_PAIR (i, p, n)
	{
		Pair	 x = load_pair(a + i) - s->from_a;
		Pair	 y = load_pair(b + i) - s->from_b;
		PairMask joint = (x == x) & (y == y);

		s->ab[p] += keep_pair(x * y, joint);
		s->aa[p] += keep_pair(x * x, joint);
		s->bb[p] += keep_pair(y * y, joint);
	}
}

/*
 * 1 - ab / sqrt(aa * bb), within [0, 2]; undefined if either vector is zero.
 * Taking one root of the product makes the distance of a vector to itself
 * exactly 0.
 */
static double
one_minus_cosine(const ProductSums *s)
{
	double aa = lane_total(s->aa);
	double bb = lane_total(s->bb);
	double distance;

	if (aa == 0 || bb == 0)
		return NAN;
	distance = 1.0 - lane_total(s->ab) / sqrt(aa * bb);
	if (distance < 0)
		return 0;
	return distance > 2 ? 2 : distance;
}

double
metaprobe_cosine_distance(const float *a, const float *b, int n,
						  int full_length)
{
	ProductSums s = {0};

	(void) full_length; /* the scale cancels out */

	ADD_EPOCHS(add_products, &s, a, b, n);
	return one_minus_cosine(&s);
}

/* Sums of the jointly observed losses of both curves. */
typedef struct LossSums
{
	Pair	 a[N_PAIRS];
	Pair	 b[N_PAIRS];
	PairMask observed[N_PAIRS];
} LossSums;

static inline void
add_losses(LossSums *s, const float *a, const float *b, int n)
{
	FOR_EACH_PAIR (i, p, n)
	{
		Pair	 x = load_pair(a + i);
		Pair	 y = load_pair(b + i);
		PairMask joint = (x == x) & (y == y);

		s->a[p] += keep_pair(x, joint);
		s->b[p] += keep_pair(y, joint);
		s->observed[p] += joint;
	}
}

/*
 * Undefined if either curve is constant: the sum of so many equal floats is
 * exact in double, and so is their mean, so that nothing of them is left.
 */
double
metaprobe_correlation_distance(const float *a, const float *b, int n,
							   int full_length)
{
	LossSums	losses = {0};
	ProductSums s = {0};

	(void) full_length; /* the scale cancels out */

	ADD_EPOCHS(add_losses, &losses, a, b, n);
	s.from_a += lane_total(losses.a) / lane_count(losses.observed);
	s.from_b += lane_total(losses.b) / lane_count(losses.observed);
	ADD_EPOCHS(add_products, &s, a, b, n);
	return one_minus_cosine(&s);
}
