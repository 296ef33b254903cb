/*
 * dtw_bound.c
 *		Lower bounds of distances under dynamic time warping.
 *
 * A path pairs every observed epoch of a curve with one of the other that lies
 * within the band, so it costs at least the distance of the curve from the
 * other's envelope, the running extremes over the band.  A path also pairs the
 * first observed epochs, and the last ones.
 *
 * Both hold after the curves have been cut to a common end: the envelope of
 * the whole curve holds that of any part of it.  The envelopes do not hold if
 * the band is widened.  It never is if both curves have an observed epoch and
 * no run of missing ones is longer than the band: of any epoch that is missing
 * in one curve, one end of its run is an observed epoch within the band.
 *
 * The distance is a double; the bounds are computed in float.  A sum of n
 * squares of differences has a relative error below (n + 4) / 2^24, the root
 * and the product with the margin add 2 / 2^24.  Twice as much is taken off.
 * Sums too small for a relative error count as zero, sums that overflow as
 * the largest float.
 *
 * Sources: envelopes, E. Keogh, C. A. Ratanamahatana, "Exact indexing of
 * dynamic time warping", Knowledge and Information Systems 7 (2005); first and
 * last epochs, S.-W. Kim et al., "An index-based approach for similarity
 * search supporting time warping in large sequence databases", ICDE 2001;
 * running extremes, D. Lemire, "Faster retrieval with a two-pass
 * dynamic-time-warping lower bound", Pattern Recognition 42 (2009).
 */
#include "dtw_bound.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "loss.h"
#include "poll.h"

#define CURVES_BETWEEN_POLLS 1024

/* From here on, squares that are rounded to denormal floats do not matter. */
#define SMALLEST_SUM 0x1p-100f

/* Bytes that the envelope of a curve of n epochs needs. */
size_t
metaprobe_dtw_envelope_workspace_size(int n)
{
	return (size_t) n * sizeof(int);
}

/*
 * The least loss, or the largest, of the observed ones within the band of each
 * epoch; missing if there is none.  The queue holds epochs that may still
 * become the extreme: each is later than the one before, and less extreme.
 */
static void
running_extreme(const float *curve, int n, int band, bool largest,
				float *extremes, int *queue)
{
	int head = 0;
	int tail = 0; /* the queue is [head, tail) */
	int next = 0; /* the epoch that enters next */

	for (int i = 0; i < n; i++)
	{
		for (; next < n && next - i <= band; next++)
		{
			float entering = curve[next];

			if (metaprobe_loss_is_missing(entering))
				continue;
			while (tail > head &&
				   (largest ? curve[queue[tail - 1]] <= entering :
							  curve[queue[tail - 1]] >= entering))
				tail--;
			queue[tail++] = next;
		}
		while (tail > head && i - queue[head] > band)
			head++;
		extremes[i] =
			tail > head ? curve[queue[head]] : metaprobe_missing_loss();
	}
}

/*
 * The envelope of a curve of n epochs: the least and the largest of the losses
 * observed within band epochs of each (of all if that is DTW_NO_BAND), missing
 * where there is none.  Holds for every part of the curve from its start.
 * workspace holds metaprobe_dtw_envelope_workspace_size(n) bytes.
 */
void
metaprobe_dtw_envelope(const float *curve, int n, int band, float *lower,
					   float *upper, void *workspace)
{
	if (band == DTW_NO_BAND)
		band = n;
	running_extreme(curve, n, band, false, lower, workspace);
	running_extreme(curve, n, band, true, upper, workspace);
}

static inline float
square(float x)
{
	return x * x;
}

/* The second one if either is NaN. */
static inline float
larger(float x, float y)
{
	return x > y ? x : y;
}

/* How far a loss lies outside an envelope; 0 if either is missing. */
static inline float
excess(float loss, float lower, float upper)
{
	return larger(loss - upper, 0) + larger(lower - loss, 0);
}

/*
 * The same of four losses, in the 16 bytes of SIMD that every 64-bit target
 * has.  Twice as wide, for AVX2, makes a search no more than a fifth faster.
 */
#define N_LANES 4

typedef float	Lanes __attribute__((vector_size(N_LANES * sizeof(float))));
typedef int32_t LaneMask __attribute__((vector_size(N_LANES * sizeof(float))));

static inline Lanes
load_lanes(const float *losses)
{
	Lanes lanes;

	memcpy(&lanes, losses, sizeof(lanes));
	return lanes;
}

