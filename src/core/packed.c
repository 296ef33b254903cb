/*
 * packed.c
 *		Points quantised to 16 bits, and distances from all of them at once.
 */
#include "packed.h"

#include <math.h>
#include <string.h>

#include "cpu.h"
#include "poll.h"

#define UNKNOWN INT16_MIN
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
		   n_blocks * n_pairs(n_coordinates) * PAIR_VALUES * sizeof(int16_t);
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
	int block = number / PACKED_BLOCK;
	int place = number % PACKED_BLOCK;

	for (int i = 0; i < packed->n_coordinates; i++)
	{
		int16_t *pair = packed->values + pair_offset(packed, block, i / 2);
		bool	 is_unknown = isnan(point[i]);

		pair[2 * place + i % 2] =
			is_unknown ? UNKNOWN :
						 metaprobe_grid_round(&packed->grid, point[i], i);
		packed->has_unknown |= is_unknown;
	}
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
	packed->has_unknown = false;
	packed->values =
		(int16_t *) ((char *) memory + centres_size(n_coordinates));
	metaprobe_grid_fit(&packed->grid, points, stride, n_points, n_coordinates,
					   largest_value(norm, n_coordinates), memory);
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
	return (size_t) n_pairs(n_coordinates) * 3 * sizeof(int32_t);
}

