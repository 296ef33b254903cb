/*
 * fitted_space.c
 *		The space in which a fitted suite measures distances.
 *
 * The matrix whitens: within the labels the mapped probes have about unit
 * covariance, so that epochs count by what they tell and not by how large
 * their losses are.  Any square root of the inverse covariance gives the same
 * distances (those of Mahalanobis, Proc. Nat. Inst. Sci. India 2, 1936); the
 * triangular one is taken because it is nested (see fitted_space.h) and needs
 * no eigensolver.  The covariance of few curves is shrunk towards a multiple of
 * the identity (O. Ledoit, M. Wolf, J. Multivariate Analysis 88, 2004).
 *
 * The kernels' source is fitted_kernels.h.
 */
#include "fitted_space.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "cpu.h"
#include "loss.h"
#include "poll.h"

typedef struct FittedKernels
{
	void (*add_multiple)(double *y, double factor, const double *x, int n);
	void (*multiply_triangle)(const double *triangle, int n_rows,
							  const double *x, double *y, int n);
	void (*widen)(const float *losses, double *x, int n);
	void (*take_cube_roots)(double *x, int n);
	void (*take_logarithms)(double *x, int n);
	bool (*narrow)(const double *y, float *point, int n);
} FittedKernels;

ALWAYS_INLINE uint64_t
bits_of(double x)
{
	uint64_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

ALWAYS_INLINE double
double_of(uint64_t bits)
{
	double x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/*
 * The scales are for finite floats, and have no branches.  What they make of a
 * missing loss does not matter.
 */

/*
 * The cube root.  A third of the bits is a
 * guess to about 5 bits (W. Kahan, K.-C. Ng), of which each of Halley's steps
 * trebles the number.
 */
ALWAYS_INLINE double
cube_root(double x)
{
	double	 size = fabs(x);
	uint64_t third = (bits_of(size) >> 32) * 0xAAAAAAAB >> 33;
	double	 root = double_of((third + 715094163) << 32);
	double little = 0x1p-200; /* nothing beside the root of any other float */

	for (int step = 0; step < 3; step++)
	{
		double cube = root * root * root;

		root = root * ((cube + 2 * size) / (2 * cube + size));
	}
	return copysign((root + little) - little, x); /* the root of 0 is 0 */
}

/*
 * log(1 + 1000 |x|) with the sign of x.  A number is 2^power m with m about 1, and log(m) = 2 artanh((m - 1) / (m + 1)).
 * The first term left out is below 2^-57 of the sum.
 */
ALWAYS_INLINE double
signed_logarithm(double x)
{
	const uint64_t root_of_half = UINT64_C(0x3fe6a09e667f3bcd);
	const double   big = 0x1p52;
	const double   log_of_two = 0x1.62e42fefa38p-1; /* times 1023 is exact */
	const double   log_of_two_rest = 0x1.ef35793c7673p-45;
	uint64_t	   bits = bits_of(1 + 1000 * fabs(x));
	uint64_t	   power = (bits - root_of_half) >> 52;
	double		   n = double_of(bits_of(big) | power) - big;
	double		   m = double_of(bits - (power << 52));
	double		   u = (m - 1) / (m + 1);
	double		   v = u * u;
	double		   series = 1.0 / 21;

	series = 1.0 / 19 + v * series;
	series = 1.0 / 17 + v * series;
	series = 1.0 / 15 + v * series;
	series = 1.0 / 13 + v * series;
	series = 1.0 / 11 + v * series;
	series = 1.0 / 9 + v * series;
	series = 1.0 / 7 + v * series;
	series = 1.0 / 5 + v * series;
	series = 1.0 / 3 + v * series;
	series = 2 * u + 2 * u * (v * series);
	return copysign(n * log_of_two + (series + n * log_of_two_rest), x);
}

#define VARIANT(f) f##_portable
#define TARGET
#include "fitted_kernels.h"

#ifdef METAPROBE_HAVE_AVX2_KERNELS
#define VARIANT(f) f##_avx2
#define TARGET __attribute__((target("avx2")))
#include "fitted_kernels.h"
#endif

static const FittedKernels *
best_kernels(void)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
		return &kernels_avx2;
#endif
	return &kernels_portable;
}

/*
 * Mapping
 */

/* One past the last observed epoch; 0 if there is none. */
static int
observed_end(const float *losses, int n)
{
	while (n > 0 && metaprobe_loss_is_missing(losses[n - 1]))
		n--;
	return n;
}

static void
take_square_roots(double *x, int n)
{
	for (int i = 0; i < n; i++)
		x[i] = copysign(sqrt(fabs(x[i])), x[i]);
}

/* Fill the epochs without a loss, of n up to the last that has one. */
static void
fill_gaps(const float *losses, double *x, int n)
{
	int last = -1; /* observed */

	for (int i = 0; i < n; i++)
	{
		if (metaprobe_loss_is_missing(losses[i]))
			continue;
		for (int gap = last + 1; gap < i; gap++)
		{
			x[gap] = x[i];
			if (last >= 0)
				x[gap] =
					x[last] + (x[i] - x[last]) * (gap - last) / (i - last);
		}
		last = i;
	}
}

/*
 * Scale a curve and fill its gaps, as far as the space has epochs.  Returns
 * how many epochs there are, up to the last observed one.
 */
int
metaprobe_fitted_scale(const FittedSpace *space, const float *losses,
					   int n_losses, double *scaled)
{
	const FittedKernels *kernels = best_kernels();
	int n = n_losses < space->n_epochs ? n_losses : space->n_epochs;

	n = observed_end(losses, n);
	kernels->widen(losses, scaled, n);
	switch (space->scale)
	{
		case SCALE_RAW:
			break;
		case SCALE_SQRT:
			take_square_roots(scaled, n);
			break;
		case SCALE_CBRT:
			kernels->take_cube_roots(scaled, n);
			break;
		case SCALE_LOG:
			kernels->take_logarithms(scaled, n);
			break;
	}
	fill_gaps(losses, scaled, n);
	return n;
}

/* Coordinates too large for a float become the largest one. */
static void
bound_coordinates(const double *mapped, float *point, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (fabs(mapped[i]) > FLT_MAX)
			point[i] = mapped[i] > 0 ? FLT_MAX : -FLT_MAX;
	}
}

