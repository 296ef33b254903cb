/*
 * distance.c
 *		Distances between loss curves, epoch by epoch.
 *
 * The loops are written lane by lane so that a compiler may use SIMD without
 * changing a bit; this file must be compiled without FMA contraction and
 * without -ffast-math.
 */
#include "distance.h"

#include <math.h>
#include <stdbool.h>

#define METAPROBE_LANES 4

/* One sum, kept in lanes.  Epoch i always goes to lane i % METAPROBE_LANES. */
typedef struct LaneSum
{
	double lane[METAPROBE_LANES];
} LaneSum;

static inline double
lane_total(const LaneSum *sum)
{
	return (sum->lane[0] + sum->lane[1]) + (sum->lane[2] + sum->lane[3]);
}

/*
 * Run body(lane, i) for every epoch i below n, in order, with the lanes of a
 * full block side by side.
 */
#define FOR_EACH_EPOCH(n, body) \
	do \
	{ \
		int full_ = (n) - (n) % METAPROBE_LANES; \
		for (int i_ = 0; i_ < full_; i_ += METAPROBE_LANES) \
			for (int lane_ = 0; lane_ < METAPROBE_LANES; lane_++) \
				body(lane_, i_ + lane_); \
		for (int lane_ = 0; full_ + lane_ < (n); lane_++) \
			body(lane_, full_ + lane_); \
	} while (0)

/* What scales a sum over the observed epochs to one over the full length. */
static inline double
length_scale(double observed, int full_length)
{
	return (double) full_length / observed;
}

double
metaprobe_l2_distance(const float *a, const float *b, int n, int full_length)
{
	LaneSum squares = {{0}};
	LaneSum observed = {{0}};
	double	count;

#define L2_STEP(l, i) \
	do \
	{ \
		double d_ = (double) a[i] - (double) b[i]; \
		squares.lane[l] += (d_ == d_) ? d_ * d_ : 0.0; \
		observed.lane[l] += (d_ == d_) ? 1.0 : 0.0; \
	} while (0)

	FOR_EACH_EPOCH(n, L2_STEP);
	count = lane_total(&observed);
	if (count == 0)
		return NAN;
	return sqrt(lane_total(&squares) * length_scale(count, full_length));
}

double
metaprobe_l1_distance(const float *a, const float *b, int n, int full_length)
{
	LaneSum differences = {{0}};
	LaneSum observed = {{0}};
	double	count;

#define L1_STEP(l, i) \
	do \
	{ \
		double d_ = (double) a[i] - (double) b[i]; \
		differences.lane[l] += (d_ == d_) ? fabs(d_) : 0.0; \
		observed.lane[l] += (d_ == d_) ? 1.0 : 0.0; \
	} while (0)

	FOR_EACH_EPOCH(n, L1_STEP);
	count = lane_total(&observed);
	if (count == 0)
		return NAN;
	return lane_total(&differences) * length_scale(count, full_length);
}

/*
 * 1 - ab / sqrt(aa * bb), within [0, 2]; undefined if either vector is zero.
 * Taking one root of the product makes the distance of a vector to itself
 * exactly 0.
 */
static double
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

double
metaprobe_cosine_distance(const float *a, const float *b, int n,
						  int full_length)
{
	LaneSum ab = {{0}};
	LaneSum aa = {{0}};
	LaneSum bb = {{0}};

	(void) full_length; /* the scale cancels out */

#define COSINE_STEP(l, i) \
	do \
	{ \
		double x_ = a[i]; \
		double y_ = b[i]; \
		bool   joint_ = (x_ == x_) && (y_ == y_); \
		ab.lane[l] += joint_ ? x_ * y_ : 0.0; \
		aa.lane[l] += joint_ ? x_ * x_ : 0.0; \
		bb.lane[l] += joint_ ? y_ * y_ : 0.0; \
	} while (0)

	FOR_EACH_EPOCH(n, COSINE_STEP);
	return one_minus_cosine(lane_total(&ab), lane_total(&aa), lane_total(&bb));
}

/*
 * Is either curve constant over the jointly observed epochs (or are there
 * none)?  Decided by comparison: a rounded mean would leave a residue.
 */
static bool
either_is_constant(const float *a, const float *b, int n)
{
	int	 first = -1;
	bool a_varies = false;
	bool b_varies = false;

	for (int i = 0; i < n && !(a_varies && b_varies); i++)
	{
		if (a[i] != a[i] || b[i] != b[i])
			continue;
		if (first < 0)
			first = i;
		a_varies |= a[i] != a[first];
		b_varies |= b[i] != b[first];
	}
	return !(a_varies && b_varies);
}

double
metaprobe_correlation_distance(const float *a, const float *b, int n,
							   int full_length)
{
	LaneSum sum_a = {{0}};
	LaneSum sum_b = {{0}};
	LaneSum observed = {{0}};
	LaneSum ab = {{0}};
	LaneSum aa = {{0}};
	LaneSum bb = {{0}};
	double	mean_a;
	double	mean_b;

	(void) full_length; /* the scale cancels out */

	if (either_is_constant(a, b, n))
		return NAN;

#define MEAN_STEP(l, i) \
	do \
	{ \
		double x_ = a[i]; \
		double y_ = b[i]; \
		bool   joint_ = (x_ == x_) && (y_ == y_); \
		sum_a.lane[l] += joint_ ? x_ : 0.0; \
		sum_b.lane[l] += joint_ ? y_ : 0.0; \
		observed.lane[l] += joint_ ? 1.0 : 0.0; \
	} while (0)

	FOR_EACH_EPOCH(n, MEAN_STEP);
	mean_a = lane_total(&sum_a) / lane_total(&observed);
	mean_b = lane_total(&sum_b) / lane_total(&observed);

#define CORRELATION_STEP(l, i) \
	do \
	{ \
		double x_ = (double) a[i] - mean_a; \
		double y_ = (double) b[i] - mean_b; \
		bool   joint_ = (x_ == x_) && (y_ == y_); \
		ab.lane[l] += joint_ ? x_ * y_ : 0.0; \
		aa.lane[l] += joint_ ? x_ * x_ : 0.0; \
		bb.lane[l] += joint_ ? y_ * y_ : 0.0; \
	} while (0)

	FOR_EACH_EPOCH(n, CORRELATION_STEP);
	return one_minus_cosine(lane_total(&ab), lane_total(&aa), lane_total(&bb));
}
