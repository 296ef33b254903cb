/*
 * summary_layout.h
 *		How a curve's summary is made of bits: coordinates, segments, grids.
 *
 * For those who make summaries, measure from them and put them in order.
 */
#ifndef METAPROBE_CORE_SUMMARY_LAYOUT_H
#define METAPROBE_CORE_SUMMARY_LAYOUT_H

#include "curve_summary.h"
#include "loss.h"

#include <math.h>
#include <string.h>

/*
 * Coordinates in 16 bits: a sign, an exponent and 9 digits, for sizes from
 * 2^-30 to 2^32.
 */
#define DIGITS 9
#define EXPONENTS 0x7e00
#define UNKNOWN 0x7e00
#define SIGN 0x8000
#define FLOAT_DIGITS 23
#define EXPONENT_SHIFT (127 - 31)
#define NAN_BITS 0x7fc00000 /* of a missing loss */

/* Without branches, for the vectoriser. */
static inline float
coordinate_of(uint16_t code)
{
	uint32_t size = code & (SIGN - 1u);
	uint32_t bits = (size + (EXPONENT_SHIFT << DIGITS))
					<< (FLOAT_DIGITS - DIGITS);
	float value;

	bits = size > 0 ? bits | (uint32_t) (code & SIGN) << 16 : 0;
	bits = code == UNKNOWN ? NAN_BITS : bits;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/*
 * Segments are as long as 1 : 2 : 3 ..., for losses change most at first, but
 * none is empty if there are epochs enough.
 */
static inline int
segment_start(int segment, int n_epochs)
{
	const int parts = SUMMARY_SEGMENTS * (SUMMARY_SEGMENTS + 1);
	int start = (2 * n_epochs * segment * (segment + 1) + parts) / (2 * parts);

	if (start < segment)
		start = segment;
	return start < n_epochs ? start : n_epochs;
}

/* The epochs that a level stands for; the last of a segment for fewer. */
static inline int
run_length(int n_epochs)
{
	return (n_epochs + SUMMARY_LONGEST - 1) / SUMMARY_LONGEST;
}

/*
 * The levels are stored in rows, of the first level of every segment, then of
 * the second, and so on, so that a row is a vector.  Longer segments come last:
 * a row begins with the first segment that has as many levels, and has three
 * bits for all that follow.
 */
static inline int
levels_of_segment(int segment, int n_epochs)
{
	int length = segment_start(segment + 1, n_epochs) -
				 segment_start(segment, n_epochs);
	int run = run_length(n_epochs);

	return length > 0 ? (length + run - 1) / run : 0;
}

/* The first segment in a row; if there is no such row, one behind the last. */
static inline int
first_of_row(int row, int n_epochs)
{
	int segment = 0;

	while (segment < SUMMARY_SEGMENTS &&
		   levels_of_segment(segment, n_epochs) <= row)
		segment++;
	return segment;
}

/*
 * Between neighbouring levels lie seven edges at equal steps; the first level
 * and the last have no other end, so that a grid fits any losses.  Its byte has
 * the step, in terms of the segment's deviation, and how many half steps the
 * mean lies above the place of an edge below the first.
 */

#define N_LEVELS 8
#define N_STEPS 16
#define N_SHIFTS 16

/* Eight levels of the largest step are as wide as 24 values can be. */
#define LEAST_STEP 0.1f
#define STEPS_APART 0.04f

typedef struct Grid
{
	float first; /* the lower edge of a first level with two ends */
	float step;
} Grid;

/* The grid of a segment; root is that of its number of epochs. */
static inline void
lay_grid(Grid *grid, float mean, float rest, float root, uint8_t code)
{
	int step = code / N_SHIFTS;
	int shift = code % N_SHIFTS;

	grid->step = rest / root * (LEAST_STEP + STEPS_APART * (float) step);
	grid->first = mean / root - 0.5f * (float) shift * grid->step;
}

/* The lower edge of a level, be it open or not. */
static inline float
edge_of(const Grid *grid, float level)
{
	return grid->first + level * grid->step;
}

/* How far a value is outside of a range; 0 if either is unknown. */
static inline double
gap(double value, float low, float high)
{
	double below = low - value;
	double above = value - high;
	double outside = below > above ? below : above;

	return outside > 0 ? outside : 0;
}

extern uint16_t metaprobe_summary_round(double coordinate);
extern int		metaprobe_summary_measure(const float *losses, int n_epochs,
										  double *coordinates);
extern int metaprobe_summary_measure_runs(const float *losses, int n, int run,
										  float *means, float *epochs);

#endif /* METAPROBE_CORE_SUMMARY_LAYOUT_H */
