/*
 * bounds.c
 *		Operations on arrays of lower bounds, one for each probe.
 */
#include "bounds.h"

#include <stddef.h>
#include <string.h>

#include "cpu.h"

/* How many of the bounds [first, end) are at most the threshold? */
ALWAYS_INLINE int
count(const int32_t *bounds, int first, int end, int32_t threshold)
{
	int n = 0;

	for (int i = first; i < end; i++)
		n += bounds[i] <= threshold;
	return n;
}

ALWAYS_INLINE int32_t
find_threshold(const int32_t *bounds, int n, int rank)
{
	int32_t low = INT32_MAX;
	int32_t high = 0;

	for (int i = 0; i < n; i++)
	{
		low = bounds[i] < low ? bounds[i] : low;
		high = bounds[i] > high ? bounds[i] : high;
	}
	while (low < high)
	{
		int32_t middle = low + (high - low) / 2;
		int		n_within = count(bounds, 0, n, middle);
		int32_t is_above =
			-(n_within > rank); /* a mask: branches would guess */

		if (n_within == rank)
			return middle;
		high = (high & ~is_above) | (middle & is_above);
		low = (low & is_above) | ((middle + 1) & ~is_above);
	}
	return high;
}

static int
collect_portable(const int32_t *bounds, int first, int end, int32_t threshold,
				 int32_t *probes)
{
	int n = 0;

	for (int i = first; i < end; i++)
	{
		probes[n] = i;
		n += bounds[i] <= threshold;
	}
	return n;
}

static int
keep_portable(int32_t *bounds, int32_t *probes, int n, int32_t threshold)
{
	int n_kept = 0;

	for (int i = 0; i < n; i++)
	{
		int32_t bound = bounds[i];

		bounds[n_kept] = bound;
		probes[n_kept] = probes[i];
		n_kept += bound <= threshold;
	}
	return n_kept;
}

/* Deal the bounds [first, end), the first one to the first slot. */
static void
deal_portable(const int32_t *bounds, int first, int end, BoundSlots *slots)
{
	int slot = 0;

	for (int i = first; i < end; i++)
	{
		if (bounds[i] < slots->bounds[slot])
		{
			slots->bounds[slot] = bounds[i];
			slots->probes[slot] = i;
		}
		slot = slot + 1 < slots->n_slots ? slot + 1 : 0;
	}
}

#ifdef METAPROBE_HAVE_AVX2_KERNELS
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,popcnt")))

/*
 * What is left of an array behind its last whole eight is taken as eight, too, of
 * which some are not there: loops over a few at its end would be left at another
 * time for each curve, which no CPU guesses.
 */

AVX2 ALWAYS_INLINE __m256i
load(const int32_t *numbers)
{
	return _mm256_loadu_si256((const __m256i *) numbers);
}

AVX2 ALWAYS_INLINE void
store(int32_t *numbers, __m256i eight)
{
	_mm256_storeu_si256((__m256i *) numbers, eight);
}

/* A mask of the first n of eight. */
AVX2 ALWAYS_INLINE __m256i
first_of_eight(int n)
{
	return _mm256_cmpgt_epi32(_mm256_set1_epi32(n),
							  _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* The first n of eight numbers, and 0 for all others, which are not read. */
AVX2 ALWAYS_INLINE __m256i
load_first(const int32_t *numbers, int n)
{
	return _mm256_maskload_epi32(numbers, first_of_eight(n));
}

AVX2 ALWAYS_INLINE int32_t
total(__m256i eight)
{
	__m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight),
								 _mm256_extracti128_si256(eight, 1));

	four = _mm_hadd_epi32(four, four);
	return _mm_cvtsi128_si32(_mm_hadd_epi32(four, four));
}

