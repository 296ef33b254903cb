/*
 * bounds.c
 *		Operations on arrays of lower bounds, one for each probe.
 */
#include "bounds.h"

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

/*
 * So few that counting for each how many are smaller is faster than halving,
 * each step of which waits for the last.
 */
#define SELECTED_BY_COUNTS 40

#define COUNTED_AT_ONCE 8

typedef int32_t Eight __attribute__((vector_size(COUNTED_AT_ONCE * 4)));

/*
 * The rank-th smallest of a few bounds: the largest of those that fewer than
 * rank are smaller than.
 */
ALWAYS_INLINE int32_t
select_by_counts(const int32_t *bounds, int n, int rank)
{
	Eight	largest = {0};
	int32_t result = 0;

	for (int first = 0; first < n; first += COUNTED_AT_ONCE)
	{
		Eight others = {0};
		Eight smaller = {0};
		Eight is_larger;
		int	  n_others =
			  n - first < COUNTED_AT_ONCE ? n - first : COUNTED_AT_ONCE;

		memcpy(&others, bounds + first, n_others * sizeof(int32_t));
		for (int i = 0; i < n; i++)
			smaller -= bounds[i] < others;
		/* masks are -1 where true */
		is_larger = (smaller < rank) & (others > largest);
		largest = (others & is_larger) | (largest & ~is_larger);
	}
	for (int i = 0; i < COUNTED_AT_ONCE; i++)
		result = largest[i] > result ? largest[i] : result;
	return result;
}

ALWAYS_INLINE int32_t
select_bound(const int32_t *bounds, int n, int rank)
{
	return n <= SELECTED_BY_COUNTS ? select_by_counts(bounds, n, rank) :
									 find_threshold(bounds, n, rank);
}

/* Deal out single bounds [first, end); the first one goes to the slot. */
static void
deal_some(const int32_t *bounds, int first, int end, BoundSlots *slots,
		  int slot)
{
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

#ifdef METAPROBE_HAVE_AVX2_KERNELS
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,popcnt")))

AVX2 static int
count_avx2(const int32_t *bounds, int first, int end, int32_t threshold)
{
	return count(bounds, first, end, threshold);
}

AVX2 static int32_t
select_avx2(const int32_t *bounds, int n, int rank)
{
	return select_bound(bounds, n, rank);
}

/* Which of 32 bounds are above the limit?  A bit each. */
AVX2 ALWAYS_INLINE uint32_t
bits_above(const int32_t *bounds, __m256i limit)
{
	__m256i above[4];
	__m256i bytes;

	for (int i = 0; i < 4; i++)
		above[i] = _mm256_cmpgt_epi32(_mm256_loadu_si256(
										  (const __m256i *) bounds + i),
									  limit);
	/* packing leaves fours of them in another order */
	bytes = _mm256_packs_epi16(_mm256_packs_epi32(above[0], above[1]),
							   _mm256_packs_epi32(above[2], above[3]));
	bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2,
																 6, 3, 7));
	return (uint32_t) _mm256_movemask_epi8(bytes);
}

/*
 * Many at once, and four of them without asking whether there are so many, so
 * that few ends of the inner loop are a surprise.
 */
AVX2 static int
collect_avx2(const int32_t *bounds, int first, int end, int32_t threshold,
			 int32_t *probes)
{
	const __m256i limit = _mm256_set1_epi32(threshold);
	int			  n = 0;
	int			  i = first;

	for (; i + 32 <= end; i += 32)
	{
		uint32_t within = ~bits_above(bounds + i, limit);
		int32_t *next = probes + n;

		n += __builtin_popcount(within);
		while (within != 0)
		{
			for (int j = 0; j < 4; j++)
			{
				*next++ = i + __builtin_ctzll(within | UINT64_C(1) << 32);
				within &= within - 1;
			}
		}
	}
	return n + collect_portable(bounds, i, end, threshold, probes + n);
}

/*
 * One vector of slots after the other, so that it stays in registers.  Probes
 * come in ascending order, so that of whose bounds were the least so far the
 * largest number is that of the last one.
 */
AVX2 static void
deal_avx2(const int32_t *bounds, int first, int end, BoundSlots *slots)
{
	int whole = (end - first) & ~7;

	for (int slot = 0; slot < slots->n_slots; slot += 8)
	{
		__m256i *slot_bounds = (__m256i *) (slots->bounds + slot);
		__m256i *slot_probes = (__m256i *) (slots->probes + slot);
		__m256i	 least = _mm256_loadu_si256(slot_bounds);
		__m256i	 whose = _mm256_loadu_si256(slot_probes);
		__m256i	 probe =
			_mm256_add_epi32(_mm256_set1_epi32(first + slot),
							 _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
		__m256i step = _mm256_set1_epi32(slots->n_slots);

		for (int i = slot; i < whole; i += slots->n_slots)
		{
			__m256i eight =
				_mm256_loadu_si256((const __m256i *) (bounds + first + i));
			__m256i smaller = _mm256_cmpgt_epi32(least, eight);

			least = _mm256_min_epi32(least, eight);
			whose = _mm256_max_epi32(whose, _mm256_and_si256(probe, smaller));
			probe = _mm256_add_epi32(probe, step);
		}
		_mm256_storeu_si256(slot_bounds, least);
		_mm256_storeu_si256(slot_probes, whose);
	}
	deal_some(bounds, first + whole, end, slots, whole % slots->n_slots);
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
 * end - first numbers.  Returns how many there are.
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
 * A threshold that at least rank of n bounds, none of them negative, are
 * within, and few more: found by halving what it may be, which ends early once
 * it parts rank of them from the rest.
 */
int32_t
metaprobe_bounds_select(const int32_t *bounds, int n, int rank)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
		return select_avx2(bounds, n, rank);
#endif
	return select_bound(bounds, n, rank);
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

/* Deal the bounds [first, end) out to the slots: after all of smaller number. */
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
	deal_some(bounds, first, end, slots, 0);
}
