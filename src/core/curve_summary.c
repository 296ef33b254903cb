/*
 * curve_summary.c
 *		What an index keeps of curves, and boxes of it.
 *
 * Sources: Y. Wang et al., "A data-adaptive and dynamic segmentation index for
 * whole matching on time series", VLDB 2013 (means and deviations of
 * segments); R. Weber, H.-J. Schek, S. Blott, "A quantitative analysis and
 * performance study for similarity-search methods in high-dimensional spaces",
 * VLDB 1998 (levels of every dimension).
 */
#include "curve_summary.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "loss.h"
#include "summary_layout.h"

uint16_t
metaprobe_summary_round(double value)
{
	float	 rounded = (float) fabs(value);
	uint32_t bits;
	uint32_t sign = value < 0 ? SIGN : 0;

	memcpy(&bits, &rounded, sizeof(bits));
	bits += 1u << (FLOAT_DIGITS - DIGITS - 1);
	bits >>= FLOAT_DIGITS - DIGITS;
	if (bits >= ((63u + EXPONENT_SHIFT) << DIGITS)) /* or NaN */
		return UNKNOWN;
	if (bits < ((1u + EXPONENT_SHIFT) << DIGITS))
		return 0;
	return (uint16_t) ((bits - (EXPONENT_SHIFT << DIGITS)) | sign);
}

/* Places for levels, some of which may be empty. */
static int
count_levels(int n_epochs)
{
	int levels = 0;
	int first;

	for (int row = 0; (first = first_of_row(row, n_epochs)) < SUMMARY_SEGMENTS;
		 row++)
		levels += SUMMARY_SEGMENTS - first;
	return levels;
}

/* Bytes that the summary of a curve of so many epochs takes. */
int
metaprobe_summary_size(int n_epochs)
{
	return (int) offsetof(CurveSummary, levels) +
		   (count_levels(n_epochs) * 3 + 7) / 8;
}

/* The means of the runs of a segment.  Returns how many there are. */
int
metaprobe_summary_measure_runs(const float *losses, int n, int run,
							   float *means, float *epochs)
{
	int runs = 0;

	for (int start = 0; start < n; start += run)
	{
		int	   length = n - start < run ? n - start : run;
		double sum = 0;

		for (int i = 0; i < length; i++)
			sum += losses[start + i];
		means[runs] = (float) (sum / length);
		epochs[runs++] = (float) length;
	}
	return runs;
}

/*
 * The two coordinates of a segment: NaN if a loss is missing, and too large
 * for floats if the losses nearly are.
 */
static void
measure_segment(const float *losses, int n, double *mean, double *rest)
{
	double sum = 0;
	double squares = 0;

	for (int i = 0; i < n; i++)
		sum += losses[i];
	for (int i = 0; i < n; i++)
	{
		double difference = losses[i] - sum / n;

		squares += difference * difference;
	}
	*mean = n > 0 ? sum / sqrt(n) : 0;
	*rest = sqrt(squares);
}

static int
count_observed(const float *losses, int n_epochs)
{
	int observed = 0;

	for (int i = 0; i < n_epochs; i++)
		observed += !metaprobe_loss_is_missing(losses[i]);
	return observed;
}

/* Measure all segments.  Returns how many epochs have a loss. */
int
metaprobe_summary_measure(const float *losses, int n_epochs,
						  double *coordinates)
{
	for (int segment = 0; segment < SUMMARY_SEGMENTS; segment++)
	{
		int start = segment_start(segment, n_epochs);

		measure_segment(losses + start,
						segment_start(segment + 1, n_epochs) - start,
						&coordinates[segment],
						&coordinates[SUMMARY_SEGMENTS + segment]);
	}
	return count_observed(losses, n_epochs);
}

/* The finest grid on which the means have levels of two ends. */
static uint8_t
choose_grid(const float *means, int runs, float mean, float rest, float root)
{
	float least = means[0];
	float greatest = means[0];
	float step;
	int	  code = 0;
	int	  shift = 0;

	for (int i = 1; i < runs; i++)
	{
		least = means[i] < least ? means[i] : least;
		greatest = means[i] > greatest ? means[i] : greatest;
	}
	/* half a step may be lost where the grid begins */
	step = (greatest - least) / (N_LEVELS - 0.5f);
	while (code < N_STEPS - 1 &&
		   step > rest / root * (LEAST_STEP + STEPS_APART * (float) code))
		code++;
	step = rest / root * (LEAST_STEP + STEPS_APART * (float) code);
	while (shift < N_SHIFTS - 1 &&
		   mean / root - 0.5f * (float) shift * step > least)
		shift++;
	return (uint8_t) (code * N_SHIFTS + shift);
}

