/*
 * rough_distances.c
 *		The kernels of rough distances.
 */
#include "rough_sums.h"

#include <stdlib.h>
#include <string.h>

#include "cpu.h"

/* So many vectors are added up before a division. */
ALWAYS_INLINE int
vectors_at_once(RoughForm form)
{
	return form == ROUGH_BY_PRODUCTS ? ROUGH_PRODUCTS_AT_ONCE : 1;
}

/* What a pair of numbers adds to a sum. */
ALWAYS_INLINE uint32_t
pair_portable(const int16_t *a, const int16_t *b, const int16_t *masks,
			  RoughForm form)
{
	int32_t first = a[0] - b[0];
	int32_t second = a[1] - b[1];

	if (form == ROUGH_BY_PRODUCTS)
		return (uint32_t) (a[0] * b[0] + a[1] * b[1]);
	if (masks)
	{
		first &= masks[0];
		second &= masks[1];
	}
	if (form == ROUGH_BY_SQUARES)
		return (uint32_t) (first * first) + (uint32_t) (second * second);
	return (uint32_t) abs(first) + (uint32_t) abs(second);
}

ALWAYS_INLINE int32_t
divided_portable(uint32_t sum, int shift, RoughForm form)
{
	return form == ROUGH_BY_PRODUCTS ? (int32_t) sum >> (shift - 1) :
									   (int32_t) (sum >> shift);
}

/* form and has_masks are constants wherever kernels are inlined. */
ALWAYS_INLINE int32_t
sum_portable(const RoughRows *rows, const RoughQuery *query,
			 const int16_t *values, RoughForm form, bool has_masks)
{
	int		n_lanes = query->n_lanes;
	int		block = vectors_at_once(form) * ROUGH_LANES;
	int32_t total = 0;

	for (int start = 0; start < n_lanes; start += block)
	{
		uint32_t sums[ROUGH_SUMS] = {0};

		if (start + block > n_lanes)
			block = ROUGH_LANES;
		for (int i = start; i < start + block; i += 2)
			sums[i % ROUGH_LANES / 2] +=
				pair_portable(query->values + i, values + i,
							  has_masks ? query->masks + i : NULL, form);
		for (int i = 0; i < ROUGH_SUMS; i++)
			total += divided_portable(sums[i], rows->shift, form);
	}
	return total;
}

ALWAYS_INLINE void
distances_portable(const RoughRows *rows, const RoughQuery *query,
				   const int32_t *which, int n_which, int32_t *distances,
				   RoughForm form, bool has_masks)
{
	for (int i = 0; i < n_which; i++)
	{
		int32_t sum =
			sum_portable(rows, query,
						 rows->values + (size_t) which[i] *
											metaprobe_rough_padded(rows->n),
						 form, has_masks);

		distances[i] = form == ROUGH_BY_PRODUCTS ?
						   query->norm + rows->norms[which[i]] - sum :
						   sum;
	}
}

#ifdef METAPROBE_HAVE_AVX2_KERNELS
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2")))

#define ROWS_AT_ONCE 4

AVX2 ALWAYS_INLINE __m256i
load(const int16_t *values)
{
	return _mm256_loadu_si256((const __m256i *) values);
}

/* What pairs of numbers add to sums. */
AVX2 ALWAYS_INLINE __m256i
pairs_avx2(__m256i a, __m256i b, __m256i mask, RoughForm form, bool has_masks)
{
	__m256i difference;

	if (form == ROUGH_BY_PRODUCTS)
		return _mm256_madd_epi16(a, b);
	difference = _mm256_sub_epi16(a, b);
	if (has_masks)
		difference = _mm256_and_si256(difference, mask);
	if (form == ROUGH_BY_SQUARES)
		return _mm256_madd_epi16(difference, difference);
	return _mm256_madd_epi16(_mm256_abs_epi16(difference),
							 _mm256_set1_epi16(1));
}

