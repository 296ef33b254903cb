/*
 * reference_distance.h
 *		The epoch-by-epoch distances once more, slowly, as references.
 *
 * Over four lanes to compare bits with, and after the textbook in long double
 * to compare values with.  Neither shares a line with the core.
 */
#ifndef METAPROBE_TEST_REFERENCE_DISTANCE_H
#define METAPROBE_TEST_REFERENCE_DISTANCE_H

#include "test.h"

/* The jointly observed epochs of two curves, NaN at all others. */
typedef struct JointCurves
{
	double *a;
	double *b;
	int		n;
	int		observed;
} JointCurves;

static inline JointCurves
join_curves(const float *a, const float *b, int n)
{
	JointCurves joint = {allocate(n * sizeof(double)),
						 allocate(n * sizeof(double)), n, 0};

	for (int i = 0; i < n; i++)
	{
		bool both = !isnan(a[i]) && !isnan(b[i]);

		joint.a[i] = both ? a[i] : NAN;
		joint.b[i] = both ? b[i] : NAN;
		joint.observed += both;
	}
	return joint;
}

static inline void
free_joint(JointCurves *joint)
{
	free(joint->a);
	free(joint->b);
}

/* The sum of values that are not NaN: value i in lane i % 4, lanes in pairs. */
static inline double
sum_in_lanes(const double *values, int n)
{
	double lanes[4] = {0, 0, 0, 0};

	for (int i = 0; i < n; i++)
	{
		if (!isnan(values[i]))
			lanes[i % 4] += values[i];
	}
	return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

static inline double
sum_of_products(const double *a, const double *b, int n)
{
	double *products = allocate(n * sizeof(double));
	double	sum;

	for (int i = 0; i < n; i++)
		products[i] = a[i] * b[i];
	sum = sum_in_lanes(products, n);
	free(products);
	return sum;
}

static inline double
lane_cosine(const double *a, const double *b, int n)
{
	double ab = sum_of_products(a, b, n);
	double aa = sum_of_products(a, a, n);
	double bb = sum_of_products(b, b, n);

	if (aa == 0 || bb == 0)
		return NAN;
	return fmin(fmax(1 - ab / sqrt(aa * bb), 0), 2);
}

static inline bool
is_constant(const double *values, int n)
{
	double least = INFINITY;
	double greatest = -INFINITY;

	for (int i = 0; i < n; i++)
	{
		if (values[i] < least)
			least = values[i];
		if (values[i] > greatest)
			greatest = values[i];
	}
	return !(least < greatest);
}

static inline double
lane_l2_distance(const float *a, const float *b, int n, int full_length)
{
	JointCurves joint = join_curves(a, b, n);
	double		sum;

	for (int i = 0; i < n; i++)
		joint.a[i] -= joint.b[i];
	sum = sum_of_products(joint.a, joint.a, n);
	free_joint(&joint);
	if (joint.observed == 0)
		return NAN;
	return sqrt(sum * ((double) full_length / joint.observed));
}

static inline double
lane_l1_distance(const float *a, const float *b, int n, int full_length)
{
	JointCurves joint = join_curves(a, b, n);
	double		sum;

	for (int i = 0; i < n; i++)
		joint.a[i] = fabs(joint.a[i] - joint.b[i]);
	sum = sum_in_lanes(joint.a, n);
	free_joint(&joint);
	if (joint.observed == 0)
		return NAN;
	return sum * ((double) full_length / joint.observed);
}

static inline double
lane_cosine_distance(const float *a, const float *b, int n, int full_length)
{
	JointCurves joint = join_curves(a, b, n);
	double		distance = lane_cosine(joint.a, joint.b, n);

	(void) full_length;
	free_joint(&joint);
	return distance;
}

static inline double
lane_correlation_distance(const float *a, const float *b, int n,
						  int full_length)
{
	JointCurves joint = join_curves(a, b, n);
	double		mean_a = sum_in_lanes(joint.a, n) / joint.observed;
	double		mean_b = sum_in_lanes(joint.b, n) / joint.observed;
	double		distance = NAN;

	(void) full_length;
	if (!is_constant(joint.a, n) && !is_constant(joint.b, n))
	{
		for (int i = 0; i < n; i++)
		{
			joint.a[i] -= mean_a;
			joint.b[i] -= mean_b;
		}
		distance = lane_cosine(joint.a, joint.b, n);
	}
	free_joint(&joint);
	return distance;
}

/* Sums over the jointly observed epochs, of powers about two centres. */
static inline long double
plain_sum(const float *a, const float *b, int n, int power_a, long double at_a,
		  int power_b, long double at_b)
{
	long double sum = 0;

	for (int i = 0; i < n; i++)
	{
		long double term = 1;

		if (isnan(a[i]) || isnan(b[i]))
			continue;
		for (int p = 0; p < power_a; p++)
			term *= a[i] - at_a;
		for (int p = 0; p < power_b; p++)
			term *= b[i] - at_b;
		sum += term;
	}
	return sum;
}

/* scikit-learn's nan_euclidean_distances. */
static inline double
plain_l2_distance(const float *a, const float *b, int n, int full_length)
{
	long double observed = plain_sum(a, b, n, 0, 0, 0, 0);
	long double sum = 0;

	for (int i = 0; i < n; i++)
	{
		long double difference = (long double) a[i] - b[i];

		if (!isnan(difference))
			sum += difference * difference;
	}
	return observed > 0 ? (double) sqrtl(full_length / observed * sum) : NAN;
}

static inline double
plain_l1_distance(const float *a, const float *b, int n, int full_length)
{
	long double observed = plain_sum(a, b, n, 0, 0, 0, 0);
	long double sum = 0;

	for (int i = 0; i < n; i++)
	{
		long double difference = (long double) a[i] - b[i];

		if (!isnan(difference))
			sum += fabsl(difference);
	}
	return observed > 0 ? (double) (full_length / observed * sum) : NAN;
}

static inline double
plain_cosine_distance(const float *a, const float *b, int n, int full_length)
{
	long double aa = plain_sum(a, b, n, 2, 0, 0, 0);
	long double bb = plain_sum(a, b, n, 0, 0, 2, 0);

	(void) full_length;
	if (aa == 0 || bb == 0)
		return NAN;
	return (double) (1 -
					 plain_sum(a, b, n, 1, 0, 1, 0) / (sqrtl(aa) * sqrtl(bb)));
}

static inline double
plain_correlation_distance(const float *a, const float *b, int n,
						   int full_length)
{
	long double observed = plain_sum(a, b, n, 0, 0, 0, 0);
	long double at_a = plain_sum(a, b, n, 1, 0, 0, 0) / observed;
	long double at_b = plain_sum(a, b, n, 0, 0, 1, 0) / observed;
	JointCurves joint = join_curves(a, b, n);
	bool		undefined = is_constant(joint.a, n) || is_constant(joint.b, n);

	(void) full_length;
	free_joint(&joint);
	if (undefined)
		return NAN;
	return (double) (1 - plain_sum(a, b, n, 1, at_a, 1, at_b) /
							 (sqrtl(plain_sum(a, b, n, 2, at_a, 0, 0)) *
							  sqrtl(plain_sum(a, b, n, 0, 0, 2, at_b))));
}

#endif /* METAPROBE_TEST_REFERENCE_DISTANCE_H */