AVX2 ALWAYS_INLINE int32_t
largest_of(__m256i eight)
{
	__m128i four = _mm_max_epi32(_mm256_castsi256_si128(eight),
								 _mm256_extracti128_si256(eight, 1));

	four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
	return _mm_cvtsi128_si32(
		_mm_max_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
}

/* Masks are -1 where true. */
AVX2 static int
count_avx2(const int32_t *bounds, int first, int end, int32_t threshold)
{
	const __m256i  limit = _mm256_set1_epi32(threshold + 1);
	const int32_t *from = bounds + first;
	int			   n = end - first;
	__m256i		   even = _mm256_setzero_si256();
	__m256i		   odd = _mm256_setzero_si256();

	for (; n >= 16; n -= 16, from += 16)
	{
		even = _mm256_add_epi32(even, _mm256_cmpgt_epi32(limit, load(from)));
		odd = _mm256_add_epi32(odd, _mm256_cmpgt_epi32(limit, load(from + 8)));
	}
	for (; n > 0; n -= 8, from += 8)
	{
		__m256i within = _mm256_cmpgt_epi32(limit, load_first(from, n));

		even = _mm256_add_epi32(even,
								_mm256_and_si256(within, first_of_eight(n)));
	}
	return -total(_mm256_add_epi32(even, odd));
}

/*
 * So few that counting for each how many are smaller is faster than halving,
 * each step of which waits for the last.
 */
#define SELECTED_BY_COUNTS 64

#define MOST_EIGHTS_AT_ONCE 4

/*
 * The rank-th smallest of a few bounds: the largest of those that fewer than
 * rank are smaller than.  So many eights are counted for at once, a constant.
 */
AVX2 ALWAYS_INLINE int32_t
select_by_counts(const int32_t *bounds, int n, int rank, int n_eights)
{
	const __m256i limit = _mm256_set1_epi32(rank);
	__m256i		  largest = _mm256_setzero_si256();

	for (int first = 0; first < n; first += 8 * n_eights)
	{
		__m256i others[MOST_EIGHTS_AT_ONCE];
		__m256i smaller[MOST_EIGHTS_AT_ONCE];

		for (int v = 0; v < n_eights; v++)
		{
			others[v] = load_first(bounds + first + 8 * v, n - first - 8 * v);
			smaller[v] = _mm256_setzero_si256();
		}
		for (int i = 0; i < n; i++)
		{
			__m256i bound = _mm256_set1_epi32(bounds[i]);

			for (int v = 0; v < n_eights; v++)
				smaller[v] =
					_mm256_sub_epi32(smaller[v],
									 _mm256_cmpgt_epi32(others[v], bound));
		}
		for (int v = 0; v < n_eights; v++)
			largest = _mm256_max_epi32(
				largest,
				_mm256_and_si256(others[v],
								 _mm256_cmpgt_epi32(limit, smaller[v])));
	}
	return largest_of(largest);
}

AVX2 static int32_t
select_avx2(const int32_t *bounds, int n, int rank)
{
	if (n <= 16)
		return select_by_counts(bounds, n, rank, 2);
	if (n <= SELECTED_BY_COUNTS)
		return select_by_counts(bounds, n, rank, MOST_EIGHTS_AT_ONCE);
	return find_threshold(bounds, n, rank);
}

/*
 * Of eight, which are in a mask: a byte each, in order.  The i-th, if it is, goes
 * before all others.
 */
#define IS_IN(mask, i) ((uint64_t) (mask) >> (i) &1)
#define BEFORE(others, mask, i) \
	(((others) << (8 * IS_IN(mask, i))) + IS_IN(mask, i) * (i))
#define PLACES_FROM_4(mask) \
	BEFORE(BEFORE(BEFORE(BEFORE(UINT64_C(0), mask, 7), mask, 6), mask, 5), \
		   mask, 4)
#define PLACES(mask) \
	BEFORE(BEFORE(BEFORE(BEFORE(PLACES_FROM_4(mask), mask, 3), mask, 2), \
				  mask, 1), \
		   mask, 0)
#define PLACES_4(mask) \
	PLACES(mask), PLACES((mask) + 1), PLACES((mask) + 2), PLACES((mask) + 3)
#define PLACES_16(mask) \
	PLACES_4(mask), PLACES_4((mask) + 4), PLACES_4((mask) + 8), \
		PLACES_4((mask) + 12)
#define PLACES_64(mask) \
	PLACES_16(mask), PLACES_16((mask) + 16), PLACES_16((mask) + 32), \
		PLACES_16((mask) + 48)

static const uint64_t places_in[256] = {PLACES_64(0), PLACES_64(64),
										PLACES_64(128), PLACES_64(192)};

/* Which of eight bounds are below the limit?  A bit each. */
AVX2 ALWAYS_INLINE unsigned
bits_below(__m256i eight, __m256i limit)
{
	return (unsigned) _mm256_movemask_ps(
		_mm256_castsi256_ps(_mm256_cmpgt_epi32(limit, eight)));
}

AVX2 ALWAYS_INLINE __m256i
places_of(unsigned mask)
{
	return _mm256_cvtepu8_epi32(
		_mm_loadl_epi64((const __m128i *) &places_in[mask]));
}

/* The first n bits. */
static inline unsigned
first_bits(int n)
{
	return (1u << n) - 1;
}

/* Eight at once are written, however many belong there: nothing has to guess. */
AVX2 static int
collect_avx2(const int32_t *bounds, int first, int end, int32_t threshold,
			 int32_t *probes)
{
	const __m256i limit = _mm256_set1_epi32(threshold + 1);
	const __m256i step = _mm256_set1_epi32(8);
	__m256i		  from = _mm256_set1_epi32(first);
	size_t		  n = 0;
	ptrdiff_t	  i = first;
	unsigned	  within;

	for (; i + 8 <= end; i += 8)
	{
		within = bits_below(load(bounds + i), limit);
		store(probes + n, _mm256_add_epi32(from, places_of(within)));
		n += __builtin_popcount(within);
		from = _mm256_add_epi32(from, step);
	}
	if (i < end)
	{
		int left = (int) (end - i);

		within =
			bits_below(load_first(bounds + i, left), limit) & first_bits(left);
		store(probes + n, _mm256_add_epi32(from, places_of(within)));
		n += __builtin_popcount(within);
	}
	return (int) n;
}

/* Write those of eight that are in the mask. */
AVX2 ALWAYS_INLINE void
store_within(int32_t *numbers, __m256i eight, unsigned within)
{
	store(numbers, _mm256_permutevar8x32_epi32(eight, places_of(within)));
}

AVX2 static int
keep_avx2(int32_t *bounds, int32_t *probes, int n, int32_t threshold)
{
	const __m256i limit = _mm256_set1_epi32(threshold + 1);
	size_t		  n_kept = 0;

	for (int i = 0; i < n; i += 8)
	{
		__m256i	 eight = load(bounds + i);
		__m256i	 theirs = load(probes + i);
		unsigned within = bits_below(eight, limit);

		if (n - i < 8)
			within &= first_bits(n - i);
		store_within(bounds + n_kept, eight, within);
		store_within(probes + n_kept, theirs, within);
		n_kept += __builtin_popcount(within);
	}
	return (int) n_kept;
}

#define SLOT_VECTORS_AT_ONCE 4

/*
 * Deal rounds of bounds to the n vectors of slots, a constant, from this slot on.
 * In between slots know their probe by where its round began, of which the latest
 * is the largest.
 */
AVX2 ALWAYS_INLINE void
deal_rounds(const int32_t *bounds, int first, int n_rounds, BoundSlots *slots,
			int slot, int n)
{
	const int	   n_slots = slots->n_slots;
	const __m256i  step = _mm256_set1_epi32(n_slots);
	__m256i		   round = _mm256_set1_epi32(first);
	__m256i		   least[SLOT_VECTORS_AT_ONCE];
	__m256i		   whose[SLOT_VECTORS_AT_ONCE];
	__m256i		   place[SLOT_VECTORS_AT_ONCE];
	const int32_t *dealt = bounds + first + slot;

	for (int v = 0; v < n; v++)
	{
		place[v] = _mm256_add_epi32(_mm256_set1_epi32(slot + 8 * v),
									_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
		least[v] = load(slots->bounds + slot + 8 * v);
		whose[v] =
			_mm256_sub_epi32(load(slots->probes + slot + 8 * v), place[v]);
	}
	for (; n_rounds > 0; n_rounds--)
	{
		for (int v = 0; v < n; v++)
		{
			__m256i eight = load(dealt + 8 * v);
			__m256i smaller = _mm256_cmpgt_epi32(least[v], eight);

			least[v] = _mm256_min_epi32(least[v], eight);
			whose[v] =
				_mm256_max_epi32(whose[v], _mm256_and_si256(round, smaller));
		}
		round = _mm256_add_epi32(round, step);
		dealt += n_slots;
	}
	for (int v = 0; v < n; v++)
	{
		store(slots->bounds + slot + 8 * v, least[v]);
		store(slots->probes + slot + 8 * v,
			  _mm256_add_epi32(whose[v], place[v]));
	}
}

/* Deal n bounds from the first on, or eight if there are more, from this slot on. */
AVX2 ALWAYS_INLINE void
deal_eight(const int32_t *bounds, int first, int n, BoundSlots *slots,
		   int slot)
{
	__m256i least = load(slots->bounds + slot);
	__m256i whose = load(slots->probes + slot);
	__m256i eight = load_first(bounds + first, n);
	__m256i theirs =
		_mm256_add_epi32(_mm256_set1_epi32(first),
						 _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
	__m256i smaller =
		_mm256_and_si256(_mm256_cmpgt_epi32(least, eight), first_of_eight(n));

	store(slots->bounds + slot, _mm256_blendv_epi8(least, eight, smaller));
	store(slots->probes + slot, _mm256_blendv_epi8(whose, theirs, smaller));
}

/* Some vectors of slots after the other, so that they stay in registers. */
AVX2 static void
deal_avx2(const int32_t *bounds, int first, int end, BoundSlots *slots)
{
	const int at_once = 8 * SLOT_VECTORS_AT_ONCE;
	int		  n_rounds = (end - first) / slots->n_slots;
	int		  rest = first + n_rounds * slots->n_slots;
	int		  slot = 0;

	for (; slot + at_once <= slots->n_slots; slot += at_once)
		deal_rounds(bounds, first, n_rounds, slots, slot,
					SLOT_VECTORS_AT_ONCE);
	switch ((slots->n_slots - slot) / 8)
	{
		case 3:
			deal_rounds(bounds, first, n_rounds, slots, slot, 3);
			break;
		case 2:
			deal_rounds(bounds, first, n_rounds, slots, slot, 2);
			break;
		case 1:
			deal_rounds(bounds, first, n_rounds, slots, slot, 1);
			break;
	}
	for (slot = 0; rest + slot < end; slot += 8)
		deal_eight(bounds, rest + slot, end - rest - slot, slots, slot);
}
#endif

/* How many of the bounds [first, end) are at most the threshold? */
int
metaprobe_bounds_count(const int32_t *bounds, int first, int end,
					   int32_t threshold)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
		return count_avx2(bounds, first, end, threshold);
#endif
	return count(bounds, first, end, threshold);
}

/*
 * Which ones are they, in ascending order?  There must be room in probes for
 * them and BOUND_SPARES more.  Returns how many there are.
 */
int
metaprobe_bounds_collect(const int32_t *bounds, int first, int end,
						 int32_t threshold, int32_t *probes)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
		return collect_avx2(bounds, first, end, threshold, probes);
#endif
	return collect_portable(bounds, first, end, threshold, probes);
}

/*
 * Leave those of n bounds, and their probes, that are at most the threshold.
 * Both arrays must have room for BOUND_SPARES more, which may be read and
 * written, unless n is a multiple of BOUND_SLOT_UNIT: then nothing behind the n
 * is touched.
 * Returns how many there are.
 */
int
metaprobe_bounds_keep(int32_t *bounds, int32_t *probes, int n,
					  int32_t threshold)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
		return keep_avx2(bounds, probes, n, threshold);
#endif
	return keep_portable(bounds, probes, n, threshold);
}

