/*
 * packed.c
 *		Points quantised to 16 bits, and distances from all of them at once.
 */
#include "packed.h"

#include <math.h>
#include <string.h>

#include "cpu.h"
#include "poll.h"

#define POINTS_BETWEEN_POLLS 256
#define PAIR_VALUES (2 * PACKED_BLOCK)

static inline int
n_pairs(int n_coordinates)
{
	return (n_coordinates + 1) / 2;
}

/* Where the values of a block's pair of coordinates start. */
static inline size_t
pair_offset(const PackedPoints *packed, int block, int pair)
{
	return ((size_t) block * n_pairs(packed->n_coordinates) + pair) *
		   PAIR_VALUES;
}

static size_t
centres_size(int n_coordinates)
{
	return ((size_t) n_coordinates * sizeof(float) + 31) & ~(size_t) 31;
}

/* Bytes of memory that so many points take. */
size_t
metaprobe_packed_size(int n_points, int n_coordinates)
{
	size_t n_blocks = metaprobe_packed_padded(n_points) / PACKED_BLOCK;

	return centres_size(n_coordinates) +
		   n_blocks * n_pairs(n_coordinates) * PAIR_VALUES * sizeof(int16_t) +
		   n_blocks * PACKED_BLOCK * sizeof(uint32_t);
}

/*
 * The largest value that a coordinate may be quantised to, so that neither the
 * difference of two overflows 16 bits, nor the sum over all of them 31.
 */
static int
largest_value(PackedNorm norm, int n_coordinates)
{
	double largest = GRID_LARGEST_LIMIT;

	if (norm == PACKED_SQUARES)
	{
		double fits = (sqrt((INT32_MAX - 2.0) / n_coordinates) - 1) / 2;

		if (fits < largest)
			largest = floor(fits);
	}
	return (int) largest;
}

static void
pack_point(PackedPoints *packed, const float *point, int number)
{
	int		 block = number / PACKED_BLOCK;
	int		 place = number % PACKED_BLOCK;
	uint32_t norm = 0;

	for (int i = 0; i < packed->n_coordinates; i++)
	{
		int16_t *pair = packed->values + pair_offset(packed, block, i / 2);

		pair[2 * place + i % 2] =
			isnan(point[i]) ?
				0 :
				metaprobe_grid_round(&packed->grid, point[i], i) +
					packed->bias;
		norm += (uint32_t) (pair[2 * place + i % 2] * pair[2 * place + i % 2]);
	}
	packed->norms[number] = norm;
}

static bool
any_unknown(const float *points, int stride, int n_points, int n_coordinates)
{
	for (int i = 0; i < n_points; i++)
	{
		if (i % POINTS_BETWEEN_POLLS == 0)
			metaprobe_poll();
		for (int j = 0; j < n_coordinates; j++)
		{
			if (isnan(points[(size_t) i * stride + j]))
				return true;
		}
	}
	return false;
}

/*
 * Pack n_points finite points, stride floats apart, each of n_coordinates
 * floats, into memory of metaprobe_packed_size() bytes, aligned for vectors.
 */
void
metaprobe_packed_build(PackedPoints *packed, PackedNorm norm,
					   const float *points, int stride, int n_points,
					   int n_coordinates, void *memory)
{
	size_t size = metaprobe_packed_size(n_points, n_coordinates);

	memset(memory, 0, size);
	packed->norm = norm;
	packed->n_points = n_points;
	packed->n_coordinates = n_coordinates;
	packed->has_unknown = any_unknown(points, stride, n_points, n_coordinates);
	packed->values =
		(int16_t *) ((char *) memory + centres_size(n_coordinates));
	packed->norms =
		(uint32_t *) (packed->values +
					  pair_offset(packed,
								  metaprobe_packed_padded(n_points) /
									  PACKED_BLOCK,
								  0));
	metaprobe_grid_fit(&packed->grid, points, stride, n_points, n_coordinates,
					   largest_value(norm, n_coordinates), memory);
	packed->bias =
		(int16_t) (packed->has_unknown ? packed->grid.limit + 1 : 0);
	for (int i = 0; i < n_points; i++)
	{
		if (i % POINTS_BETWEEN_POLLS == 0)
			metaprobe_poll();
		pack_point(packed, points + (size_t) i * stride, i);
	}
}