void
metaprobe_packed_query_init(PackedQuery *query, int n_coordinates,
							void *memory)
{
	query->pairs = memory;
	query->masks = query->pairs + n_pairs(n_coordinates);
	query->numbers = query->masks + n_pairs(n_coordinates);
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

/* Measure from a point all of whose n coordinates are known. */
ALWAYS_INLINE void
set_complete(PackedQuery *query, const PackedPoints *packed,
			 const float *point, int n)
{
	double	 inverse_step = 1 / packed->grid.step;
	int16_t *values = (int16_t *) query->pairs;
	int16_t *masks = (int16_t *) query->masks;
	double	 farthest = 0;

	for (int i = 0; i < n; i++)
	{
		double beyond;

		values[i] = metaprobe_grid_clamp(&packed->grid, point[i], i,
										 inverse_step, &beyond);
		masks[i] = -1;
		farthest = beyond > farthest ? beyond : farthest;
	}
	if (n % 2 == 1)
	{
		values[n] = 0;
		masks[n] = 0;
		/* beyond the last coordinate all values are 0 */
		query->has_masks = n < packed->n_coordinates;
	}
	query->n_pairs = n_pairs(n);
	query->n_known = n;
	for (int i = 0; i < query->n_pairs; i++)
		query->numbers[i] = i;
	for (int i = 0; farthest > 0 && i < n; i++)
	{
		double beyond;

		(void) metaprobe_grid_clamp(&packed->grid, point[i], i, inverse_step,
									&beyond);
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

/* Measure from a point of n coordinates, of which some may be unknown. */
static void
set_incomplete(PackedQuery *query, const PackedPoints *packed,
			   const float *point, int n)
{
	double inverse_step = 1 / packed->grid.step;

	for (int i = 0; i < n; i += 2)
	{
		int16_t values[2] = {0, 0};
		int16_t masks[2] = {0, 0};
		int		n_known = 0;

		for (int half = 0; half < 2 && i + half < n; half++)
		{
			double beyond;

			if (isnan(point[i + half]))
				continue;
			values[half] =
				metaprobe_grid_clamp(&packed->grid, point[i + half], i + half,
									 inverse_step, &beyond);
			add_beyond(query, packed, beyond);
			masks[half] = -1;
			n_known++;
		}
		if (n_known == 0)
			continue;
		memcpy(&query->pairs[query->n_pairs], values, sizeof(int32_t));
		memcpy(&query->masks[query->n_pairs], masks, sizeof(int32_t));
		query->numbers[query->n_pairs] = i / 2;
		query->n_pairs++;
		query->n_known += n_known;
		/* beyond the last coordinate all values are 0 */
		if (n_known == 1 && i + 1 < packed->n_coordinates)
			query->has_masks = true;
	}
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
	query->has_masks = false;
	query->beyond = 0;
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
	double		inverse_step = 1 / grid->step;
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
		value = metaprobe_grid_clamp(grid, point[coordinate], coordinate,
									 inverse_step, &beyond);
		values[2 * (n - 1) + coordinate % 2] = value;
		masks[2 * (n - 1) + coordinate % 2] = -1;
		snapped = grid->centres[coordinate] + value * grid->step;
		point[coordinate] = (float) snapped;
		beyond = fabs(point[coordinate] - snapped);
		off += packed->norm == PACKED_SQUARES ? beyond * beyond : beyond;
	}
	query->n_pairs = n;
	query->n_known = n_which;
	query->has_masks = true;
	query->beyond = 0;
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
	double		 within = distance;
	double		 off = query->n_known;
	double		 limit;

	if (packed->norm == PACKED_SQUARES)
	{
		within *= distance;
		off = sqrt(off);
	}
	within = within * (1 + margin) - query->beyond * (1 - margin);
	if (!(within > 0))
		within = 0;
	if (packed->norm == PACKED_SQUARES)
		within = sqrt(within);

	limit = within / packed->grid.step + off;
	if (packed->norm == PACKED_SQUARES)
		limit *= limit;
	limit = limit * (1 + margin) + 1;
	return limit < INT32_MAX - 1 ? (int32_t) limit : INT32_MAX - 1;
}

/*
 * The kernel.  has_masks, has_unknown and norm are constants wherever it is
 * inlined.
 */
ALWAYS_INLINE void
distances_portable(const PackedPoints *packed, const PackedQuery *query,
				   int first, int end, int32_t *distances, bool has_masks,
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
			int16_t mask[2];

			memcpy(from, &query->pairs[i], sizeof(from));
			memcpy(mask, &query->masks[i], sizeof(mask));
			for (int j = 0; j < PAIR_VALUES; j++)
			{
				int difference = values[j] - from[j % 2];

				if (has_masks)
					difference &= mask[j % 2];
				if (has_unknown && values[j] == UNKNOWN)
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

/* Add eight points' differences from the query, in a pair of coordinates. */
AVX2 ALWAYS_INLINE __m256i
add_differences(__m256i sums, const int16_t *values, __m256i from,
				__m256i mask, bool has_masks, bool has_unknown,
				PackedNorm norm)
{
	__m256i eight = _mm256_loadu_si256((const __m256i *) values);
	__m256i difference = _mm256_sub_epi16(eight, from);

	if (has_masks)
		difference = _mm256_and_si256(difference, mask);
	if (has_unknown)
		difference = _mm256_andnot_si256(
			_mm256_cmpeq_epi16(eight, _mm256_set1_epi16(UNKNOWN)), difference);
	if (norm == PACKED_SQUARES)
		return _mm256_add_epi32(sums,
								_mm256_madd_epi16(difference, difference));
	return _mm256_add_epi32(sums,
							_mm256_madd_epi16(_mm256_abs_epi16(difference),
											  _mm256_set1_epi16(1)));
}

#define BLOCK_VECTORS (PACKED_BLOCK / 8)

AVX2 ALWAYS_INLINE void
distances_avx2(const PackedPoints *packed, const PackedQuery *query, int first,
			   int end, int32_t *distances, bool has_masks, bool has_unknown,
			   PackedNorm norm)
{
	const int16_t *block =
		packed->values + pair_offset(packed, first / PACKED_BLOCK, 0);
	size_t block_size = pair_offset(packed, 1, 0);

	for (; first < end; first += PACKED_BLOCK, distances += PACKED_BLOCK)
	{
		__m256i sums[BLOCK_VECTORS];

		for (int v = 0; v < BLOCK_VECTORS; v++)
			sums[v] = _mm256_setzero_si256();
		for (int i = 0; i < query->n_pairs; i++)
		{
			const int16_t *values =
				block + (size_t) query->numbers[i] * PAIR_VALUES;
			__m256i from = _mm256_set1_epi32(query->pairs[i]);
			__m256i mask = _mm256_set1_epi32(query->masks[i]);

			for (int v = 0; v < BLOCK_VECTORS; v++)
				sums[v] = add_differences(sums[v], values + 16 * v, from, mask,
										  has_masks, has_unknown, norm);
		}
		for (int v = 0; v < BLOCK_VECTORS; v++)
			_mm256_storeu_si256((__m256i *) distances + v, sums[v]);
		block += block_size;
	}
}
#endif

/* Run a variant of the kernel that does no more than what is needed. */
#define SPECIALISE(kernel) \
	do \
	{ \
		if (packed->norm == PACKED_SIZES) \
			kernel(packed, query, first, end, distances, true, true, \
				   PACKED_SIZES); \
		else if (packed->has_unknown) \
			kernel(packed, query, first, end, distances, true, true, \
				   PACKED_SQUARES); \
		else if (query->has_masks) \
			kernel(packed, query, first, end, distances, true, false, \
				   PACKED_SQUARES); \
		else \
			kernel(packed, query, first, end, distances, false, false, \
				   PACKED_SQUARES); \
	} while (0)

#ifdef METAPROBE_HAVE_AVX2_KERNELS
AVX2 static void
specialised_avx2(const PackedPoints *packed, const PackedQuery *query,
				 int first, int end, int32_t *distances)
{
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
