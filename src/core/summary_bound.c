/*
 * summary_bound.c
 *		How near a curve can be to those that a summary or a box is of.
 *
 * Bounds are computed in single precision.  The kernel for curves, which takes
 * nearly all of a search, is in summary_kernels.h.
 */
#include "summary_bound.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "cpu.h"
#include "summary_layout.h"

/*
 * Rounding moves a curve's point by at most 2^-10 of its norm.  The norm is at
 * most the query's and the distance together, so this share of both is
 * subtracted from a bound, and a sixteenth more: single precision adds less
 * than 2^-18 of both.  Coordinates next to 0 are rounded to 0.
 */
#define ROUNDING 0x1.1p-10
#define LEAST_ROUNDING 0x1p-28

/*
 * Of a segment's losses whose means differ by m (in our units) and the rests
 * by r, the sum of differences' sizes is at least sqrt(n) m.  It is also at
 * least sqrt(n / (n - 1)) r: of all differences of one norm, the sizes add up
 * to least if a single one is not 0, and then r is sqrt((n - 1) / n) of it.
 */
static void
set_l1_weights(float *weights, int n_epochs)
{
	for (int segment = 0; segment < SUMMARY_SEGMENTS; segment++)
	{
		int n = segment_start(segment + 1, n_epochs) -
				segment_start(segment, n_epochs);

		weights[segment] = sqrtf((float) n);
		weights[SUMMARY_SEGMENTS + segment] =
			n > 1 ? sqrtf((float) n / (float) (n - 1)) : 0;
	}
}

/* What is unknown of the query in part is taken as unknown. */
static void
set_coordinates(SummaryQuery *query, const double *measured)
{
	double squares = 0;

	for (int mean = 0; mean < SUMMARY_SEGMENTS; mean++)
	{
		int rest = SUMMARY_SEGMENTS + mean;

		if (metaprobe_summary_round(measured[mean]) == UNKNOWN ||
			metaprobe_summary_round(measured[rest]) == UNKNOWN)
		{
			query->coordinates[mean] = metaprobe_missing_loss();
			query->coordinates[rest] = metaprobe_missing_loss();
			continue;
		}
		query->coordinates[mean] = (float) measured[mean];
		query->coordinates[rest] = (float) measured[rest];
		squares +=
			measured[mean] * measured[mean] + measured[rest] * measured[rest];
	}
	query->norm = sqrt(squares);
}

/* The query's own means of a segment's levels, NaN if it is unknown. */
static void
set_means(SummaryQuery *query, int segment, const float *losses, int n,
		  int run)
{
	float means[SUMMARY_MAX_ROWS];
	float epochs[SUMMARY_MAX_ROWS];
	int	  runs = metaprobe_summary_measure_runs(losses, n, run, means, epochs);

	for (int row = 0; row < SUMMARY_MAX_ROWS; row++)
	{
		bool has = row < runs && !isnan(query->coordinates[segment]);

		query->means[row][segment] =
			has ? means[row] : metaprobe_missing_loss();
		query->epochs[row][segment] = has ? epochs[row] : 0;
	}
	query->n_rows[segment] = runs;
	if (segment > 0 && query->n_rows[segment - 1] > runs)
		query->n_rows[segment] = query->n_rows[segment - 1];
}

/*
 * Where a row's levels are: in the four bytes that end where the row does, so
 * that nothing is read behind a summary.
 */
static void
set_places(SummaryQuery *query, int n_epochs)
{
	const int levels = 8 * (int) offsetof(CurveSummary, levels);
	int		  end = levels;
	int		  first;

	for (int row = 0; (first = first_of_row(row, n_epochs)) < SUMMARY_SEGMENTS;
		 row++)
	{
		int bytes;

		end += 3 * (SUMMARY_SEGMENTS - first);
		bytes = (end + 7) / 8;
		query->places[row] = (uint8_t) (bytes - 4);
		query->shifts[row] =
			(uint8_t) (end - 3 * SUMMARY_SEGMENTS - 8 * (bytes - 4));
	}
}

