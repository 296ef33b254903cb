/*
 * test_bounds.c
 *		Unit tests of operations on arrays of bounds.
 */
#define _DEFAULT_SOURCE /* for guarded.h */

#include "both_kernels.h"
#include "test.h"

#include "bounds.h"
#include "guarded.h"
#include "loss.h"
#include "random.h"

#define MAX_PROBES 200
#define MAX_SLOTS 72

/* Bounds that often tie, some of them settled, or nearly; returns how many. */
static int
random_bounds(Random *random, int32_t *bounds)
{
	int	   n = random_between(random, 0, MAX_PROBES);
	int	   largest = random_chance(random, 0.5) ? 6 : INT32_MAX;
	double chance_of_largest = random_chance(random, 0.2) ? 0.9 : 0.02;

	for (int i = 0; i < n; i++)
	{
		bounds[i] = random_below(random, largest);
		if (random_chance(random, chance_of_largest))
			bounds[i] = BOUND_SETTLED - 1 - random_below(random, 2);
		if (random_chance(random, 0.1))
			bounds[i] = BOUND_SETTLED;
	}
	return n;
}

/* That of a bound, mostly. */
static int32_t
random_threshold(Random *random, const int32_t *bounds, int n)
{
	int32_t threshold = random_below(random, BOUND_SETTLED);

	if (n > 0 && random_chance(random, 0.8))
		threshold = bounds[random_below(random, n)];
	return threshold < BOUND_SETTLED ? threshold : BOUND_SETTLED - 1;
}

static void
counts_and_collections_agree_with_a_loop(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(5000); round++)
	{
		int32_t bounds[MAX_PROBES];
		int32_t probes[MAX_PROBES + BOUND_SPARES + 1];
		int		n = random_bounds(&random, bounds);
		int		end = random_between(&random, 0, n);
		int		first = random_between(&random, 0, end);
		int32_t threshold = random_threshold(&random, bounds, n);
		int		expected = 0;
		int		room = metaprobe_bounds_count(bounds, first, end, threshold) +
				   BOUND_SPARES;

		probes[room] = -1;
		assert_int(metaprobe_bounds_collect(bounds, first, end, threshold,
											probes),
				   room - BOUND_SPARES, round);
		assert_int(probes[room], -1, round);
		for (int i = first; i < end; i++)
		{
			if (bounds[i] <= threshold)
			{
				assert_int(probes[expected], i, round);
				expected++;
			}
		}
		assert_int(metaprobe_bounds_count(bounds, first, end, threshold),
				   expected, round);
	}
}

/* Those kept stay in order, each with its probe. */
static void
what_is_kept_agrees_with_a_loop(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(5000); round++)
	{
		int32_t bounds[MAX_PROBES];
		int32_t kept[MAX_PROBES + BOUND_SPARES + 1] = {0};
		int32_t probes[MAX_PROBES + BOUND_SPARES + 1] = {0};
		int		n = random_bounds(&random, bounds);
		int		room = n + BOUND_SPARES;
		int32_t threshold = random_threshold(&random, bounds, n);
		int		expected = 0;
		int		n_kept;

		for (int i = 0; i < n; i++)
		{
			kept[i] = bounds[i];
			probes[i] = 1000 + i;
		}
		kept[room] = probes[room] = 12345;
		n_kept = metaprobe_bounds_keep(kept, probes, n, threshold);
		for (int i = 0; i < n; i++)
		{
			if (bounds[i] > threshold)
				continue;
			assert_int(kept[expected], bounds[i], round);
			assert_int(probes[expected], 1000 + i, round);
			expected++;
		}
		assert_int(n_kept, expected, round);
		assert_int(kept[room], 12345, round);
		assert_int(probes[room], 12345, round);
	}
}

/* The first slots become those that are not empty, in order. */
static void
assert_dealt(BoundSlots *slots, long round)
{
	int32_t bounds[MAX_SLOTS];
	int32_t probes[MAX_SLOTS];
	int		n;
	int		expected = 0;

	memcpy(bounds, slots->bounds, slots->n_slots * sizeof(int32_t));
	memcpy(probes, slots->probes, slots->n_slots * sizeof(int32_t));
	n = metaprobe_bounds_dealt(slots);
	for (int slot = 0; slot < slots->n_slots; slot++)
	{
		if (bounds[slot] == BOUND_SETTLED)
			continue;
		assert_that(expected < n, round);
		assert_int(slots->bounds[expected], bounds[slot], round);
		assert_int(slots->probes[expected], probes[slot], round);
		expected++;
	}
	assert_int(n, expected, round);
}

