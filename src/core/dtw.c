/*
 * dtw.c
 *		Dynamic time warping of loss curves within a Sakoe-Chiba band.
 *
 * Missing epochs are dropped before warping.  The band limits the difference
 * of the original epoch numbers that a path may pair, and is widened to the
 * smallest width that leaves a path.  Two rows of the dynamic programme are
 * kept, and the cells outside the band are never visited.
 *
 * The programme is written once, for any number of lanes: curves warped onto
 * the same one at the same time.  A cell waits for its left neighbour, so one
 * warp leaves most of a CPU idle; lanes do not wait for each other, and are
 * what compilers vectorise.  No lane's arithmetic depends on their number.
 *
 * Sources: H. Sakoe, S. Chiba, "Dynamic programming algorithm optimization for
 * spoken word recognition", IEEE Trans. ASSP 26 (1978), with unit slopes.
 * Early abandoning: T. Rakthanmanon et al., "Searching and mining trillions of
 * time series subsequences under dynamic time warping", KDD 2012.
 */
#include "dtw.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "cpu.h"
#include "loss.h"
#include "poll.h"

#define CELLS_BETWEEN_POLLS 1000000
#define ROWS_BETWEEN_CHECKS 8

/* From so many curves on, all lanes together take less time than each alone. */
#define LANES_WORTHWHILE 5

/*
 * The root of a sum that is larger by this than the square of a limit is
 * beyond the limit, however the square, its product with this, and the root,
 * which counts twice, are rounded: by up to 2^-53 each.
 */
#define ROUNDING_MARGIN 0x1p-50

/* The observed losses of a curve, with the epochs that they belong to. */
typedef struct Observed
{
	double *losses;
	int	   *epochs;
	int		n;
} Observed;

/*
 * One run of the dynamic programme.  Rows are the observed epochs of a curve;
 * column j of lane l stands at [j * lanes + l].
 */
typedef struct Warp
{
	const double *rows;
	const int	 *row_epochs; /* ascending */
	int			  n_rows;
	const double *columns;
	const double *gates; /* 0, or infinite where a lane skips the column */
	const int	 *column_epochs; /* ascending; of all lanes */
	int			  n_columns;
	int			  band;

	/* a lane's path ends in its last row and its last column */
	const int *last_rows;
	const int *last_columns;
	double	  *sums;

	double limit; /* of the sums */

	/* cell j stands at [j + 1] of its row, for every lane */
	double *previous;
	double *current;
} Warp;

/* Bytes that warping a curve of n epochs onto one of m needs. */
size_t
metaprobe_dtw_workspace_size(int n, int m)
{
	return 2 * ((size_t) m + 1) * sizeof(double) +
		   ((size_t) n + m) * (sizeof(double) + sizeof(int));
}

/* Bytes that warping curves of n epochs onto others in lanes needs. */
size_t
metaprobe_dtw_lanes_workspace_size(int n)
{
	return (4 * (size_t) n + 2) * DTW_LANES * sizeof(double) +
		   (size_t) n * (sizeof(double) + 2 * sizeof(int));
}

static Observed
drop_missing(const float *curve, int n, double *losses, int *epochs)
{
	Observed observed = {losses, epochs, 0};

	for (int i = 0; i < n; i++)
	{
		losses[observed.n] = curve[i];
		epochs[observed.n] = i;
		observed.n += !metaprobe_loss_is_missing(curve[i]);
	}
	return observed;
}

/* The longest run of missing epochs. */
int
metaprobe_dtw_longest_gap(const float *curve, int n)
{
	int longest = 0;
	int run = 0;

	for (int i = 0; i < n; i++)
	{
		run = metaprobe_loss_is_missing(curve[i]) ? run + 1 : 0;
		if (run > longest)
			longest = run;
	}
	return longest;
}

/* The largest distance from an epoch of a to its nearest epoch in b. */
static int
largest_gap(const Observed *a, const Observed *b)
{
	int largest = 0;
	int j = 0;

	for (int i = 0; i < a->n; i++)
	{
		int gap;

		while (j + 1 < b->n && abs(b->epochs[j + 1] - a->epochs[i]) <=
								   abs(b->epochs[j] - a->epochs[i]))
			j++;
		gap = abs(b->epochs[j] - a->epochs[i]);
		if (gap > largest)
			largest = gap;
	}
	return largest;
}

/* Is the curve's last observed epoch the n-th that is observed? */
static bool
has_no_gap(const Observed *curve)
{
	return curve->epochs[curve->n - 1] == curve->n - 1;
}

/*
 * The narrowest band, at least as wide as asked, that leaves a path.  A path
 * pairs every epoch with another at some point, so it needs the Hausdorff
 * distance of the two sets of epochs; and since both are ascending, pairing
 * each epoch with its nearest in the other set is a path of that width.
 */