/*
 * Map a curve, of which n epochs are scaled already, to a point of n_epochs
 * coordinates.  room is for as many doubles.
 */
void
metaprobe_fitted_apply(const FittedSpace *space, const double *scaled, int n,
					   float *point, double *room)
{
	const FittedKernels *kernels = best_kernels();
	const double		*mapped = scaled;

	if (space->matrix)
	{
		kernels->multiply_triangle(space->matrix, space->n_epochs, scaled,
								   room, n);
		mapped = room;
	}
	if (!kernels->narrow(mapped, point, n))
		bound_coordinates(mapped, point, n);
	for (int i = n; i < space->n_epochs; i++)
		point[i] = metaprobe_missing_loss();
}

/*
 * Map a curve to a point of n_epochs coordinates.  room is for twice as many
 * doubles.
 */
void
metaprobe_fitted_map(const FittedSpace *space, const float *losses,
					 int n_losses, float *point, double *room)
{
	int n = metaprobe_fitted_scale(space, losses, n_losses, room);

	metaprobe_fitted_apply(space, room, n, point, room + space->n_epochs);
}

/*
 * Learning a matrix
 */

static bool
is_left_out(const ScaledCurves *curves, int curve)
{
	return curve % curves->n_parts == curves->except;
}

/* The mean of the curves [first, end) that reach an epoch, for every epoch. */
static void
mean_curve(const ScaledCurves *curves, int first, int end, double *mean,
		   double *counts)
{
	const FittedKernels *kernels = best_kernels();
	int					 n = curves->n_epochs;

	for (int i = 0; i < n; i++)
		mean[i] = counts[i] = 0;
	for (int curve = first; curve < end; curve++)
	{
		if (is_left_out(curves, curve))
			continue;
		kernels->add_multiple(mean, 1, curves->scaled + (size_t) curve * n,
							  curves->ends[curve]);
		for (int i = 0; i < curves->ends[curve]; i++)
			counts[i]++;
	}
	for (int i = 0; i < n; i++)
	{
		if (counts[i] > 0)
			mean[i] /= counts[i];
	}
}

/*
 * The covariance of the curves about their labels' means, as a triangle: that
 * of two epochs over the curves that reach both.  room is for 4 n_epochs
 * doubles.
 */
