/*
 * filled_bound.c
 *		Lower bounds of the distances from a curve with a few missing epochs.
 *
 * Let a probe be at distance d over the observed epochs, at F over all of the
 * filled curve's and at m over the gaps: F^2 = d^2 + m^2.  Let s and g be the
 * packed distances of its sketch and of its losses in the gaps, in steps h and
 * k.  Rounding to steps moves points, so s h <= F + a and m <= g k + b, with
 * constants a and b.  For any e > 0, (x + y)^2 <= (1 + e) x^2 + (1 + 1/e) y^2:
 *
 *		s^2 h^2 <= (1 + e) (d^2 + m^2) + (1 + 1/e) a^2
 *			m^2 <= (1 + f) g^2 k^2 + (1 + 1/f) b^2
 *
 * Hence s^2 - (1 + e) (1 + f) (k/h)^2 g^2, which is the bound, is at most
 * (1 + e) / h^2 d^2 and a constant.  Under l1 distances themselves add up, and
 * there is no e.
 */
#include "filled_bound.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "carve.h"
#include "cpu.h"
#include "loss.h"

/*
 * e of the sketch's rounding to steps, of that of its coordinates to floats,
 * and of the gaps' to steps.
 */
#define SKETCH_SHARE 0x1p-5
#define ROUNDING_SHARE 0x1p-10
#define GAPS_SHARE 0x1p-6

/* Far above what rounding does to a few doubles, and to three floats. */
#define MARGIN 1e-9
#define FLOAT_MARGIN 0x1p-21

/* With this share what lies a step away in a gap has a bound of 0. */
#define LARGEST_SHARE 0x1p40

static size_t
lay_out(FilledQuery *query, int n_epochs, int n_probes, void *memory)
{
	Carver carver = {memory, 0};
	void  *filling;

	query->curve = carve(&carver, n_epochs, sizeof(float));
	query->gaps = carve(&carver, n_epochs, sizeof(int32_t));
	query->gap_distances =
		carve(&carver, metaprobe_packed_padded(n_probes), sizeof(int32_t));
	filling = carve(&carver, 1, metaprobe_packed_query_size(n_epochs));
	if (memory)
		metaprobe_packed_query_init(&query->filling, n_epochs, filling);
	return carver.used;
}

/* Bytes of memory that a query of so many epochs and probes takes. */
size_t
metaprobe_filled_query_size(int n_epochs, int n_probes)
{
	FilledQuery measured;

	return lay_out(&measured, n_epochs, n_probes, NULL);
}

void
metaprobe_filled_query_init(FilledQuery *query, int n_epochs, int n_probes,
							void *memory)
{
	lay_out(query, n_epochs, n_probes, memory);
}

/* Fill a run of epochs: evenly from the loss before to that after it. */
static void
fill_run(float *curve, int first, int end, int n_epochs)
{
	double before = first > 0 ? curve[first - 1] : curve[end];
	double after = end < n_epochs ? curve[end] : before;
	double step = (after - before) / (end - first + 1);

	for (int i = first; i < end; i++)
		curve[i] = (float) (before + (i - first + 1) * step);
}

/*
 * Fill up a curve of n losses, one of which must be observed, with losses that
 * the probes' packed epochs can hold.
 */
void
metaprobe_filled_query_fill(FilledQuery *query, const PackedPoints *epochs,
							const float *curve, int n)
{
	int n_epochs = epochs->n_coordinates;
	int n_gaps = 0;

	memcpy(query->curve, curve, n * sizeof(float));
	for (int i = n; i < n_epochs; i++)
		query->curve[i] = metaprobe_missing_loss();
	for (int i = 0; i < n_epochs; i++)
	{
		query->gaps[n_gaps] = i;
		n_gaps += metaprobe_loss_is_missing(query->curve[i]);
	}
	query->n_gaps = n_gaps;
	for (int i = 0; i < n_gaps;)
	{
		int first = query->gaps[i];
		int end = first;

		for (; i < n_gaps && query->gaps[i] == end; i++)
			end++;
		fill_run(query->curve, first, end, n_epochs);
	}
	query->filling_off =
		metaprobe_packed_query_snap(&query->filling, epochs, query->curve,
									query->gaps, n_gaps);
}

