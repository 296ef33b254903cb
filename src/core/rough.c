/*
 * rough.c
 *		Distances in single precision: quick, and off by a known share.
 */
#include "rough.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "cpu.h"

#define N_LANES 8

/* Far above what rounding does to a few doubles. */
#define DOUBLE_MARGIN 1e-9

/* norm is a constant wherever kernels are inlined. */
ALWAYS_INLINE float
sum_differences(const float *a, const float *b, int n, PackedNorm norm)
{
	float sums[N_LANES] = {0};

	for (int i = 0; i < n; i++)
	{
		float difference = a[i] - b[i];

		sums[i % N_LANES] += norm == PACKED_SQUARES ? difference * difference :
													  fabsf(difference);
	}
	return ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
		   ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

ALWAYS_INLINE void
distances_portable(const RoughPoints *points, const int32_t *rows, int n_rows,
				   int32_t *results, PackedNorm norm)
{
	for (int i = 0; i < n_rows; i++)
	{
		const float *row = points->rows + (size_t) rows[i] * points->n;
		float		 sum = sum_differences(points->from, row, points->n, norm);

		memcpy(&results[i], &sum, sizeof(sum));
		results[i] &= INT32_MAX;
	}
}

#ifdef METAPROBE_HAVE_AVX2_KERNELS
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2")))

#define ROWS_AT_ONCE 4

AVX2 ALWAYS_INLINE __m256
add_differences(__m256 sums, __m256 a, __m256 b, PackedNorm norm)
{
	__m256 difference = _mm256_sub_ps(a, b);

	if (norm == PACKED_SQUARES)
		return _mm256_add_ps(sums, _mm256_mul_ps(difference, difference));
	return _mm256_add_ps(sums,
						 _mm256_andnot_ps(_mm256_set1_ps(-0.0f), difference));
}

/* The totals of four vectors of sums. */
AVX2 ALWAYS_INLINE __m128
totals(const __m256 *sums)
{
	__m256 pairs = _mm256_hadd_ps(sums[0], sums[1]);
	__m256 others = _mm256_hadd_ps(sums[2], sums[3]);
	__m256 halves = _mm256_hadd_ps(pairs, others);

	return _mm_add_ps(_mm256_castps256_ps128(halves),
					  _mm256_extractf128_ps(halves, 1));
}

/*
 * Numbers [i, n) of a row of n, fewer than lanes: the last ones, of which those
 * before i are masked.  What is beyond the ends of rows is not read.
 */
AVX2 ALWAYS_INLINE __m256
load_rest(const float *row, int i, int n, __m256i lane_numbers)
{
	__m256i from;

	if (n < N_LANES)
		return _mm256_maskload_ps(row, _mm256_cmpgt_epi32(_mm256_set1_epi32(n),
														  lane_numbers));
	from = _mm256_cmpgt_epi32(lane_numbers,
							  _mm256_set1_epi32(N_LANES - 1 - (n - i)));
	return _mm256_and_ps(_mm256_loadu_ps(row + n - N_LANES),
						 _mm256_castsi256_ps(from));
}

/* Four rows. */
AVX2 ALWAYS_INLINE __m128
four_distances(const RoughPoints *points, const float *const *rows,
			   PackedNorm norm)
{
	const float *from = points->from;
	__m256		 sums[ROWS_AT_ONCE];
	__m256i		 lane_numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	__m256		 a;
	int			 i = 0;

	for (int j = 0; j < ROWS_AT_ONCE; j++)
		sums[j] = _mm256_setzero_ps();
	for (; i + N_LANES <= points->n; i += N_LANES)
	{
		a = _mm256_loadu_ps(from + i);
		for (int j = 0; j < ROWS_AT_ONCE; j++)
			sums[j] = add_differences(sums[j], a, _mm256_loadu_ps(rows[j] + i),
									  norm);
	}
	if (i < points->n)
	{
		a = load_rest(from, i, points->n, lane_numbers);
		for (int j = 0; j < ROWS_AT_ONCE; j++)
			sums[j] =
				add_differences(sums[j], a,
								load_rest(rows[j], i, points->n, lane_numbers),
								norm);
	}
	return totals(sums);
}

/* Of fewer than four rows left the last one is taken again. */
AVX2 ALWAYS_INLINE void
distances_avx2(const RoughPoints *points, const int32_t *rows, int n_rows,
			   int32_t *results, PackedNorm norm)
{
	for (int i = 0; i < n_rows; i += ROWS_AT_ONCE)
	{
		const float *four[ROWS_AT_ONCE];
		int			 n_left = n_rows - i;
		__m128i		 bits;

		for (int j = 0; j < ROWS_AT_ONCE; j++)
			four[j] =
				points->rows +
				(size_t) rows[i + (j < n_left ? j : n_left - 1)] * points->n;
		bits =
			_mm_and_si128(_mm_castps_si128(four_distances(points, four, norm)),
						  _mm_set1_epi32(INT32_MAX));
		if (n_left >= ROWS_AT_ONCE)
			_mm_storeu_si128((__m128i *) (results + i), bits);
		else
			_mm_maskstore_epi32(results + i,
								_mm_cmpgt_epi32(_mm_set1_epi32(n_left),
												_mm_setr_epi32(0, 1, 2, 3)),
								bits);
	}
}

AVX2 static void
specialised_avx2(const RoughPoints *points, const int32_t *rows, int n_rows,
				 int32_t *results)
{
	if (points->norm == PACKED_SQUARES)
		distances_avx2(points, rows, n_rows, results, PACKED_SQUARES);
	else
		distances_avx2(points, rows, n_rows, results, PACKED_SIZES);
}
#endif

/* The rough distances of these rows. */
void
metaprobe_rough_distances(const RoughPoints *points, const int32_t *rows,
						  int n_rows, int32_t *results)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
	{
		specialised_avx2(points, rows, n_rows, results);
		return;
	}
#endif
	if (points->norm == PACKED_SQUARES)
		distances_portable(points, rows, n_rows, results, PACKED_SQUARES);
	else
		distances_portable(points, rows, n_rows, results, PACKED_SIZES);
}

/*
 * What roundings change of a sum of n terms: relative to it, with as much
 * again to spare, and where squares are too small for a float.
 */
static double
relative_error(const RoughPoints *points)
{
	int n_additions = points->n / N_LANES + 2 * N_LANES;

	return n_additions * (double) FLT_EPSILON;
}

static double
absolute_error(const RoughPoints *points)
{
	return points->n * 0x1p-148;
}

/* The largest rough distance that a row at most this far away can have. */
int32_t
metaprobe_rough_threshold(const RoughPoints *points, double distance)
{
	double sum =
		points->norm == PACKED_SQUARES ? distance * distance : distance;
	float	rounded;
	int32_t bits;

	sum = sum * (1 + DOUBLE_MARGIN) * (1 + relative_error(points)) +
		  absolute_error(points);
	if (!(sum < FLT_MAX))
		return INT32_MAX - 1;
	rounded = (float) sum;
	memcpy(&bits, &rounded, sizeof(bits));
	return bits + 1; /* it may have been rounded down */
}

/* The largest distance that a row of this rough one can have. */
double
metaprobe_rough_reach(const RoughPoints *points, int32_t rough)
{
	float  sum;
	double reach;

	memcpy(&sum, &rough, sizeof(sum));
	if (!(sum <= FLT_MAX))
		return INFINITY;
	reach = (sum + absolute_error(points)) * (1 + DOUBLE_MARGIN) *
			(1 + relative_error(points));
	return points->norm == PACKED_SQUARES ? sqrt(reach) : reach;
}