void
metaprobe_within_covariance(const ScaledCurves *curves, double *covariance,
							double *room)
{
	const FittedKernels *kernels = best_kernels();
	int					 n = curves->n_epochs;
	double				*mean = room;
	double				*counts = room + n;
	double				*freedom = room + 2 * n; /* curves less labels */
	double				*centred = room + 3 * n;
	int					 end;

	for (size_t i = 0; i < metaprobe_triangle_size(n); i++)
		covariance[i] = 0;
	for (int i = 0; i < n; i++)
		freedom[i] = 0;
	for (int first = 0; first < curves->n_curves; first = end)
	{
		for (end = first; end < curves->n_curves &&
						  curves->labels[end] == curves->labels[first];)
			end++;
		mean_curve(curves, first, end, mean, counts);
		for (int i = 0; i < n; i++)
			freedom[i] += counts[i] > 0 ? counts[i] - 1 : 0;
		for (int curve = first; curve < end; curve++)
		{
			const double *x = curves->scaled + (size_t) curve * n;
			int			  length = curves->ends[curve];

			if (is_left_out(curves, curve))
				continue;
			for (int i = 0; i < length; i++)
				centred[i] = x[i] - mean[i];
			for (int j = 0; j < length; j++)
				kernels->add_multiple(covariance +
										  metaprobe_triangle_place(n, j, j),
									  centred[j], centred + j, length - j);
			metaprobe_poll();
		}
	}
	for (int j = 0; j < n; j++)
	{
		double *column = covariance + metaprobe_triangle_place(n, j, j);

		for (int i = j; i < n; i++)
			column[i - j] = freedom[i] > 0 ? column[i - j] / freedom[i] : 0;
	}
}

/*
 * The covariance shrunk towards the multiple of the identity that has the same
 * trace, which is n_epochs times the variance given.
 */
static void
shrink(const double *covariance, int n, double shrinkage, double variance,
	   double *shrunk)
{
	for (size_t i = 0; i < metaprobe_triangle_size(n); i++)
		shrunk[i] = (1 - shrinkage) * covariance[i];
	for (int j = 0; j < n; j++)
		shrunk[metaprobe_triangle_place(n, j, j)] += shrinkage * variance;
}

/*
 * Replace a symmetric matrix by its Cholesky factor, with the inverses of the
 * diagonal in place of it.  False if a pivot is not above the least allowed.
 */
static bool
factor(double *triangle, int n, double least)
{
	const FittedKernels *kernels = best_kernels();
	double				*column = triangle;

	for (int j = 0; j < n; j++)
	{
		double	root;
		double *other = column + (n - j);

		if (!(column[0] > least))
			return false;
		root = sqrt(column[0]);
		for (int i = 1; i < n - j; i++)
			column[i] /= root;
		column[0] = 1 / root;
		for (int k = 1; k < n - j; k++)
		{
			kernels->add_multiple(other, -column[k], column + k, n - j - k);
			other += n - j - k;
		}
		column += n - j;
		metaprobe_poll();
	}
	return true;
}

/* The inverse of a factor. */
static void
invert(const double *triangle, int n, double *inverse)
{
	const FittedKernels *kernels = best_kernels();

	for (int c = 0; c < n; c++)
	{
		double		 *x = inverse + metaprobe_triangle_place(n, c, c);
		const double *column = triangle + metaprobe_triangle_place(n, c, c);

		x[0] = 1;
		for (int i = 1; i < n - c; i++)
			x[i] = 0;
		for (int j = c; j < n; j++)
		{
			x[j - c] *= column[0];
			kernels->add_multiple(x + (j - c + 1), -x[j - c], column + 1,
								  n - j - 1);
			column += n - j;
		}
		metaprobe_poll();
	}
}

/*
 * The matrix that whitens a covariance with this shrinkage or, where pairwise
 * counts have made it indefinite, the least of some larger ones that does.
 * Returns the shrinkage, or NaN if there is nothing to whiten.  room is for as
 * many doubles as the matrix.
 */
double
metaprobe_whitening(const double *covariance, int n, double shrinkage,
					double *matrix, double *room)
{
	double variance = 0;

	for (int j = 0; j < n; j++)
		variance += covariance[metaprobe_triangle_place(n, j, j)];
	variance /= n;
	if (!(variance > 0))
		return NAN;

	/* no pivot of a shrunk covariance is smaller than its least eigenvalue */
	shrink(covariance, n, shrinkage, variance, room);
	while (!factor(room, n, shrinkage * variance / 2))
	{
		shrinkage = shrinkage < 0.99 ? (1 + shrinkage) / 2 : 1;
		shrink(covariance, n, shrinkage, variance, room);
	}
	invert(room, n, matrix);
	return shrinkage;
}