static int
passable_band(const Observed *a, const Observed *b, int band)
{
	int needed;
	int reverse;

	if (band == DTW_NO_BAND || band > LOSS_CURVE_MAX_EPOCHS)
		return LOSS_CURVE_MAX_EPOCHS;
	if (has_no_gap(a) && has_no_gap(b))
		needed = abs(a->n - b->n);
	else
	{
		needed = largest_gap(a, b);
		reverse = largest_gap(b, a);
		if (reverse > needed)
			needed = reverse;
	}
	return band > needed ? band : needed;
}

static inline double
least(double x, double y)
{
	return x < y ? x : y;
}

static inline void
swap_rows(double **x, double **y)
{
	double *swap = *x;

	*x = *y;
	*y = swap;
}

/*
 * Let the previous row reach one column further.  It has no path there; where
 * the column is skipped, the next one follows upon the one before.
 */
ALWAYS_INLINE void
extend_row(const Warp *w, int column, int lanes, bool gated)
{
	size_t	place = (size_t) column * lanes;
	double *cells = w->previous + place;

	for (int l = 0; l < lanes; l++)
	{
		bool skipped = gated && w->gates[place + l] > 0;

		cells[lanes + l] = skipped ? cells[l] : INFINITY;
	}
}

/*
 * The cells of a row within the columns [low, high).  In a column that a lane
 * skips the loss is NaN, so it costs nothing to come there from the left, and
 * the gate keeps paths from coming otherwise: the cell is a copy of the left
 * one, as though the column were not there.
 */
ALWAYS_INLINE void
fill_row(const Warp *w, double x, int low, int high, int lanes, bool gated)
{
	const double *restrict columns = w->columns;
	const double *restrict gates = w->gates;
	const double *restrict above = w->previous;
	double *restrict cells = w->current;

	for (int l = 0; l < lanes; l++)
		cells[(size_t) low * lanes + l] = INFINITY;
	for (size_t left = (size_t) low * lanes; left < (size_t) high * lanes;
		 left += lanes)
	{
#ifdef __clang__
/* At -O3 it would unroll this first, and then no longer vectorise it. */
#pragma clang loop unroll(disable)
#endif
		for (int l = 0; l < lanes; l++)
		{
			size_t j = left + l;
			double difference = x - columns[j];
			double cost = difference * difference;
			double before = least(above[j], above[j + lanes]);

			if (gated)
			{
				cost = cost > 0 ? cost : 0;
				before += gates[j];
			}
			cells[j + lanes] = cost + least(before, cells[j]);
		}
	}
}

/*
 * Is every path of every lane certain to end beyond the limit?  Sums never
 * fall along a path, rounded as they are.
 */
ALWAYS_INLINE bool
all_beyond_limit(const Warp *w, int low, int high, int lanes)
{
	const double *cells = w->current + (size_t) (low + 1) * lanes;
	double		  least_sums[DTW_LANES];

	for (int l = 0; l < lanes; l++)
		least_sums[l] = INFINITY;
	for (int j = 0; j < (high - low) * lanes; j += lanes)
	{
		for (int l = 0; l < lanes; l++)
			least_sums[l] = least(least_sums[l], cells[j + l]);
	}
	for (int l = 0; l < lanes; l++)
	{
		if (!(least_sums[l] > w->limit))
			return false;
	}
	return true;
}

/*
 * Run the programme.  Sums of lanes that are abandoned stay as they are.
 */
ALWAYS_INLINE void
run_warp(Warp *w, int lanes, bool gated)
{
	int	 low = 0; /* the band's columns are [low, high) */
	int	 high = 0;
	long cells = 0;

	for (int l = 0; l < lanes; l++)
		w->previous[l] = 0;
	for (int i = 0; i < w->n_rows; i++)
	{
		while (w->column_epochs[low] < w->row_epochs[i] - w->band)
			low++;
		for (; high < w->n_columns &&
			   w->column_epochs[high] <= w->row_epochs[i] + w->band;
			 high++)
			extend_row(w, high, lanes, gated);
		fill_row(w, w->rows[i], low, high, lanes, gated);

		for (int l = 0; l < lanes; l++)
		{
			if (w->last_rows[l] == i)
				w->sums[l] =
					w->current[(size_t) (w->last_columns[l] + 1) * lanes + l];
		}
		if (w->limit < INFINITY && i % ROWS_BETWEEN_CHECKS == 0 &&
			i + 1 < w->n_rows && all_beyond_limit(w, low, high, lanes))
			return;
		swap_rows(&w->previous, &w->current);

		cells += (long) (high - low) * lanes;
		if (cells > CELLS_BETWEEN_POLLS)
		{
			metaprobe_poll();
			cells = 0;
		}
	}
}