/* Bytes of memory that a query of so many coordinates takes. */
size_t
metaprobe_packed_query_size(int n_coordinates)
{
	return (size_t) n_pairs(n_coordinates) * 4 * sizeof(int32_t);
}

void
metaprobe_packed_query_init(PackedQuery *query, int n_coordinates,
							void *memory)
{
	query->pairs = memory;
	query->masks = query->pairs + n_pairs(n_coordinates);
	query->numbers = query->masks + n_pairs(n_coordinates);
	query->factors = query->numbers + n_pairs(n_coordinates);
	query->n_pairs = 0;
}

/* Note that a point lies beyond what can be packed. */
static inline void
add_beyond(PackedQuery *query, const PackedPoints *packed, double beyond)
{
	if (!packed->has_unknown)
		query->beyond +=
			packed->norm == PACKED_SQUARES ? beyond * beyond : beyond;
}

/*
 * What points are multiplied with for distances by products.  Twice a value of a
 * query fits 16 bits.
 */
ALWAYS_INLINE void
set_factors(PackedQuery *query, const PackedPoints *packed)
{
	const int16_t *values = (const int16_t *) query->pairs;
	int16_t		  *factors = (int16_t *) query->factors;

	query->norm = 0;
	for (int i = 0; i < 2 * query->n_pairs; i++)
	{
		query->norm += (uint32_t) (values[i] * values[i]);
		factors[i] = (int16_t) (-2 * values[i]);
	}
	query->has_factors = packed->norm == PACKED_SQUARES &&
						 !packed->has_unknown &&
						 query->n_known == packed->n_coordinates;
}

/* Measure from a point all of whose n coordinates are known. */
ALWAYS_INLINE void
set_complete(PackedQuery *query, const PackedPoints *packed,
			 const float *point, int n)
{
	int16_t *values = (int16_t *) query->pairs;
	double	 farthest = 0;

	for (int i = 0; i < n; i++)
	{
		double beyond;

		values[i] = metaprobe_grid_clamp(&packed->grid, point[i], i, &beyond) +
					packed->bias;
		farthest = beyond > farthest ? beyond : farthest;
	}
	query->n_pairs = n_pairs(n);
	query->n_whole = n / 2;
	if (n % 2 == 1)
	{
		const int16_t mask[2] = {-1, 0};

		values[n] = 0;
		memcpy(&query->masks[n / 2], mask, sizeof(mask));
	}
	query->n_known = n;
	set_factors(query, packed);
	for (int i = 0; i < query->n_pairs; i++)
		query->numbers[i] = i;
	for (int i = 0; farthest > 0 && i < n; i++)
	{
		double beyond;

		(void) metaprobe_grid_clamp(&packed->grid, point[i], i, &beyond);
		add_beyond(query, packed, beyond);
	}
}

#ifdef METAPROBE_HAVE_AVX2_KERNELS
__attribute__((target("avx2"))) static void
set_complete_avx2(PackedQuery *query, const PackedPoints *packed,
				  const float *point, int n)
{
	set_complete(query, packed, point, n);
}
#endif

/* Add a pair of which so many coordinates are known, not none. */
static void
add_pair(PackedQuery *query, const PackedPoints *packed, const float *point,
		 int n, int pair)
{
	int16_t values[2] = {0, 0};
	int16_t masks[2] = {0, 0};

	for (int half = 0; half < 2; half++)
	{
		int	   i = 2 * pair + half;
		double beyond;

		if (i >= n || isnan(point[i]))
			continue;
		values[half] =
			metaprobe_grid_clamp(&packed->grid, point[i], i, &beyond) +
			packed->bias;
		add_beyond(query, packed, beyond);
		masks[half] = -1;
		query->n_known++;
	}
	memcpy(&query->pairs[query->n_pairs], values, sizeof(int32_t));
	memcpy(&query->masks[query->n_pairs], masks, sizeof(int32_t));
	query->numbers[query->n_pairs] = pair;
	query->n_pairs++;
}

