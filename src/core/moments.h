/*
 * moments.h
 *		Mean and standard deviation of a stream of losses.
 *
 * Sums are kept with the rounding error of every addition beside them, about
 * 106 bits.  Rounded to float, a result then does not show in which order, or
 * by how many workers, the losses were added, unless these cancel out to less
 * than 2^-80 of their size.
 */
#ifndef METAPROBE_CORE_MOMENTS_H
#define METAPROBE_CORE_MOMENTS_H

#include <math.h>
#include <stdint.h>

/* The unevaluated sum of a double and the small error it leaves out. */
typedef struct WideSum
{
	double sum;
	double error;
} WideSum;

typedef struct Moments
{
	int64_t count;
	WideSum losses;
	WideSum squares; /* of the losses, which doubles hold exactly */
} Moments;

/* Source: D. Knuth's TwoSum; the error of a floating-point sum is a double. */
static inline void
metaprobe_wide_add(WideSum *wide, double x)
{
	double sum = wide->sum + x;
	double part = sum - wide->sum;

	wide->error += (wide->sum - (sum - part)) + (x - part);
	wide->sum = sum;
}

static inline void
metaprobe_moments_add(Moments *moments, float loss)
{
	moments->count++;
	metaprobe_wide_add(&moments->losses, loss);
	metaprobe_wide_add(&moments->squares, (double) loss * loss);
}

static inline void
metaprobe_moments_merge(Moments *into, const Moments *from)
{
	into->count += from->count;
	metaprobe_wide_add(&into->losses, from->losses.sum);
	into->losses.error += from->losses.error;
	metaprobe_wide_add(&into->squares, from->squares.sum);
	into->squares.error += from->squares.error;
}

/* NaN without losses. */
static inline double
metaprobe_moments_mean(const Moments *moments)
{
	return (moments->losses.sum + moments->losses.error) / moments->count;
}

/*
 * The sample standard deviation (divisor n - 1); NaN with fewer than two
 * losses.  The squared sum and its quotient by n carry their rounding errors
 * along, since nearly all of them cancels against the sum of squares.
 */
static inline double
metaprobe_moments_stddev(const Moments *moments)
{
	double n = moments->count;
	double sum = moments->losses.sum;
	double square = sum * sum;
	double square_error =
		fma(sum, sum, -square) + 2 * sum * moments->losses.error;
	double quotient = square / n;
	double quotient_error = (fma(-quotient, n, square) + square_error) / n;
	double variation = (moments->squares.sum - quotient) +
					   (moments->squares.error - quotient_error);

	if (moments->count < 2)
		return NAN;
	return variation > 0 ? sqrt(variation / (n - 1)) : 0;
}

#endif /* METAPROBE_CORE_MOMENTS_H */