/* The limit of sums of squares below which a distance may be in the limit. */
static double
limit_of_sums(double limit)
{
	return limit * limit * (1 + ROUNDING_MARGIN);
}

/* metaprobe_dtw_distance(); beyond the limit that or infinity. */
static double
distance_within(const float *a, int n, const float *b, int m, int band,
				double limit, void *workspace)
{
	double	*previous = workspace;
	double	*current = previous + m + 1;
	double	*losses = current + m + 1;
	int		*epochs = (int *) (losses + n + m);
	Observed x = drop_missing(a, n, losses, epochs);
	Observed y = drop_missing(b, m, losses + n, epochs + n);
	double	 sum = INFINITY;
	int		 last_row = x.n - 1;
	int		 last_column = y.n - 1;
	Warp	 warp = {.rows = x.losses,
					 .row_epochs = x.epochs,
					 .n_rows = x.n,
					 .columns = y.losses,
					 .column_epochs = y.epochs,
					 .n_columns = y.n,
					 .last_rows = &last_row,
					 .last_columns = &last_column,
					 .sums = &sum,
					 .limit = limit_of_sums(limit),
					 .previous = previous,
					 .current = current};

	metaprobe_poll();
	if (x.n == 0 || y.n == 0)
		return NAN;
	warp.band = passable_band(&x, &y, band);
	run_warp(&warp, 1, false);
	return sqrt(sum);
}

/*
 * The root of the least sum of squared differences over all warping paths
 * between a (n epochs) and b (m epochs).  NaN if either curve has no observed
 * epoch.
 *
 * band is in epochs, DTW_NO_BAND for none; workspace holds
 * metaprobe_dtw_workspace_size(n, m) bytes, aligned for doubles.
 */
double
metaprobe_dtw_distance(const float *a, int n, const float *b, int m, int band,
					   void *workspace)
{
	return distance_within(a, n, b, m, band, INFINITY, workspace);
}

static void
run_lanes(Warp *warp, bool gated)
{
	if (gated)
		run_warp(warp, DTW_LANES, true);
	else
		run_warp(warp, DTW_LANES, false);
}

/* The same on wider registers, in 0.6 of the time. */
#ifdef METAPROBE_HAVE_AVX2_KERNELS
static __attribute__((target("avx2"))) void
run_lanes_avx2(Warp *warp, bool gated)
{
	if (gated)
		run_warp(warp, DTW_LANES, true);
	else
		run_warp(warp, DTW_LANES, false);
}
#endif

static void
run_fastest_lanes(Warp *warp, bool gated)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
	{
		run_lanes_avx2(warp, gated);
		return;
	}
#endif
	run_lanes(warp, gated);
}

/* The curves that share a warp, in the caller's order. */
typedef struct Lanes
{
	int		count;
	int		of[DTW_LANES]; /* which of the others has the lane */
	int		last_rows[DTW_LANES];
	int		last_columns[DTW_LANES];
	double	sums[DTW_LANES];
	double *columns;
	double *gates;
	int		n_columns;
	bool	gated; /* some lane skips a column */
} Lanes;

/*
 * The columns of a lane: a curve up to its end, and beyond it, or without a
 * curve, such as no path can take.
 */
static void
fill_lane(Lanes *lanes, int lane, const float *curve, int end)
{
	double *column = lanes->columns + lane;

	for (int j = 0; j < end; j++, column += DTW_LANES)
		*column = curve[j];
	for (int j = end; j < lanes->n_columns; j++, column += DTW_LANES)
		*column = INFINITY;
	lanes->sums[lane] = INFINITY;
}

static void
fill_gates(Lanes *lanes)
{
	for (size_t i = 0; i < (size_t) lanes->n_columns * DTW_LANES; i++)
		lanes->gates[i] = isnan(lanes->columns[i]) ? INFINITY : 0;
}

static int
last_observed(const float *curve, int end)
{
	int i = end - 1;

	while (i >= 0 && metaprobe_loss_is_missing(curve[i]))
		i--;
	return i;
}

/* How many of the rows lie before the end. */
static int
rows_before(const Observed *rows, int end)
{
	int n = rows->n;

	while (n > 0 && rows->epochs[n - 1] >= end)
		n--;
	return n;
}

static inline int
common_end(const DtwCurve *a, const DtwCurve *b)
{
	return a->end < b->end ? a->end : b->end;
}

/* Could a gap of the curve widen the band? */
static inline bool
may_widen(const DtwCurve *curve, int band)
{
	return band != DTW_NO_BAND && curve->gap > band;
}