/* As one would deal cards: to each slot in turn, who keeps the smallest. */
static void
slots_keep_the_smallest_dealt_to_them(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(5000); round++)
	{
		int32_t	   bounds[MAX_PROBES];
		int32_t	   slot_bounds[MAX_SLOTS];
		int32_t	   slot_probes[MAX_SLOTS];
		BoundSlots slots = {slot_bounds, slot_probes, 0};
		int		   n = random_bounds(&random, bounds);
		int		   first = random_between(&random, 0, n);

		slots.n_slots =
			BOUND_SLOT_UNIT *
			random_between(&random, 1, MAX_SLOTS / BOUND_SLOT_UNIT);
		/* what slots had before may be any bounds and probes */
		memset(slot_bounds, 0x05, sizeof(slot_bounds));
		memset(slot_probes, 0x05, sizeof(slot_probes));
		metaprobe_bounds_clear(&slots);
		metaprobe_bounds_deal(bounds, first, n, &slots);

		for (int slot = 0; slot < slots.n_slots; slot++)
		{
			int32_t least = BOUND_SETTLED;

			for (int i = first + slot; i < n; i += slots.n_slots)
				least = bounds[i] < least ? bounds[i] : least;
			assert_int(slot_bounds[slot], least, round);
			if (least == BOUND_SETTLED)
				continue;
			assert_int((slot_probes[slot] - first) % slots.n_slots, slot,
					   round);
			assert_int(bounds[slot_probes[slot]], least, round);
		}
		assert_dealt(&slots, round);
	}
}

/*
 * Ranges dealt one after the other: each slot keeps the smallest of all, the
 * first of those that tie.
 */
static void
slots_keep_the_smallest_of_several_ranges(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(5000); round++)
	{
		int32_t	   bounds[MAX_PROBES];
		int32_t	   slot_bounds[MAX_SLOTS];
		int32_t	   slot_probes[MAX_SLOTS];
		int32_t	   least[MAX_SLOTS];
		int32_t	   whose[MAX_SLOTS];
		BoundSlots slots = {slot_bounds, slot_probes, 0};
		int		   n = random_bounds(&random, bounds);
		int		   start = 0;

		slots.n_slots =
			BOUND_SLOT_UNIT *
			random_between(&random, 1, MAX_SLOTS / BOUND_SLOT_UNIT);
		for (int slot = 0; slot < slots.n_slots; slot++)
			least[slot] = BOUND_SETTLED;
		metaprobe_bounds_clear(&slots);
		while (start < n)
		{
			int first = random_between(&random, start, n);
			int end = random_between(&random, first, n);

			metaprobe_bounds_deal(bounds, first, end, &slots);
			for (int i = first; i < end; i++)
			{
				int slot = (i - first) % slots.n_slots;

				if (bounds[i] >= least[slot])
					continue;
				least[slot] = bounds[i];
				whose[slot] = i;
			}
			start = end + random_chance(&random, 0.5);
		}
		for (int slot = 0; slot < slots.n_slots; slot++)
		{
			assert_int(slot_bounds[slot], least[slot], round);
			if (least[slot] != BOUND_SETTLED)
				assert_int(slot_probes[slot], whose[slot], round);
		}
		assert_dealt(&slots, round);
	}
}

static int
count_within(const int32_t *bounds, int n, int32_t threshold)
{
	int n_within = 0;

	for (int i = 0; i < n; i++)
		n_within += bounds[i] <= threshold;
	return n_within;
}

/* Of thresholds that enough bounds are within, none leaves fewer. */
static void
a_selected_threshold_parts_the_smallest(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(5000); round++)
	{
		int32_t bounds[MAX_PROBES];
		int		n = random_bounds(&random, bounds);
		int		rank;
		int32_t threshold;
		int		n_within;
		int		n_below = 0;

		if (n == 0)
			continue;
		rank = random_between(&random, 1, n);
		threshold = metaprobe_bounds_select(bounds, n, rank);
		n_within = count_within(bounds, n, threshold);
		assert_true(n_within >= rank);
		for (int i = 0; i < n; i++)
		{
			int n_as_small = count_within(bounds, n, bounds[i]);

			if (n_as_small < n_within && n_as_small > n_below)
				n_below = n_as_small;
		}
		assert_true(n_below < rank);
	}
}

