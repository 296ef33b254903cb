/*
 * rough.c
 *		Distances from rows of numbers in 16 bits: quick, and off by a known
 *		amount.
 */
#include "rough.h"

#include "carve.h"
#include "cpu.h"
#include "poll.h"

#define N_LANES 16 /* that rows are padded to */
#define N_PAIRS (N_LANES / 2)

#define ROWS_BETWEEN_POLLS 256

/* Far above what rounding does to a few doubles. */
#define MARGIN 1e-9

/*
 * What three roundings to a float do to a number of steps, up to the limit, with
 * as much again to spare; and the smallest step of whose inverse they are done.
 */
#define FLOAT_STEPS_OFF (6 * GRID_LARGEST_LIMIT * 0x1p-24)
#define SMALLEST_FLOAT_STEP 1e-30

static inline int
padded(int n)
{
	return (n + N_LANES - 1) / N_LANES * N_LANES;
}

static inline const int16_t *
row_values(const RoughRows *rows, int row)
{
	return rows->values + (size_t) row * padded(rows->n);
}

/*
 * Building
 */

static size_t
lay_out(RoughRows *rows, int n_rows, int n, void *memory, float **centres)
{
	Carver carver = {memory, 0};

	*centres = carve(&carver, n, sizeof(float));
	rows->values =
		carve(&carver, (size_t) n_rows * padded(n), sizeof(int16_t));
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
 * The least shift, of the sum of each pair of squares, with which the sum of all
 * pairs stays finite.
 */
static int
least_shift(PackedNorm norm, int n)
{
	const double largest = 2.0 * (2 * GRID_LARGEST_LIMIT);
	const int	 n_pairs = padded(n) / 2;
	int			 shift = 0;
	double		 pair = largest * GRID_LARGEST_LIMIT * 2;

	if (norm == PACKED_SIZES)
		pair = largest;
	while (ldexp(pair, -shift) * n_pairs >= ROUGH_INFINITE)
		shift++;
	return shift;
}

static void
round_row(RoughRows *rows, const float *numbers, int row)
{
	int16_t *values = rows->values + (size_t) row * padded(rows->n);
	bool	 is_undefined = false;

	for (int i = 0; i < rows->n; i++)
		is_undefined |= isnan(numbers[i]);
	for (int i = 0; i < rows->n && !is_undefined; i++)
		values[i] = metaprobe_grid_round(&rows->grid, numbers[i], i);
	rows->is_undefined[row] = is_undefined;
	rows->has_undefined |= is_undefined;
}

/*
 * Round rows of n numbers, finite or NaN, into memory of
 * metaprobe_rough_size() bytes, aligned for vectors.
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
 * Measuring
 */

/* Bytes of room for a query of n numbers. */
size_t
metaprobe_rough_query_size(int n)
{
	return 2 * padded(n) * sizeof(int16_t);
}

void
metaprobe_rough_query_init(RoughQuery *query, int n, void *memory)
{
	query->values = memory;
	query->masks = query->values + padded(n);
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
	const float	 inverse_step = (float) (1 / rows->grid.step);
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
	double inverse_step = 1 / rows->grid.step;
	double sum = 0;

	for (int i = 0; i < n; i++)
	{
		double beyond;

		query->masks[i] = (int16_t) - !isnan(from[i]);
		query->values[i] = 0;
		if (isnan(from[i]))
			continue;
		query->values[i] = metaprobe_grid_clamp(&rows->grid, from[i], i,
												inverse_step, &beyond);
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

static void
set_query(RoughQuery *query, const RoughRows *rows, const float *from, int n,
		  bool are_known)
{
	query->n_lanes = padded(n);
	for (int i = n; i < query->n_lanes; i++)
	{
		query->values[i] = 0;
		query->masks[i] = 0;
	}
	query->beyond = 0;
	if (!round_quickly(query, rows, from, n, are_known))
		query->beyond = round_far_query(query, rows, from, n);
}

/* Measure from a row of finite numbers. */
void
metaprobe_rough_query_set(RoughQuery *query, const RoughRows *rows,
						  const float *from)
{
	set_query(query, rows, from, rows->n, true);
	query->n_known = rows->n;
}

/*
 * Measure from the first n numbers of a row, those that are not NaN.  At least
 * one must be known.
 */
void
metaprobe_rough_query_set_known(RoughQuery *query, const RoughRows *rows,
								const float *from, int n)
{
	set_query(query, rows, from, n, false);
	query->n_known = 0;
	for (int i = 0; i < n; i++)
		query->n_known -= query->masks[i];
}

/* norm and has_masks are constants wherever kernels are inlined. */
ALWAYS_INLINE void
distances_portable(const RoughRows *rows, const RoughQuery *query,
				   const int32_t *which, int n_which, int32_t *distances,
				   PackedNorm norm, bool has_masks)
{
	int n_pairs = query->n_lanes / 2;

	for (int i = 0; i < n_which; i++)
	{
		const int16_t *values = row_values(rows, which[i]);
		int32_t		   sum = 0;

		for (int pair = 0; pair < n_pairs; pair++)
		{
			int32_t a = query->values[2 * pair] - values[2 * pair];
			int32_t b = query->values[2 * pair + 1] - values[2 * pair + 1];

			if (has_masks)
			{
				a &= query->masks[2 * pair];
				b &= query->masks[2 * pair + 1];
			}
			if (norm == PACKED_SQUARES)
				sum += (a * a + b * b) >> rows->shift;
			else
				sum += ((a < 0 ? -a : a) + (b < 0 ? -b : b)) >> rows->shift;
		}
		distances[i] = sum;
	}
}

#ifdef METAPROBE_HAVE_AVX2_KERNELS
#define ROWS_AT_ONCE 4

AVX2 ALWAYS_INLINE __m256i
load(const int16_t *values)
{
	return _mm256_loadu_si256((const __m256i *) values);
}

AVX2 ALWAYS_INLINE __m256i
add_differences(__m256i sums, __m256i a, __m256i b, __m256i mask,
				__m128i shift, PackedNorm norm, bool has_masks)
{
	__m256i difference = _mm256_sub_epi16(a, b);
	__m256i pairs;

	if (has_masks)
		difference = _mm256_and_si256(difference, mask);
	if (norm == PACKED_SQUARES)
		pairs = _mm256_madd_epi16(difference, difference);
	else
		pairs = _mm256_madd_epi16(_mm256_abs_epi16(difference),
								  _mm256_set1_epi16(1));
	return _mm256_add_epi32(sums, _mm256_srl_epi32(pairs, shift));
}

/* The totals of four vectors of sums. */
AVX2 ALWAYS_INLINE __m128i
totals(const __m256i *sums)
{
	__m256i pairs = _mm256_hadd_epi32(sums[0], sums[1]);
	__m256i others = _mm256_hadd_epi32(sums[2], sums[3]);
	__m256i halves = _mm256_hadd_epi32(pairs, others);

	return _mm_add_epi32(_mm256_castsi256_si128(halves),
						 _mm256_extracti128_si256(halves, 1));
}

AVX2 ALWAYS_INLINE __m128i
four_distances(const RoughQuery *query, const int16_t *const *four,
			   __m128i shift, PackedNorm norm, bool has_masks)
{
	__m256i sums[ROWS_AT_ONCE];

	for (int j = 0; j < ROWS_AT_ONCE; j++)
		sums[j] = _mm256_setzero_si256();
	for (int i = 0; i < query->n_lanes; i += N_LANES)
	{
		__m256i a = load(query->values + i);
		__m256i mask = a;

		if (has_masks)
			mask = load(query->masks + i);
		for (int j = 0; j < ROWS_AT_ONCE; j++)
			sums[j] = add_differences(sums[j], a, load(four[j] + i), mask,
									  shift, norm, has_masks);
	}
	return totals(sums);
}

/* Of fewer than four rows left the last one is taken again. */
AVX2 ALWAYS_INLINE void
distances_avx2(const RoughRows *rows, const RoughQuery *query,
			   const int32_t *which, int n_which, int32_t *distances,
			   PackedNorm norm, bool has_masks)
{
	__m128i shift = _mm_cvtsi32_si128(rows->shift);

	for (int i = 0; i < n_which; i += ROWS_AT_ONCE)
	{
		const int16_t *four[ROWS_AT_ONCE];
		int			   n_left = n_which - i;
		__m128i		   found;

		for (int j = 0; j < ROWS_AT_ONCE; j++)
			four[j] =
				row_values(rows, which[i + (j < n_left ? j : n_left - 1)]);
		found = four_distances(query, four, shift, norm, has_masks);
		if (n_left >= ROWS_AT_ONCE)
			_mm_storeu_si128((__m128i *) (distances + i), found);
		else
			_mm_maskstore_epi32(distances + i,
								_mm_cmpgt_epi32(_mm_set1_epi32(n_left),
												_mm_setr_epi32(0, 1, 2, 3)),
								found);
	}
}
#endif

/* Run a variant of the kernel that does no more than what is needed. */
#define SPECIALISE_MASKS(kernel, norm) \
	do \
	{ \
		if (query->n_known < rows->n) \
			kernel(rows, query, which, n_which, distances, norm, true); \
		else \
			kernel(rows, query, which, n_which, distances, norm, false); \
	} while (0)

#define SPECIALISE(kernel) \
	do \
	{ \
		if (rows->norm == PACKED_SQUARES) \
			SPECIALISE_MASKS(kernel, PACKED_SQUARES); \
		else \
			SPECIALISE_MASKS(kernel, PACKED_SIZES); \
	} while (0)

#ifdef METAPROBE_HAVE_AVX2_KERNELS
AVX2 static void
specialised_avx2(const RoughRows *rows, const RoughQuery *query,
				 const int32_t *which, int n_which, int32_t *distances)
{
	SPECIALISE(distances_avx2);
}
#endif

/* The rough distances of some of the rows, over the numbers known. */
void
metaprobe_rough_distances(const RoughRows *rows, const RoughQuery *query,
						  const int32_t *which, int n_which,
						  int32_t *distances)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
		specialised_avx2(rows, query, which, n_which, distances);
	else
#endif
		SPECIALISE(distances_portable);
	for (int i = 0; rows->has_undefined && i < n_which; i++)
	{
		if (rows->is_undefined[which[i]])
			distances[i] = ROUGH_UNDEFINED;
	}
}

/* By how much the roundings of all numbers known change a distance, in steps. */
static double
steps_off(const RoughRows *rows, const RoughQuery *query)
{
	double n = query->n_known;

	if (rows->norm == PACKED_SQUARES)
		n = sqrt(n);

	return n * (1 + FLOAT_STEPS_OFF);
}

/* The largest rough distance that a row at most this far away can have. */
int32_t
metaprobe_rough_threshold(const RoughRows *rows, const RoughQuery *query,
						  double distance)
{
	bool   is_square = rows->norm == PACKED_SQUARES;
	double within = is_square ? distance * distance : distance;
	double limit;

	within = within * (1 + MARGIN) - query->beyond * (1 - MARGIN);
	if (!(within > 0))
		within = 0;
	if (is_square)
		within = sqrt(within);
	limit = (within / rows->grid.step + steps_off(rows, query)) * (1 + MARGIN);
	if (is_square)
		limit *= limit;
	limit = limit / rows->unit * (1 + MARGIN) + 1;
	return limit < ROUGH_INFINITE ? (int32_t) limit : ROUGH_UNDEFINED - 1;
}

/* The largest distance that a row of this rough one can have. */
double
metaprobe_rough_reach(const RoughRows *rows, const RoughQuery *query,
					  int32_t rough)
{
	bool   is_square = rows->norm == PACKED_SQUARES;
	int	   n_pairs = query->n_lanes / 2;
	double beyond = query->beyond;
	double reach;

	if (rough >= ROUGH_INFINITE)
		return INFINITY;
	/* the shift has rounded each pair down */
	reach = ((double) rough + n_pairs) * rows->unit;
	if (is_square)
	{
		reach = sqrt(reach);
		beyond = sqrt(beyond);
	}
	return ((reach + steps_off(rows, query)) * rows->grid.step + beyond) *
		   (1 + MARGIN);
}