/* Add the pairs of which so many coordinates are known. */
static void
add_pairs(PackedQuery *query, const PackedPoints *packed, const float *point,
		  int n, int n_known)
{
	for (int i = 0; i < n; i += 2)
	{
		bool has_second = i + 1 < n && !isnan(point[i + 1]);

		if (!isnan(point[i]) + has_second == n_known)
			add_pair(query, packed, point, n, i / 2);
	}
}

/* Measure from a point of n coordinates, of which some may be unknown. */
static void
set_incomplete(PackedQuery *query, const PackedPoints *packed,
			   const float *point, int n)
{
	add_pairs(query, packed, point, n, 2);
	query->n_whole = query->n_pairs;
	add_pairs(query, packed, point, n, 1);
}

/*
 * Measure from a point of n coordinates, at most those of the packed points.
 * Coordinates that are NaN, or absent, are unknown; is_complete promises that
 * none is NaN.
 */
void
metaprobe_packed_query_set(PackedQuery *query, const PackedPoints *packed,
						   const float *point, int n, bool is_complete)
{
	query->n_pairs = 0;
	query->n_known = 0;
	query->beyond = 0;
	query->has_factors = false;
	if (!is_complete)
		set_incomplete(query, packed, point, n);
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	else if (metaprobe_cpu_has_avx2())
		set_complete_avx2(query, packed, point, n);
#endif
	else
		set_complete(query, packed, point, n);
}

/*
 * Measure from some coordinates of a point, known and in ascending order, after
 * moving them to where they can be packed.  Returns by how much, in terms of
 * the norm, floats miss that.
 */
double
metaprobe_packed_query_snap(PackedQuery *query, const PackedPoints *packed,
							float *point, const int32_t *which, int n_which)
{
	const Grid *grid = &packed->grid;
	int16_t	   *values = (int16_t *) query->pairs;
	int16_t	   *masks = (int16_t *) query->masks;
	int			n = 0;
	double		off = 0;

	for (int i = 0; i < n_which; i++)
	{
		int		coordinate = which[i];
		int16_t value;
		double	beyond;
		double	snapped;

		if (n == 0 || query->numbers[n - 1] != coordinate / 2)
		{
			query->pairs[n] = 0;
			query->masks[n] = 0;
			query->numbers[n++] = coordinate / 2;
		}
		value =
			metaprobe_grid_clamp(grid, point[coordinate], coordinate, &beyond);
		values[2 * (n - 1) + coordinate % 2] = value + packed->bias;
		masks[2 * (n - 1) + coordinate % 2] = -1;
		snapped = grid->centres[coordinate] + value * grid->step;
		point[coordinate] = (float) snapped;
		beyond = fabs(point[coordinate] - snapped);
		off += packed->norm == PACKED_SQUARES ? beyond * beyond : beyond;
	}
	query->n_pairs = n;
	query->n_whole = 0;
	query->n_known = n_which;
	query->beyond = 0;
	query->has_factors = false;
	return packed->norm == PACKED_SQUARES ? sqrt(off) : off;
}

/*
 * The largest packed distance that a point within this distance of the query
 * can have.  Every coordinate of the difference may be off by one step: half
 * a one for either point.  The margins are far above what rounding does to the
 * sums of so many doubles.
 */