AVX2 ALWAYS_INLINE __m256i
divided(__m256i sums, __m128i shift, RoughForm form)
{
	if (form == ROUGH_BY_PRODUCTS)
		return _mm256_sra_epi32(sums, shift);
	if (form == ROUGH_BY_SQUARES)
		return _mm256_srl_epi32(sums, shift);
	return sums;
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

/* What a kernel reads again and again, apart from all that it writes. */
typedef struct Operands
{
	const int16_t *rows;
	const int32_t *norms;
	size_t		   stride; /* of rows */
	const int16_t *values;
	const int16_t *masks;
	int			   n_lanes;
	__m128i		   norm;
	__m128i		   shift;
} Operands;

/* Add n vectors, a constant, of four rows from the first lane on. */
AVX2 ALWAYS_INLINE void
add_vectors(__m256i *sums, const Operands *of, const int16_t *const *four,
			int first, int n, RoughForm form, bool has_masks)
{
	__m256i a[ROUGH_PRODUCTS_AT_ONCE];
	__m256i mask[ROUGH_PRODUCTS_AT_ONCE];

	for (int v = 0; v < n; v++)
	{
		int lane = first + v * ROUGH_LANES;

		a[v] = load(of->values + lane);
		mask[v] = has_masks ? load(of->masks + lane) : a[v];
	}
	for (int j = 0; j < ROWS_AT_ONCE; j++)
	{
		const int16_t *row = four[j] + first;
		__m256i some = pairs_avx2(a[0], load(row), mask[0], form, has_masks);

		for (int v = 1; v < n; v++)
			some =
				_mm256_add_epi32(some,
								 pairs_avx2(a[v], load(row + v * ROUGH_LANES),
											mask[v], form, has_masks));
		sums[j] = _mm256_add_epi32(sums[j], divided(some, of->shift, form));
	}
}

AVX2 ALWAYS_INLINE __m128i
four_distances(const Operands *of, const int32_t *which, RoughForm form,
			   bool has_masks)
{
	const int	   n_vectors = vectors_at_once(form);
	const int32_t *norms = of->norms;
	const int16_t *four[ROWS_AT_ONCE];
	__m256i		   sums[ROWS_AT_ONCE];
	int			   i = 0;

	for (int j = 0; j < ROWS_AT_ONCE; j++)
	{
		four[j] = of->rows + (size_t) which[j] * of->stride;
		sums[j] = _mm256_setzero_si256();
	}
	for (; i + n_vectors * ROUGH_LANES <= of->n_lanes;
		 i += n_vectors * ROUGH_LANES)
		add_vectors(sums, of, four, i, n_vectors, form, has_masks);
	for (; i < of->n_lanes; i += ROUGH_LANES)
		add_vectors(sums, of, four, i, 1, form, has_masks);
	if (form != ROUGH_BY_PRODUCTS)
		return totals(sums);
	return _mm_sub_epi32(
		_mm_add_epi32(of->norm,
					  _mm_setr_epi32(norms[which[0]], norms[which[1]],
									 norms[which[2]], norms[which[3]])),
		totals(sums));
}

/* Of fewer than four rows left the last one is taken again. */
AVX2 ALWAYS_INLINE void
distances_avx2(const RoughRows *rows, const RoughQuery *query,
			   const int32_t *which, int n_which, int32_t *distances,
			   RoughForm form, bool has_masks)
{
	const Operands of = {.rows = rows->values,
						 .norms = rows->norms,
						 .stride = metaprobe_rough_padded(rows->n),
						 .values = query->values,
						 .masks = query->masks,
						 .n_lanes = query->n_lanes,
						 .norm = _mm_set1_epi32(query->norm),
						 .shift = _mm_cvtsi32_si128(
							 rows->shift - (form == ROUGH_BY_PRODUCTS))};
	int			   i = 0;

	for (; i + ROWS_AT_ONCE <= n_which; i += ROWS_AT_ONCE)
		_mm_storeu_si128((__m128i *) (distances + i),
						 four_distances(&of, which + i, form, has_masks));
	if (i < n_which)
	{
		int32_t rest[ROWS_AT_ONCE];
		int32_t found[ROWS_AT_ONCE];
		int		n_rest = n_which - i;

		for (int j = 0; j < ROWS_AT_ONCE; j++)
			rest[j] = which[i + (j < n_rest ? j : n_rest - 1)];
		_mm_storeu_si128((__m128i *) found,
						 four_distances(&of, rest, form, has_masks));
		memcpy(distances + i, found, n_rest * sizeof(int32_t));
	}
}
#endif

/* Run a variant of the kernel that does no more than what is needed. */
#define SPECIALISE(kernel) \
	do \
	{ \
		if (query->form == ROUGH_BY_PRODUCTS) \
			kernel(rows, query, which, n_which, distances, ROUGH_BY_PRODUCTS, \
				   false); \
		else if (query->form == ROUGH_BY_SQUARES) \
			kernel(rows, query, which, n_which, distances, ROUGH_BY_SQUARES, \
				   true); \
		else if (query->has_masks) \
			kernel(rows, query, which, n_which, distances, ROUGH_BY_SIZES, \
				   true); \
		else \
			kernel(rows, query, which, n_which, distances, ROUGH_BY_SIZES, \
				   false); \
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