/*
 * Prepare to bound distances from a filled curve that has the sketch.
 *
 * What a probe has in a gap is off by half a step.  A sketch beyond the grid is
 * so much farther from all probes.
 */
void
metaprobe_filled_query_set(FilledQuery *query, const Sketch *sketch,
						   const SketchQuery  *sketch_query,
						   const PackedPoints *epochs)
{
	const PackedPoints *packed = &sketch->packed;
	double				step = packed->grid.step;
	double				gap_step = epochs->grid.step;
	double				rounding = sketch->rounding + sketch_query->rounding;
	double				beyond = sketch_query->packed.beyond * (1 - MARGIN);
	double				n = sketch_query->packed.n_known;
	double				gaps_off;

	if (packed->norm == PACKED_SIZES)
	{
		gaps_off = query->n_gaps * gap_step / 2 + query->filling_off;
		query->share = gap_step / step;
		query->allowance = (gaps_off + rounding - beyond) / step + n;
	}
	else
	{
		double to_squares = (1 + SKETCH_SHARE) / (step * step);

		gaps_off = sqrt(query->n_gaps) * gap_step / 2 + query->filling_off;
		query->share = (1 + GAPS_SHARE) * (1 + ROUNDING_SHARE) * to_squares *
					   gap_step * gap_step;
		query->allowance =
			to_squares *
				((1 + 1 / GAPS_SHARE) * (1 + ROUNDING_SHARE) * gaps_off *
					 gaps_off +
				 (1 + 1 / ROUNDING_SHARE) * rounding * rounding - beyond) +
			(1 + 1 / SKETCH_SHARE) * n;
	}
	query->share *= 1 + FLOAT_MARGIN;
	if (query->share > LARGEST_SHARE)
		query->share = LARGEST_SHARE;
}

/* Written as floats, read as what their bits are. */
ALWAYS_INLINE void
combine(int32_t *bounds, const int32_t *gaps, int n, float share)
{
	for (int i = 0; i < n; i++)
	{
		float bound = (float) bounds[i] - share * (float) gaps[i];

		bound = bound > 0 ? bound : 0;
		memcpy(&bounds[i], &bound, sizeof(bound));
	}
}

#ifdef METAPROBE_HAVE_AVX2_KERNELS
__attribute__((target("avx2"))) static void
combine_avx2(int32_t *bounds, const int32_t *gaps, int n, float share)
{
	combine(bounds, gaps, n, share);
}
#endif

/* Bound the distances of probes; there must be room for whole blocks of them. */
void
metaprobe_filled_bounds(FilledQuery *query, const Sketch *sketch,
						const SketchQuery  *sketch_query,
						const PackedPoints *epochs, int n_probes,
						int32_t *bounds)
{
	metaprobe_packed_distances(&sketch->packed, &sketch_query->packed, 0,
							   n_probes, bounds);
	metaprobe_packed_distances(epochs, &query->filling, 0, n_probes,
							   query->gap_distances);
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
	{
		combine_avx2(bounds, query->gap_distances, n_probes,
					 (float) query->share);
		return;
	}
#endif
	combine(bounds, query->gap_distances, n_probes, (float) query->share);
}

/*
 * The largest bound of a probe that is at most this far away over the observed
 * epochs.
 */
int32_t
metaprobe_filled_threshold(const FilledQuery *query, const Sketch *sketch,
						   double distance)
{
	double	step = sketch->packed.grid.step;
	double	within = distance / step;
	float	limit;
	int32_t bits;

	if (sketch->packed.norm == PACKED_SQUARES)
		within *= within * (1 + SKETCH_SHARE) * (1 + ROUNDING_SHARE);
	within = within * (1 + MARGIN) + query->allowance;
	within = within > 0 ? within * (1 + FLOAT_MARGIN) + FLT_MIN : FLT_MIN;
	limit = within <= FLT_MAX ? (float) within : INFINITY;
	memcpy(&bits, &limit, sizeof(bits));
	return bits;
}