int32_t
metaprobe_packed_threshold(const PackedPoints *packed,
						   const PackedQuery *query, double distance)
{
	const double margin = 1e-9;
	bool		 is_square = packed->norm == PACKED_SQUARES;
	double		 within =
		metaprobe_packed_within(packed->norm, distance, query->beyond);
	double off = query->n_known;
	double limit;

	limit = within * packed->grid.inverse_step + (is_square ? sqrt(off) : off);
	if (is_square)
		limit *= limit;
	limit = limit * (1 + margin) + 1;
	return limit < INT32_MAX - 1 ? (int32_t) limit : INT32_MAX - 1;
}

/*
 * The kernel.  What is_whole promises, that both coordinates of every pair are
 * known, has_unknown and norm are constants wherever it is inlined.
 */
ALWAYS_INLINE void
distances_portable(const PackedPoints *packed, const PackedQuery *query,
				   int first, int end, int32_t *distances, bool is_whole,
				   bool has_unknown, PackedNorm norm)
{
	for (; first < end; first += PACKED_BLOCK, distances += PACKED_BLOCK)
	{
		int32_t *sums = distances;

		memset(sums, 0, PACKED_BLOCK * sizeof(int32_t));
		for (int i = 0; i < query->n_pairs; i++)
		{
			const int16_t *values =
				packed->values +
				pair_offset(packed, first / PACKED_BLOCK, query->numbers[i]);
			int16_t from[2];
			int16_t mask[2] = {-1, -1};

			memcpy(from, &query->pairs[i], sizeof(from));
			if (!is_whole && i >= query->n_whole)
				memcpy(mask, &query->masks[i], sizeof(mask));
			for (int j = 0; j < PAIR_VALUES; j++)
			{
				int difference = (values[j] - from[j % 2]) & mask[j % 2];

				if (has_unknown && values[j] == 0)
					difference = 0;
				sums[j / 2] += norm == PACKED_SQUARES ?
								   difference * difference :
								   (difference < 0 ? -difference : difference);
			}
		}
	}
}

#ifdef METAPROBE_HAVE_AVX2_KERNELS
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2")))

#define BLOCK_VECTORS (PACKED_BLOCK / 8)

/*
 * Add a block's differences from the query in a pair of coordinates, eight
 * points in a vector.  Giving them the signs of the values leaves 0 where these
 * are, and all squares and sizes as they are.
 */
AVX2 ALWAYS_INLINE void
add_differences(__m256i *sums, const int16_t *values, __m256i from,
				__m256i mask, bool has_mask, bool has_unknown, PackedNorm norm)
{
	for (int v = 0; v < BLOCK_VECTORS; v++)
	{
		__m256i eight =
			_mm256_loadu_si256((const __m256i *) (values + 16 * v));
		__m256i difference = _mm256_sub_epi16(eight, from);
		__m256i added;

		if (has_mask)
			difference = _mm256_and_si256(difference, mask);
		if (has_unknown)
			difference = _mm256_sign_epi16(difference, eight);
		if (norm == PACKED_SQUARES)
			added = _mm256_madd_epi16(difference, difference);
		else
			added = _mm256_madd_epi16(_mm256_abs_epi16(difference),
									  _mm256_set1_epi16(1));
		sums[v] = _mm256_add_epi32(sums[v], added);
	}
}

AVX2 ALWAYS_INLINE void
distances_avx2(const PackedPoints *packed, const PackedQuery *query, int first,
			   int end, int32_t *distances, bool is_whole, bool has_unknown,
			   PackedNorm norm)
{
	const int16_t *block =
		packed->values + pair_offset(packed, first / PACKED_BLOCK, 0);
	size_t block_size = pair_offset(packed, 1, 0);
	int	   n_whole = is_whole ? query->n_pairs : query->n_whole;

	for (; first < end; first += PACKED_BLOCK, distances += PACKED_BLOCK)
	{
		__m256i sums[BLOCK_VECTORS];

		for (int v = 0; v < BLOCK_VECTORS; v++)
			sums[v] = _mm256_setzero_si256();
		for (int i = 0; i < n_whole; i++)
			add_differences(sums,
							block + (size_t) query->numbers[i] * PAIR_VALUES,
							_mm256_set1_epi32(query->pairs[i]),
							_mm256_setzero_si256(), false, has_unknown, norm);
		for (int i = n_whole; !is_whole && i < query->n_pairs; i++)
			add_differences(sums,
							block + (size_t) query->numbers[i] * PAIR_VALUES,
							_mm256_set1_epi32(query->pairs[i]),
							_mm256_set1_epi32(query->masks[i]), true,
							has_unknown, norm);
		for (int v = 0; v < BLOCK_VECTORS; v++)
			_mm256_storeu_si256((__m256i *) distances + v, sums[v]);
		block += block_size;
	}
}