/* What stands behind an array is not even read; only keeping has spare room. */
static void
nothing_behind_the_bounds_is_touched(void **state)
{
	Random	random = random_stream(__func__);
	Guarded behind_bounds =
		open_guarded((MAX_PROBES + BOUND_SPARES) * sizeof(int32_t));
	Guarded behind_probes =
		open_guarded((MAX_PROBES + BOUND_SPARES) * sizeof(int32_t));

	(void) state;
	for (int round = 0; round < random_rounds(5000); round++)
	{
		int32_t	   bounds[MAX_PROBES + BOUND_SPARES] = {0};
		int32_t	   probes[MAX_PROBES + BOUND_SPARES] = {0};
		int32_t	   slot_bounds[MAX_SLOTS];
		int32_t	   slot_probes[MAX_SLOTS];
		BoundSlots slots = {slot_bounds, slot_probes, MAX_SLOTS};
		int		   n = random_bounds(&random, bounds);
		int		   room = n + BOUND_SPARES;
		int32_t	   threshold = random_threshold(&random, bounds, n);
		int		   n_within = metaprobe_bounds_count(bounds, 0, n, threshold);
		int32_t	  *guarded =
			copy_guarded(&behind_bounds, bounds, n * sizeof(int32_t));
		int32_t *guarded_probes;

		guarded_probes =
			(int32_t *) behind_probes.end - n_within - BOUND_SPARES;
		assert_int(metaprobe_bounds_count(guarded, 0, n, threshold), n_within,
				   round);
		assert_int(metaprobe_bounds_collect(guarded, 0, n, threshold,
											guarded_probes),
				   n_within, round);
		if (n > 0)
			(void) metaprobe_bounds_select(guarded, n,
										   random_between(&random, 1, n));
		metaprobe_bounds_clear(&slots);
		metaprobe_bounds_deal(guarded, 0, n, &slots);
		guarded = copy_guarded(&behind_bounds, bounds, room * sizeof(int32_t));
		guarded_probes =
			copy_guarded(&behind_probes, probes, room * sizeof(int32_t));
		assert_int(metaprobe_bounds_keep(guarded, guarded_probes, n,
										 threshold),
				   n_within, round);
	}
	close_guarded(&behind_bounds);
	close_guarded(&behind_probes);
}

/* Slots are whole vectors, so that moving them needs no spare room. */
static void
nothing_behind_the_slots_is_touched(void **state)
{
	Random	random = random_stream(__func__);
	Guarded behind_bounds = open_guarded(MAX_SLOTS * sizeof(int32_t));
	Guarded behind_probes = open_guarded(MAX_SLOTS * sizeof(int32_t));

	(void) state;
	for (int round = 0; round < random_rounds(2000); round++)
	{
		int32_t	   bounds[MAX_PROBES];
		BoundSlots slots;
		int		   n = random_bounds(&random, bounds);

		slots.n_slots =
			BOUND_SLOT_UNIT *
			random_between(&random, 1, MAX_SLOTS / BOUND_SLOT_UNIT);
		slots.bounds = (int32_t *) behind_bounds.end - slots.n_slots;
		slots.probes = (int32_t *) behind_probes.end - slots.n_slots;
		metaprobe_bounds_clear(&slots);
		metaprobe_bounds_deal(bounds, 0, n, &slots);
		assert_dealt(&slots, round);
	}
	close_guarded(&behind_bounds);
	close_guarded(&behind_probes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_both_kernels(counts_and_collections_agree_with_a_loop),
		test_with_both_kernels(what_is_kept_agrees_with_a_loop),
		test_with_both_kernels(slots_keep_the_smallest_dealt_to_them),
		test_with_both_kernels(slots_keep_the_smallest_of_several_ranges),
		test_with_both_kernels(a_selected_threshold_parts_the_smallest),
		test_with_both_kernels(nothing_behind_the_bounds_is_touched),
		test_with_both_kernels(nothing_behind_the_slots_is_touched),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("bounds", tests, NULL, NULL);
}
