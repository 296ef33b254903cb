/*
 * bounds.c
 *		Operations on arrays of lower bounds, one for each probe.
 */
#include "bounds.h"

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

__attribute__((target("avx2"))) static int
count_avx2(const int32_t *bounds, int first, int end, int32_t threshold)
{
	return count(bounds, first, end, threshold);
}

__attribute__((target("avx2"))) static int
collect_avx2(const int32_t *bounds, int first, int end, int32_t threshold,
			 int32_t *probes)
{
	const __m256i limit = _mm256_set1_epi32(threshold);
	int			  n = 0;
	int			  i = first;

	for (; i + 8 <= end; i += 8)
	{
		__m256i	 eight = _mm256_loadu_si256((const __m256i *) (bounds + i));
		__m256i	 above = _mm256_cmpgt_epi32(eight, limit);
		unsigned within = ~_mm256_movemask_ps((__m256) above) & 0xff;

		for (; within != 0; within &= within - 1)
			probes[n++] = i + __builtin_ctz(within);
	}
	return n + collect_portable(bounds, i, end, threshold, probes + n);
}

/* One vector of slots after the other, so that it stays in registers. */
__attribute__((target("avx2"))) static void
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
			whose = _mm256_blendv_epi8(whose, probe, smaller);
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

/* Deal the bounds [first, end) out to the slots. */
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