/* Give lanes to those of the curves that can share a warp with the rows. */
static void
fill_lanes(Lanes *lanes, const DtwCurve *curve, const Observed *rows,
		   const DtwCurve *others, int n_others, int band)
{
	lanes->count = 0;
	lanes->gated = false;
	for (int i = 0; i < n_others; i++)
	{
		int lane = lanes->count;
		int end = common_end(curve, &others[i]);

		if (may_widen(curve, band) || may_widen(&others[i], band))
			continue;
		lanes->last_rows[lane] = rows_before(rows, end) - 1;
		lanes->last_columns[lane] = last_observed(others[i].losses, end);
		if (lanes->last_rows[lane] < 0 || lanes->last_columns[lane] < 0)
			continue; /* no observed epoch */
		fill_lane(lanes, lane, others[i].losses, end);
		lanes->gated |= others[i].gap > 0;
		lanes->of[lane] = i;
		lanes->count++;
	}
	for (int lane = lanes->count; lane < DTW_LANES; lane++)
	{
		fill_lane(lanes, lane, NULL, 0);
		lanes->last_rows[lane] = -1;
	}
	if (lanes->gated)
		fill_gates(lanes);
}

/* The end of the longest pair. */
static int
largest_end(const DtwCurve *curve, const DtwCurve *others, int n_others)
{
	int largest = 0;

	for (int i = 0; i < n_others; i++)
	{
		int end = common_end(curve, &others[i]);

		if (end > largest)
			largest = end;
	}
	return largest;
}

/*
 * Warp the curves of all lanes onto the rows.  They have no gap that widens
 * the band, which may be DTW_NO_BAND.
 */
static void
warp_lanes(Lanes *lanes, const Observed *rows, int *column_epochs, int band,
		   double limit, double *previous, double *current)
{
	Warp warp = {.rows = rows->losses,
				 .row_epochs = rows->epochs,
				 .n_rows = rows->n,
				 .columns = lanes->columns,
				 .gates = lanes->gates,
				 .column_epochs = column_epochs,
				 .n_columns = lanes->n_columns,
				 .band = band,
				 .last_rows = lanes->last_rows,
				 .last_columns = lanes->last_columns,
				 .sums = lanes->sums,
				 .limit = limit_of_sums(limit),
				 .previous = previous,
				 .current = current};

	if (band == DTW_NO_BAND || band > LOSS_CURVE_MAX_EPOCHS)
		warp.band = LOSS_CURVE_MAX_EPOCHS;
	for (int j = 0; j < lanes->n_columns; j++)
		column_epochs[j] = j;
	run_fastest_lanes(&warp, lanes->gated);
}

/*
 * metaprobe_dtw_distance(), to the bit, from one curve to up to DTW_LANES
 * others, each pair cut to the end of the one that ends first, if that is
 * within the limit; else that or infinity, whichever is known first.  A limit
 * of infinity (or NaN) is none.
 *
 * This takes much less time than one after the other, and nearly as much for
 * few as for all lanes.  Envelopes are not used.
 *
 * Curves with gaps longer than the band are warped by themselves: they may
 * widen it.
 *
 * workspace holds metaprobe_dtw_lanes_workspace_size() bytes for the largest
 * end, aligned for doubles.
 */
void
metaprobe_dtw_distances_within(const DtwCurve *curve, const DtwCurve *others,
							   int n_others, int band, double limit,
							   double *distances, void *workspace)
{
	int		 n = largest_end(curve, others, n_others);
	size_t	 matrix = (size_t) n * DTW_LANES;
	double	*previous = workspace;
	double	*current = previous + matrix + DTW_LANES;
	Lanes	 lanes = {.columns = current + matrix + DTW_LANES,
					  .gates = current + 2 * matrix + DTW_LANES,
					  .n_columns = n};
	double	*losses = current + 3 * matrix + DTW_LANES;
	int		*epochs = (int *) (losses + n);
	Observed rows = drop_missing(curve->losses, n, losses, epochs);
	bool	 done[DTW_LANES] = {false};

	metaprobe_poll();
	if (n_others >= LANES_WORTHWHILE)
		fill_lanes(&lanes, curve, &rows, others, n_others, band);
	if (lanes.count >= LANES_WORTHWHILE)
	{
		warp_lanes(&lanes, &rows, epochs + n, band, limit, previous, current);
		for (int lane = 0; lane < lanes.count; lane++)
		{
			distances[lanes.of[lane]] = sqrt(lanes.sums[lane]);
			done[lanes.of[lane]] = true;
		}
	}
	for (int i = 0; i < n_others; i++)
	{
		int end = common_end(curve, &others[i]);

		if (!done[i])
			distances[i] =
				distance_within(curve->losses, end, others[i].losses, end,
								band, limit, workspace);
	}
}
