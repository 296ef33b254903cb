/*
 * random.h
 *		Random numbers and curves that a printed seed brings back.
 */
#ifndef METAPROBE_TEST_RANDOM_H
#define METAPROBE_TEST_RANDOM_H

#include <inttypes.h>
#include <time.h>

#include "loss.h"
#include "test.h"

typedef struct Random
{
	uint64_t state;
} Random;

static uint64_t random_seed;

/* Take the seed from METAPROBE_SEED, else from the clock, and print it. */
static inline void
random_announce_seed(void)
{
	const char	   *given = getenv("METAPROBE_SEED");
	struct timespec now;

	if (given != NULL && *given != '\0')
		random_seed = strtoull(given, NULL, 10);
	else
	{
		timespec_get(&now, TIME_UTC);
		random_seed = (uint64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
	}
	printf("# seed %" PRIu64 "\n", random_seed);
	fflush(stdout);
}

/* Source: splitmix64, G. Steele et al., OOPSLA 2014. */
static inline uint64_t
random_bits(Random *random)
{
	uint64_t z = (random->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* A stream of its own for each test, so that none depends on the others. */
static inline Random
random_stream(const char *test_name)
{
	Random random = {random_seed};

	for (; *test_name != '\0'; test_name++)
		random.state = random_bits(&random) + (unsigned char) *test_name;
	return random;
}

/*
 * How many random cases to try where so many are usual: METAPROBE_EFFORT times
 * as many (1), at least one.
 */
static inline int
random_rounds(int usual)
{
	static double effort;

	if (effort == 0)
	{
		const char *given = getenv("METAPROBE_EFFORT");

		effort = given != NULL ? atof(given) : 0;
		if (!(effort > 0 && effort <= 1000))
			effort = 1;
	}
	return (int) fmax(1, usual * effort);
}

/* From 0 to n - 1. */
static inline int
random_below(Random *random, int n)
{
	return (int) (random_bits(random) % (uint64_t) n);
}

/* From low to high, both included. */
static inline int
random_between(Random *random, int low, int high)
{
	return low + random_below(random, high - low + 1);
}

/* From 0 to just below 1. */
static inline double
random_unit(Random *random)
{
	return (double) (random_bits(random) >> 11) * 0x1p-53;
}

static inline bool
random_chance(Random *random, double probability)
{
	return random_unit(random) < probability;
}

/* Any finite loss, each bit pattern alike: huge ones, denormals, zeros. */
static inline float
random_any_loss(Random *random)
{
	for (;;)
	{
		uint32_t bits = (uint32_t) random_bits(random);
		float	 loss;

		memcpy(&loss, &bits, sizeof(loss));
		if (isfinite(loss))
			return loss + 0.0f;
	}
}

typedef enum CurveStyle
{
	STYLE_TRAINING, /* decays, with noise */
	STYLE_INTEGERS, /* small ones: ties, duplicates, exact sums */
	STYLE_ANY_BITS	/* whatever a float can hold */
} CurveStyle;

#define N_CURVE_STYLES (STYLE_ANY_BITS + 1)

static inline float
random_loss(Random *random, CurveStyle style, int epoch)
{
	switch (style)
	{
		case STYLE_TRAINING:
			return (float) (2.3 * exp(-0.1 * epoch * random_unit(random)) +
							0.3 * random_unit(random));
		case STYLE_INTEGERS:
			return (float) random_between(random, -2, 2);
		case STYLE_ANY_BITS:
			break;
	}
	return random_any_loss(random);
}

static inline void
random_curve(Random *random, CurveStyle style, double missing_share,
			 float *curve, int n)
{
	for (int i = 0; i < n; i++)
	{
		curve[i] = random_loss(random, style, i);
		if (random_chance(random, missing_share))
			curve[i] = metaprobe_missing_loss();
	}
}

/* How much of a curve is missing: often nothing, sometimes nearly all. */
static inline double
random_missing_share(Random *random)
{
	const double shares[] = {0, 0, 0.1, 0.5, 0.9};

	return shares[random_below(random, LENGTH_OF(shares))];
}

#endif /* METAPROBE_TEST_RANDOM_H */