static int
level_of(const Grid *grid, float mean)
{
	int level = 0;

	for (int edge = 1; edge < N_LEVELS; edge++)
		level += mean > edge_of(grid, (float) edge);
	return level;
}

/* Each level takes three bits, in order. */
static void
put_level(uint8_t *levels, int i, int level)
{
	int bit = 3 * i;

	levels[bit / 8] |= (uint8_t) (level << bit % 8);
	if (bit % 8 > 5)
		levels[bit / 8 + 1] |= (uint8_t) (level >> (8 - bit % 8));
}

/* The levels of a segment.  Returns the code of their grid. */
static uint8_t
measure_levels(const float *losses, int n, int run, float mean, float rest,
			   uint8_t *levels)
{
	float means[SUMMARY_MAX_ROWS];
	float epochs[SUMMARY_MAX_ROWS];
	float root = sqrtf((float) n);
	int	  runs = metaprobe_summary_measure_runs(losses, n, run, means, epochs);
	uint8_t code = choose_grid(means, runs, mean, rest, root);
	Grid	grid;

	lay_grid(&grid, mean, rest, root, code);
	for (int i = 0; i < runs; i++)
		levels[i] = (uint8_t) level_of(&grid, means[i]);
	return code;
}

static void
take_levels(CurveSummary *summary, const float *losses, int n_epochs)
{
	uint8_t levels[SUMMARY_SEGMENTS][SUMMARY_MAX_ROWS] = {0};
	int		n_levels = 0;
	int		first;

	for (int i = 0; i < SUMMARY_SEGMENTS; i++)
	{
		int start = segment_start(i, n_epochs);
		int n = segment_start(i + 1, n_epochs) - start;
		int rest = SUMMARY_SEGMENTS + i;

		if (n > 0 && summary->coordinates[i] != UNKNOWN)
			summary->grids[i] =
				measure_levels(losses + start, n, run_length(n_epochs),
							   coordinate_of(summary->coordinates[i]),
							   coordinate_of(summary->coordinates[rest]),
							   levels[i]);
	}
	for (int row = 0; (first = first_of_row(row, n_epochs)) < SUMMARY_SEGMENTS;
		 row++)
		for (int i = first; i < SUMMARY_SEGMENTS; i++)
			put_level(summary->levels, n_levels++, levels[i][row]);
}

/*
 * Summarise a curve.  Returns the summary's size, of which the rest is zero.
 */
int
metaprobe_summary_take(const float *losses, int n_epochs,
					   CurveSummary *summary)
{
	double measured[SUMMARY_COORDINATES];

	memset(summary, 0, sizeof(*summary));
	if (metaprobe_summary_measure(losses, n_epochs, measured) == 0)
		n_epochs = 0;
	summary->n_epochs = (uint16_t) n_epochs;
	for (int i = 0; i < SUMMARY_SEGMENTS; i++)
	{
		uint16_t mean = metaprobe_summary_round(measured[i]);
		uint16_t rest =
			metaprobe_summary_round(measured[SUMMARY_SEGMENTS + i]);

		/* both or neither are known */
		summary->coordinates[i] = rest == UNKNOWN ? rest : mean;
		summary->coordinates[SUMMARY_SEGMENTS + i] =
			mean == UNKNOWN ? mean : rest;
	}
	take_levels(summary, losses, n_epochs);
	return metaprobe_summary_size(n_epochs);
}

/* The box of a single curve. */
void
metaprobe_summary_box(const CurveSummary *summary, SummaryBox *box)
{
	box->least_epochs = box->most_epochs = summary->n_epochs;
	for (int i = 0; i < SUMMARY_COORDINATES; i++)
		box->low[i] = box->high[i] = coordinate_of(summary->coordinates[i]);
}

/* Extend a box, so that it contains another. */
void
metaprobe_summary_extend(SummaryBox *box, const SummaryBox *added)
{
	if (added->least_epochs < box->least_epochs)
		box->least_epochs = added->least_epochs;
	if (added->most_epochs > box->most_epochs)
		box->most_epochs = added->most_epochs;
	for (int i = 0; i < SUMMARY_COORDINATES; i++)
	{
		/* what is unknown in either remains so */
		if (!isnan(box->low[i]) && !(box->low[i] <= added->low[i]))
			box->low[i] = added->low[i];
		if (!isnan(box->high[i]) && !(box->high[i] >= added->high[i]))
			box->high[i] = added->high[i];
	}
}