/* The values above zero; zero for others and NaN. */
static inline LaneMask
positive(Lanes values)
{
	return (LaneMask) values & (values > 0);
}

static inline Lanes
excess_of_lanes(Lanes losses, Lanes lower, Lanes upper)
{
	return (Lanes) (positive(losses - upper) | positive(lower - losses));
}

/*
 * The sum of the squared distances of a curve from an envelope, over the
 * epochs from start to before end.
 */
static inline float
keogh_sum(const float *losses, const float *lower, const float *upper,
		  int start, int end)
{
	Lanes sums = {0};
	float rest = 0;
	int	  i;

	for (i = start; i + N_LANES <= end; i += N_LANES)
	{
		Lanes outside =
			excess_of_lanes(load_lanes(losses + i), load_lanes(lower + i),
							load_lanes(upper + i));

		sums += outside * outside;
	}
	for (; i < end; i++)
		rest += square(excess(losses[i], lower[i], upper[i]));
	return (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest;
}

static inline int
first_observed(const float *curve, int end)
{
	int i = 0;

	while (i < end && metaprobe_loss_is_missing(curve[i]))
		i++;
	return i;
}

static inline int
last_observed(const float *curve, int end)
{
	int i = end - 1;

	while (i >= 0 && metaprobe_loss_is_missing(curve[i]))
		i--;
	return i;
}

/* A bound of the distance from one, in float, of its square. */
static inline float
bound_of_sum(float sum, int n)
{
	float margin = (float) (n + 16) * 0x1p-23f;

	if (sum < SMALLEST_SUM)
		return 0;
	if (sum > FLT_MAX)
		sum = FLT_MAX;
	return sqrtf(sum * (1 - margin));
}

/* Do the envelopes hold for this pair? */
static inline bool
envelopes_hold(const DtwCurve *a, const DtwCurve *b, int band)
{
	return band == DTW_NO_BAND || (a->gap <= band && b->gap <= band);
}

/*
 * The bound of a pair, by the first curve's envelope and, if both_ways, by the
 * other's too.
 */
static inline float
lower_bound(const DtwCurve *a, const DtwCurve *b, int band, bool both_ways)
{
	int	  end = a->end < b->end ? a->end : b->end;
	int	  start = 0;
	int	  stop = end;
	int	  a_first = first_observed(a->losses, end);
	int	  b_first = first_observed(b->losses, end);
	int	  a_last = last_observed(a->losses, end);
	int	  b_last = last_observed(b->losses, end);
	float kim;
	float keogh;

	if (a_last < 0 || b_last < 0)
		return 0;
	kim = square(a->losses[a_first] - b->losses[b_first]);
	if (a_first < a_last || b_first < b_last)
		kim += square(a->losses[a_last] - b->losses[b_last]);
	if (!envelopes_hold(a, b, band))
		return bound_of_sum(kim, 2);

	/* Are the outermost pairs of the same epochs?  Then they take part. */
	if (a_first == 0 && b_first == 0 && a_last == end - 1 && b_last == end - 1)
	{
		start++;
		stop--;
	}
	keogh = keogh_sum(b->losses, a->lower, a->upper, start, stop);
	if (both_ways)
		keogh = larger(keogh,
					   keogh_sum(a->losses, b->lower, b->upper, start, stop));
	if (start > 0)
		return bound_of_sum(kim + keogh, end);
	return bound_of_sum(larger(kim, keogh), end);
}

/*
 * A lower bound of metaprobe_dtw_distance(), as it is computed, between two
 * curves, after both have been cut to the end of the one that ends first.  The
 * envelopes are of this band.  At least 0, and 0 if the distance is undefined.
 */
float
metaprobe_dtw_lower_bound(const DtwCurve *a, const DtwCurve *b, int band)
{
	return lower_bound(a, b, band, true);
}

/*
 * A lower bound of the distance from a curve to each of others->n_curves.
 * Takes only the curve's envelope, which is in the cache, and never reads
 * others->lower and upper; metaprobe_dtw_lower_bound() is for those others
 * that this one does not rule out.
 */
void
metaprobe_dtw_lower_bounds(const DtwCurve *curve, const DtwCurves *others,
						   int band, float *bounds)
{
	for (int i = 0; i < others->n_curves; i++)
	{
		DtwCurve other = metaprobe_dtw_curve(others, i);

		if (i % CURVES_BETWEEN_POLLS == 0)
			metaprobe_poll();
		bounds[i] = lower_bound(curve, &other, band, false);
	}
}