/*
 * A threshold that at least rank of n bounds, none of them negative, are
 * within, and few more: the rank-th smallest, or what parts rank of them from
 * the rest.
 */
int32_t
metaprobe_bounds_select(const int32_t *bounds, int n, int rank)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
		return select_avx2(bounds, n, rank);
#endif
	return find_threshold(bounds, n, rank);
}

/* Move those slots to the front that are not empty.  Returns how many. */
int
metaprobe_bounds_dealt(BoundSlots *slots)
{
	return metaprobe_bounds_keep(slots->bounds, slots->probes, slots->n_slots,
								 BOUND_SETTLED - 1);
}

/* Empty the slots. */
void
metaprobe_bounds_clear(BoundSlots *slots)
{
	int n = slots->n_slots;

	for (int i = 0; i < n; i++)
		slots->bounds[i] = BOUND_SETTLED;
	memset(slots->probes, 0, n * sizeof(int32_t));
}

/*
 * Deal the bounds [first, end) out to the slots, beginning with the first one:
 * each range behind all that were dealt before, since slots were cleared.
 */
void
metaprobe_bounds_deal(const int32_t *bounds, int first, int end,
					  BoundSlots *slots)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
	{
		deal_avx2(bounds, first, end, slots);
		return;
	}
#endif
	deal_portable(bounds, first, end, slots);
}
