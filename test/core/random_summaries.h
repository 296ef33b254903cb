/*
 * random_summaries.h
 *		Summaries of random curves, for tests.
 */
#ifndef METAPROBE_TEST_RANDOM_SUMMARIES_H
#define METAPROBE_TEST_RANDOM_SUMMARIES_H

#include "curve_summary.h"
#include "random.h"
#include "test.h"

#define MAX_EPOCHS 300
#define MAX_CURVES 60

typedef struct Summaries
{
	int			 n;
	int			 n_epochs;
	float		 losses[MAX_CURVES][MAX_EPOCHS];
	CurveSummary curves[MAX_CURVES];
	SummaryBox	 boxes[MAX_CURVES];
} Summaries;

/* Summarise a curve by exactly the bytes that its summary takes. */
static inline CurveSummary
summarise(const float *losses, int n_epochs)
{
	CurveSummary summary;
	CurveSummary stored = {0};
	int			 size = metaprobe_summary_take(losses, n_epochs, &summary);

	assert_that(size <= (int) sizeof(summary), n_epochs);
	assert_int(size, metaprobe_summary_size(summary.n_epochs), n_epochs);
	memcpy(&stored, &summary, size);
	return stored;
}

static inline SummaryBox
box_of(const float *losses, int n_epochs)
{
	CurveSummary summary = summarise(losses, n_epochs);
	SummaryBox	 box;

	metaprobe_summary_box(&summary, &box);
	return box;
}

static inline void
summarise_all(Summaries *summaries)
{
	for (int i = 0; i < summaries->n; i++)
	{
		summaries->curves[i] =
			summarise(summaries->losses[i], summaries->n_epochs);
		metaprobe_summary_box(&summaries->curves[i], &summaries->boxes[i]);
	}
}

/*
 * A curve like another, to whose bound it should come near: the same, a bit
 * off, moved, or other losses of the same mean.
 */
static inline void
make_like(Random *random, const float *model, float *losses, int n)
{
	int way = random_below(random, 4);

	for (int i = 0; i < n; i++)
	{
		losses[i] = model[i];
		if (way == 1 && random_chance(random, 0.2))
			losses[i] =
				nextafterf(model[i],
						   random_chance(random, 0.5) ? INFINITY : -INFINITY);
		else if (way == 2)
			losses[i] = model[i] + 0.25f;
		else if (way == 3)
			losses[i] = model[n - 1 - i];
		if (isinf(losses[i]))
			losses[i] = model[i];
	}
}

static inline void
random_summaries(Random *random, Summaries *summaries)
{
	CurveStyle style = (CurveStyle) random_below(random, N_CURVE_STYLES);
	double	   missing = random_missing_share(random);
	int		   n = random_between(random, 0, MAX_EPOCHS);

	if (random_chance(random, 0.3))
		n = random_between(random, 0, 12);
	summaries->n = random_between(random, 2, MAX_CURVES);
	summaries->n_epochs = n;
	for (int i = 0; i < summaries->n; i++)
	{
		float *losses = summaries->losses[i];

		if (i > 0 && random_chance(random, 0.3))
			make_like(random, summaries->losses[random_below(random, i)],
					  losses, n);
		else
			random_curve(random, style, missing, losses, n);
		if (random_chance(random, 0.1))
			for (int epoch = random_between(random, 0, n); epoch < n; epoch++)
				losses[epoch] = metaprobe_missing_loss();
	}
	summarise_all(summaries);
}

/* The box around the curves, by extension in random order. */
static inline SummaryBox
box_around(Random *random, const Summaries *summaries)
{
	int		   first = random_below(random, summaries->n);
	SummaryBox box = summaries->boxes[first];

	for (int i = 1; i < summaries->n; i++)
		metaprobe_summary_extend(
			&box, &summaries->boxes[(first + i) % summaries->n]);
	return box;
}

#endif /* METAPROBE_TEST_RANDOM_SUMMARIES_H */