/*
 * Sums of squared differences as |a|^2 + |b|^2 - 2ab.  What overflows on the way
 * does so by whole multiples of 2^32, and the sums themselves do not.
 */
AVX2 static void
distances_by_products_avx2(const PackedPoints *packed,
						   const PackedQuery *query, int first, int end,
						   int32_t *distances)
{
	const int16_t *values =
		packed->values + pair_offset(packed, first / PACKED_BLOCK, 0);
	const uint32_t *norms = packed->norms + first;
	const int32_t  *factors = query->factors;
	const int		n = query->n_pairs;
	const __m256i	norm = _mm256_set1_epi32((int32_t) query->norm);
	int				n_blocks = (end - first + PACKED_BLOCK - 1) / PACKED_BLOCK;

	for (; n_blocks > 0; n_blocks--)
	{
		__m256i sums[BLOCK_VECTORS];

		for (int v = 0; v < BLOCK_VECTORS; v++)
			sums[v] = _mm256_add_epi32(norm, _mm256_loadu_si256(
												 (const __m256i *) norms + v));
		for (int i = 0; i < n; i++)
		{
			__m256i factor = _mm256_set1_epi32(factors[i]);

			for (int v = 0; v < BLOCK_VECTORS; v++)
				sums[v] = _mm256_add_epi32(
					sums[v],
					_mm256_madd_epi16(_mm256_loadu_si256(
										  (const __m256i *) values + v),
									  factor));
			values += PAIR_VALUES;
		}
		for (int v = 0; v < BLOCK_VECTORS; v++)
			_mm256_storeu_si256((__m256i *) distances + v, sums[v]);
		norms += PACKED_BLOCK;
		distances += PACKED_BLOCK;
	}
}
#endif

/* Run a variant of the kernel that does no more than what is needed. */
#define SPECIALISE_NORM(kernel, norm) \
	do \
	{ \
		if (packed->has_unknown) \
			kernel(packed, query, first, end, distances, false, true, norm); \
		else if (query->n_whole < query->n_pairs) \
			kernel(packed, query, first, end, distances, false, false, norm); \
		else \
			kernel(packed, query, first, end, distances, true, false, norm); \
	} while (0)

#define SPECIALISE(kernel) \
	do \
	{ \
		if (packed->norm == PACKED_SQUARES) \
			SPECIALISE_NORM(kernel, PACKED_SQUARES); \
		else \
			SPECIALISE_NORM(kernel, PACKED_SIZES); \
	} while (0)

#ifdef METAPROBE_HAVE_AVX2_KERNELS
AVX2 static void
specialised_avx2(const PackedPoints *packed, const PackedQuery *query,
				 int first, int end, int32_t *distances)
{
	if (query->has_factors)
		distances_by_products_avx2(packed, query, first, end, distances);
	else
		SPECIALISE(distances_avx2);
}
#endif

/*
 * The packed distances of points [first, end) from the query: sums of squared
 * or absolute differences over the coordinates known of both.  The first one
 * starts a block, of which the last is written to its end; what stands there
 * for points that there are not means nothing.
 */
void
metaprobe_packed_distances(const PackedPoints *packed,
						   const PackedQuery *query, int first, int end,
						   int32_t *distances)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
	{
		specialised_avx2(packed, query, first, end, distances);
		return;
	}
#endif
	SPECIALISE(distances_portable);
}
