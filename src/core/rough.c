/*
 * rough.c
 *		Distances from rows of numbers in 16 bits: quick, and off by a known
 *		amount.
 */
#include "rough_sums.h"

#include "carve.h"
#include "cpu.h"
#include "poll.h"

#define ROWS_BETWEEN_POLLS 256

/* Far above what rounding does to a few doubles. */
#define MARGIN 1e-9

/*
 * What three roundings to a float do to a number of steps, up to the limit, with
 * as much again to spare; and the smallest step of whose inverse they are done.
 */
#define FLOAT_STEPS_OFF (6 * GRID_LARGEST_LIMIT * 0x1p-24)
#define SMALLEST_FLOAT_STEP 1e-30

/*
 * Building
 */

static size_t
lay_out(RoughRows *rows, int n_rows, int n, void *memory, float **centres)
{
	Carver carver = {memory, 0};

	*centres = carve(&carver, n, sizeof(float));
	rows->values = carve(&carver, (size_t) n_rows * metaprobe_rough_padded(n),
						 sizeof(int16_t));
	rows->norms = carve(&carver, n_rows, sizeof(int32_t));
	rows->is_undefined = carve(&carver, n_rows, sizeof(uint8_t));
	return carver.used;
}

/* Bytes of memory that so many rows take. */
size_t
metaprobe_rough_size(int n_rows, int n)
{
	RoughRows measured;
	float	 *centres;

	return lay_out(&measured, n_rows, n, NULL, &centres);
}

/*
 * The least power of two by which sums are divided so that they stay finite.
 * Products are divided by half of it.
 */
static int
least_shift(PackedNorm norm, int n)
{
	const double largest = 2 * GRID_LARGEST_LIMIT;
	int			 shift = 1;

	if (norm == PACKED_SIZES)
		return 0;
	while (ldexp(largest * largest * n, -shift) +
			   metaprobe_products_excess(metaprobe_rough_padded(n)) >=
		   ROUGH_INFINITE)
		shift++;
	return shift;
}

ALWAYS_INLINE int64_t
sum_of_squares(const int16_t *values, int n)
{
	int64_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += values[i] * values[i];
	return sum;
}

static void
round_row(RoughRows *rows, const float *numbers, int row)
{
	int16_t *values =
		rows->values + (size_t) row * metaprobe_rough_padded(rows->n);
	bool is_undefined = false;

	for (int i = 0; i < rows->n; i++)
		is_undefined |= isnan(numbers[i]);
	for (int i = 0; i < rows->n && !is_undefined; i++)
		values[i] = metaprobe_grid_round(&rows->grid, numbers[i], i);
	rows->norms[row] =
		(int32_t) (sum_of_squares(values, rows->n) >> rows->shift);
	rows->is_undefined[row] = is_undefined;
	rows->has_undefined |= is_undefined;
}

/*
 * Round rows of n numbers, finite or NaN, into memory of
 * metaprobe_rough_size() bytes, aligned for vectors.  A row has no more numbers
 * than a curve has epochs.
 */
void
metaprobe_rough_build(RoughRows *rows, PackedNorm norm, const float *numbers,
					  int n_rows, int n, void *memory)
{
	float *centres;

	memset(memory, 0, metaprobe_rough_size(n_rows, n));
	lay_out(rows, n_rows, n, memory, &centres);
	rows->norm = norm;
	rows->n = n;
	rows->shift = least_shift(norm, n);
	rows->unit = ldexp(1, rows->shift);
	rows->inverse_unit = 1 / rows->unit;
	rows->has_undefined = false;
	metaprobe_grid_fit(&rows->grid, numbers, n, n_rows, n, GRID_LARGEST_LIMIT,
					   centres);
	for (int row = 0; row < n_rows; row++)
	{
		if (row % ROWS_BETWEEN_POLLS == 0)
			metaprobe_poll();
		round_row(rows, numbers + (size_t) row * n, row);
	}
}

/*
 * What to measure from
 */

/* Bytes of room for a query of n numbers. */
size_t
metaprobe_rough_query_size(int n)
{
	return 2 * metaprobe_rough_padded(n) * sizeof(int16_t);
}

void
metaprobe_rough_query_init(RoughQuery *query, int n, void *memory)
{
	query->values = memory;
	query->masks = query->values + metaprobe_rough_padded(n);
}

/*
 * Round the first n numbers in single precision, which changes a step by
 * FLOAT_STEPS_OFF at most.  Returns whether one of them lies beyond the grid.
 * are_known promises that none is NaN; else those get masks.
 *
 * Adding 1.5 * 2^23 rounds to the nearest integer, which then stands in the last
 * bits: unlike lrint(), compilers vectorise that.
 */
ALWAYS_INLINE bool
round_query(RoughQuery *query, const RoughRows *rows, const float *from, int n,
			bool are_known)
{
	const float	 limit = (float) rows->grid.limit;
	const float	 inverse_step = (float) rows->grid.inverse_step;
	const float *centres = rows->grid.centres;
	int16_t		*values = query->values;
	int16_t		*masks = query->masks;
	int			 is_beyond = 0;

	for (int i = 0; i < n; i++)
	{
		bool	is_known = are_known || from[i] == from[i];
		float	loss = is_known ? from[i] : centres[i];
		float	steps = (loss - centres[i]) * inverse_step;
		float	within = steps > limit ? limit : steps;
		int32_t bits;

		if (!are_known)
			masks[i] = (int16_t) -is_known;

		within = within < -limit ? -limit : within;
		is_beyond |= steps != within;
		within += 0x1.8p23f;
		memcpy(&bits, &within, sizeof(bits));
		values[i] = (int16_t) bits;
	}
	return is_beyond;
}