void
metaprobe_summary_query_set(SummaryQuery *query, const float *losses,
							int n_epochs)
{
	double measured[SUMMARY_COORDINATES];
	int	   observed = metaprobe_summary_measure(losses, n_epochs, measured);

	query->n_epochs = observed > 0 ? n_epochs : 0;
	query->scale = observed > 0 ? (double) n_epochs / observed : 1;
	set_coordinates(query, measured);
	set_l1_weights(query->l1_weights, n_epochs);
	for (int segment = 0; segment < SUMMARY_SEGMENTS; segment++)
	{
		int start = segment_start(segment, n_epochs);
		int n = segment_start(segment + 1, n_epochs) - start;

		query->roots[segment] = sqrtf((float) n);
		set_means(query, segment, losses + start, n, run_length(n_epochs));
	}
	set_places(query, n_epochs);
}

/* Does the query's length leave any of these a distance? */
static inline bool
has_length(const SummaryQuery *query, int least_epochs, int most_epochs)
{
	return query->n_epochs > 0 && query->n_epochs >= least_epochs &&
		   query->n_epochs <= most_epochs;
}

/* The bound by the sum of all parts, with rounding allowed for. */
static inline double
safe_bound(const SummaryQuery *query, Metric metric, double sum)
{
	double distance = metric == METRIC_L2 ? sqrt(sum) : sum;
	double errors = metric == METRIC_L2 ? 1 : sqrt(query->n_epochs);
	double bound = distance - errors * (ROUNDING * (query->norm + distance) +
										LEAST_ROUNDING);

	if (!(bound > 0))
		return 0;
	return bound * (metric == METRIC_L2 ? sqrt(query->scale) : query->scale);
}

/* One order of additions for all sums, so that larger terms have larger ones. */
static inline float
sum_parts(const float *v)
{
	_Static_assert(SUMMARY_SEGMENTS == 8, "these are all segments");

	return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/* How far a coordinate is outside of a box; 0 if either is unknown. */
static inline float
outside_of(const SummaryQuery *query, const SummaryBox *box, int i)
{
	return (float) gap(query->coordinates[i], box->low[i], box->high[i]);
}

/*
 * What no curve of the box has a smaller distance than from the query, by
 * METRIC_L2 or METRIC_L1; NaN if none has a distance.
 */
double
metaprobe_summary_box_bound(const SummaryQuery *query, Metric metric,
							const SummaryBox *box)
{
	float parts[SUMMARY_SEGMENTS];

	if (!has_length(query, box->least_epochs, box->most_epochs))
		return NAN;
	for (int mean = 0; mean < SUMMARY_SEGMENTS; mean++)
	{
		int	  rest = SUMMARY_SEGMENTS + mean;
		float by_mean = outside_of(query, box, mean);
		float by_rest = outside_of(query, box, rest);

		if (metric == METRIC_L2)
			parts[mean] = by_mean * by_mean + by_rest * by_rest;
		else
		{
			by_mean *= query->l1_weights[mean];
			by_rest *= query->l1_weights[rest];
			parts[mean] = by_mean > by_rest ? by_mean : by_rest;
		}
	}
	return safe_bound(query, metric, sum_parts(parts));
}

/* Where the levels of a row are, in a word that begins with their first one. */
static const int32_t level_masks[SUMMARY_SEGMENTS] = {7,	   7 << 3,
													  7 << 6,  7 << 9,
													  7 << 12, 7 << 15,
													  7 << 18, 7 << 21};
static const float	 level_units[SUMMARY_SEGMENTS] = {1,		0x1p-3f,
													  0x1p-6f,	0x1p-9f,
													  0x1p-12f, 0x1p-15f,
													  0x1p-18f, 0x1p-21f};

#define WIDTH 4
#define VARIANT(f) f##_portable
#define TARGET
#include "summary_kernels.h"

#ifdef METAPROBE_HAVE_AVX2_KERNELS
#define WIDTH 8
#define VARIANT(f) f##_avx2
#define TARGET __attribute__((target("avx2")))
#include "summary_kernels.h"
#endif

static void
set_parts(const SummaryQuery *query, Metric metric,
		  const CurveSummary *summary, float *parts)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
	{
		set_parts_by_avx2(query, metric, summary, parts);
		return;
	}
#endif
	set_parts_by_portable(query, metric, summary, parts);
}

/* Likewise for a single curve. */
double
metaprobe_summary_bound(const SummaryQuery *query, Metric metric,
						const CurveSummary *summary)
{
	float parts[SUMMARY_SEGMENTS];

	if (!has_length(query, summary->n_epochs, summary->n_epochs))
		return NAN;
	set_parts(query, metric, summary, parts);
	return safe_bound(query, metric, sum_parts(parts));
}