/*
 * Round them in double precision.  Returns the sum, by the norm, of how far they
 * lie beyond the grid.
 */
static double
round_far_query(RoughQuery *query, const RoughRows *rows, const float *from,
				int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
	{
		double beyond;

		query->masks[i] = (int16_t) - !isnan(from[i]);
		query->values[i] = 0;
		if (isnan(from[i]))
			continue;
		query->values[i] =
			metaprobe_grid_clamp(&rows->grid, from[i], i, &beyond);
		sum += rows->norm == PACKED_SQUARES ? beyond * beyond : beyond;
	}
	return sum;
}

#ifdef METAPROBE_HAVE_AVX2_KERNELS
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2")))

AVX2 static bool
round_query_avx2(RoughQuery *query, const RoughRows *rows, const float *from,
				 int n, bool are_known)
{
	return are_known ? round_query(query, rows, from, n, true) :
					   round_query(query, rows, from, n, false);
}
#endif

/* Round the numbers quickly.  False if that cannot be done. */
static bool
round_quickly(RoughQuery *query, const RoughRows *rows, const float *from,
			  int n, bool are_known)
{
	if (rows->grid.step < SMALLEST_FLOAT_STEP)
		return false;
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
		return !round_query_avx2(query, rows, from, n, are_known);
#endif
	return !round_query(query, rows, from, n, are_known);
}

#ifdef METAPROBE_HAVE_AVX2_KERNELS
AVX2 static int64_t
sum_of_squares_avx2(const int16_t *values, int n)
{
	return sum_of_squares(values, n);
}
#endif

/* The query's part of sums by products. */
static int32_t
query_norm(const RoughRows *rows, const RoughQuery *query)
{
	int64_t sum;

#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
		sum = sum_of_squares_avx2(query->values, query->n_lanes);
	else
#endif
		sum = sum_of_squares(query->values, query->n_lanes);
	return (int32_t) (sum >> rows->shift) + ROUGH_PRODUCTS_OFFSET;
}

/* Round a row to measure from; are_known promises that no number is missing. */
static void
set_query(RoughQuery *query, const RoughRows *rows, const float *from, int n,
		  bool are_known)
{
	query->has_masks = !are_known;
	query->n_lanes = metaprobe_rough_padded(n);
	for (int i = n; i < query->n_lanes; i++)
	{
		query->values[i] = 0;
		query->masks[i] = 0;
	}
	query->beyond = 0;
	if (!round_quickly(query, rows, from, n, are_known))
		query->beyond = round_far_query(query, rows, from, n);
}

/*
 * Choose how distances are taken, and note how far off they may be, if so many
 * numbers are known.
 */
static void
choose_form(RoughQuery *query, const RoughRows *rows, int n_known)
{
	double steps_off = n_known;

	query->norm = 0;
	query->excess = 0;
	query->deficit = 0;
	if (rows->norm == PACKED_SIZES)
		query->form = ROUGH_BY_SIZES;
	else
	{
		steps_off = sqrt(steps_off);
		query->form = query->has_masks ? ROUGH_BY_SQUARES : ROUGH_BY_PRODUCTS;
	}
	if (query->form == ROUGH_BY_SQUARES)
		query->deficit = metaprobe_squares_deficit(query->n_lanes);
	if (query->form == ROUGH_BY_PRODUCTS)
	{
		query->norm = query_norm(rows, query);
		query->excess = metaprobe_products_excess(query->n_lanes);
	}
	query->steps_off = steps_off * (1 + FLOAT_STEPS_OFF);
}

/* Measure from a row of finite numbers. */
void
metaprobe_rough_query_set(RoughQuery *query, const RoughRows *rows,
						  const float *from)
{
	set_query(query, rows, from, rows->n, true);
	choose_form(query, rows, rows->n);
}

/*
 * Measure from the first n numbers of a row, those that are not NaN.  At least
 * one must be known.
 */
void
metaprobe_rough_query_set_known(RoughQuery *query, const RoughRows *rows,
								const float *from, int n)
{
	int n_known = 0;

	set_query(query, rows, from, n, false);
	for (int i = 0; i < n; i++)
		n_known -= query->masks[i];
	choose_form(query, rows, n_known);
}

/*
 * What distances mean
 */

/* The largest rough distance that a row at most this far away can have. */
int32_t
metaprobe_rough_threshold(const RoughRows *rows, const RoughQuery *query,
						  double distance)
{
	bool   is_square = rows->norm == PACKED_SQUARES;
	double within =
		metaprobe_packed_within(rows->norm, distance, query->beyond);
	double limit;

	limit =
		(within * rows->grid.inverse_step + query->steps_off) * (1 + MARGIN);
	if (is_square)
		limit *= limit;
	limit = limit * rows->inverse_unit * (1 + MARGIN) + 1 + query->excess;
	return limit < ROUGH_INFINITE ? (int32_t) limit : ROUGH_UNDEFINED - 1;
}

/* The largest distance that a row of this rough one can have. */
double
metaprobe_rough_reach(const RoughRows *rows, const RoughQuery *query,
					  int32_t rough)
{
	bool   is_square = rows->norm == PACKED_SQUARES;
	double reach;

	if (rough >= ROUGH_INFINITE)
		return INFINITY;
	reach = ((double) rough + query->deficit) * rows->unit;
	if (is_square)
		reach = sqrt(reach);
	reach = (reach + query->steps_off) * rows->grid.step;
	if (query->beyond > 0)
		reach += is_square ? sqrt(query->beyond) : query->beyond;
	return reach * (1 + MARGIN);
}
