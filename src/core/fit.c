/*
 * fit.c
 *		Choosing by cross-validation how a suite classifies best.
 *
 * The probes are dealt out to parts, one after the other in the suite's order,
 * so that every label is spread evenly.  Each part in turn is classified by the
 * others, for every way to do so; a matrix is learned from the others alone.
 * Neighbours and votes are those of classification itself.
 *
 * Many ways are tried, and the best of them is so partly by luck.  Hence the
 * choice goes to the simplest that is not worse by more than the standard error
 * of the difference (L. Breiman et al., Classification and Regression Trees,
 * 1984).  As all ways classify the same probes, differences are taken probe by
 * probe, which leaves out what is hard for all of them.
 */
#include "fit.h"

#include <math.h>
#include <string.h>

#include "carve.h"
#include "classifier.h"
#include "loss.h"
#include "poll.h"

#define N_PARTS 10

/* Of a larger suite so many probes are enough to choose by. */
#define MAX_VALIDATED 5000

static const double shrinkages[] = {NAN, 0.6, 0.3, 0.1, 0.05};
static const int	ks[] = {3, 5, 10, 20}; /* the vote of one has no shares */

#define N_SHRINKAGES ((int) (sizeof(shrinkages) / sizeof(shrinkages[0])))
#define N_KS ((int) (sizeof(ks) / sizeof(ks[0])))

/* The suite's own metric, Euclidean if that is another, and fitted spaces. */
#define MAX_SPACES (2 + N_SCALES * N_SHRINKAGES)
#define MAX_CANDIDATES (MAX_SPACES * (N_KS + 1) * N_WEIGHTS)

static int
n_validated(const ProbeCurves *probes)
{
	return probes->n_probes < MAX_VALIDATED ? probes->n_probes : MAX_VALIDATED;
}

/* The largest k that is tried. */
static int
most_neighbours(const ProbeCurves *probes)
{
	return probes->k > ks[N_KS - 1] ? probes->k : ks[N_KS - 1];
}

/* The most labels that the neighbours of a curve may have. */
static size_t
most_labels(const ProbeCurves *probes)
{
	int most = most_neighbours(probes);

	return probes->n_labels < most ? probes->n_labels : most;
}

/* What a classifier takes at most, whose probes are some of those validated. */
static size_t
classifier_size(const ProbeCurves *probes, Metric metric)
{
	ProbeCurves most = *probes;

	most.n_probes = n_validated(probes);
	most.k = 1;
	most.metric = metric;
	return metaprobe_classifier_size(&most);
}

static size_t
lay_out(Fit *fit, const ProbeCurves *probes, void *memory)
{
	Carver carver = {memory, 0};
	size_t n = n_validated(probes);
	size_t n_epochs = probes->n_epochs;
	size_t triangle = metaprobe_triangle_size(probes->n_epochs);
	size_t size = classifier_size(probes, probes->metric);
	size_t l2_size = classifier_size(probes, METRIC_L2);

	fit->candidates = carve(&carver, MAX_CANDIDATES, sizeof(FitCandidate));
	fit->right = carve(&carver, MAX_CANDIDATES * n, 1);
	fit->sampled = carve(&carver, n, sizeof(int32_t));
	fit->labels = carve(&carver, n, sizeof(int32_t));
	fit->scaled = carve(&carver, n * n_epochs, sizeof(double));
	fit->ends = carve(&carver, n, sizeof(int32_t));
	fit->train = carve(&carver, n * n_epochs, sizeof(float));
	fit->test = carve(&carver, n * n_epochs, sizeof(float));
	fit->test_probes = carve(&carver, n, sizeof(int32_t));
	fit->train_labels = carve(&carver, n, sizeof(int32_t));
	fit->train_starts = carve(&carver, probes->n_labels + 1, sizeof(int32_t));
	fit->label_names = carve(&carver, probes->n_labels, sizeof(int32_t));
	fit->covariance = carve(&carver, triangle, sizeof(double));
	fit->matrix = carve(&carver, triangle, sizeof(double));
	fit->triangle_room = carve(&carver, triangle, sizeof(double));
	fit->epoch_room = carve(&carver, 4 * n_epochs, sizeof(double));
	fit->neighbours =
		carve(&carver, most_neighbours(probes), sizeof(Neighbour));
	fit->votes = carve(&carver, probes->n_labels, sizeof(LabelVotes));
	fit->curves = carve(&carver, n, sizeof(VoteShares));
	fit->shares = carve(&carver, n * most_labels(probes), sizeof(double));
	fit->classifier_memory =
		carve(&carver, 1, size > l2_size ? size : l2_size);
	return carver.used;
}

/* Bytes of memory that a fit to these probes takes. */
size_t
metaprobe_fit_size(const ProbeCurves *probes)
{
	Fit measured;

	return lay_out(&measured, probes, NULL);
}

/*
 * Candidates
 */

static bool
is_tried_k(int k)
{
	for (int i = 0; i < N_KS; i++)
	{
		if (ks[i] == k)
			return true;
	}
	return false;
}

/* Add a space's candidates, with every k and weights. */
static void
add_space(Fit *fit, Metric metric, LossScale scale, double shrinkage)
{
	const ProbeCurves *probes = fit->probes;
	FitCandidate	   candidate = {.metric = metric,
									.scale = scale,
									.shrinkage = shrinkage};

	for (int i = 0; i <= N_KS; i++)
	{
		if (i == N_KS && is_tried_k(probes->k))
			break;
		candidate.k = i < N_KS ? ks[i] : probes->k;
		if (candidate.k > probes->n_probes)
			continue;
		for (int weights = 0; weights < N_WEIGHTS; weights++)
		{
			bool is_own = weights == (int) probes->weights;

			if (weights == WEIGHTS_BALANCED && !is_own)
				continue;
			candidate.weights = weights;
			candidate.is_plain =
				metric == probes->metric && candidate.k == probes->k && is_own;
			fit->candidates[fit->n_candidates++] = candidate;
		}
	}
}

static void
list_candidates(Fit *fit)
{
	Metric own = fit->probes->metric;

	fit->n_candidates = 0;
	add_space(fit, own, SCALE_RAW, NAN);
	if (own != METRIC_L2)
		add_space(fit, METRIC_L2, SCALE_RAW, NAN);
	for (int scale = 0; scale < N_SCALES; scale++)
	{
		for (int i = 0; i < N_SHRINKAGES; i++)
		{
			if (scale != SCALE_RAW || !isnan(shrinkages[i]))
				add_space(fit, METRIC_FITTED, scale, shrinkages[i]);
		}
	}
}

static bool
is_same_space(const FitCandidate *a, const FitCandidate *b)
{
	return a->metric == b->metric && a->scale == b->scale &&
		   (a->shrinkage == b->shrinkage ||
			(isnan(a->shrinkage) && isnan(b->shrinkage)));
}

/* How much is learned: nothing, a scale, or a matrix. */
static int
complexity(const FitCandidate *candidate)
{
	if (!isnan(candidate->shrinkage))
		return 2;
	return candidate->metric == METRIC_FITTED;
}

/*
 * Is a simpler than b?  The suite as it is comes first.  Then by what is
 * learned, how far the scale is from the losses themselves, and how far the
 * matrix is from none; then more neighbours, which smooth more.
 */
static bool
is_simpler(const FitCandidate *a, const FitCandidate *b)
{
	if (a->is_plain != b->is_plain)
		return a->is_plain;
	if (complexity(a) != complexity(b))
		return complexity(a) < complexity(b);
	if (a->scale != b->scale)
		return a->scale < b->scale;
	if (!is_same_space(a, b))
		return complexity(a) == 2 ? a->shrinkage > b->shrinkage :
									a->metric > b->metric;
	if (a->k != b->k)
		return a->k > b->k;
	return a->weights < b->weights;
}

/*
 * Cross-validation
 */

/* Take so many probes, evenly from the suite's order. */
static void
sample_probes(Fit *fit)
{
	const ProbeCurves *probes = fit->probes;

	fit->n_validated = n_validated(probes);
	for (int i = 0; i < fit->n_validated; i++)
	{
		fit->sampled[i] = (int64_t) i * probes->n_probes / fit->n_validated;
		fit->labels[i] = probes->labels[fit->sampled[i]];
	}
}

static const float *
sampled_curve(const Fit *fit, int i)
{
	return metaprobe_probe_curve(fit->probes, fit->sampled[i]);
}

static void
scale_probes(Fit *fit, const FittedSpace *space)
{
	size_t n_epochs = space->n_epochs;

	for (int i = 0; i < fit->n_validated; i++)
		fit->ends[i] =
			metaprobe_fitted_scale(space, sampled_curve(fit, i), n_epochs,
								   fit->scaled + i * n_epochs);
}

/*
 * Put the probes of a part into test and the others into train, mapped to a
 * space or, if that is NULL, as they are.  Labels that are not in training have
 * no number there.  Returns how many are in test.
 */
static int
split_probes(Fit *fit, const FittedSpace *space, int part, ProbeCurves *train)
{
	size_t n_epochs = fit->probes->n_epochs;
	int	   n_test = 0;
	int	   n_train = 0;
	int	   n_labels = 0;

	for (int i = 0; i < fit->n_validated; i++)
	{
		bool   is_test = i % N_PARTS == part;
		float *point = is_test ? fit->test + n_test * n_epochs :
								 fit->train + n_train * n_epochs;

		if (space)
			metaprobe_fitted_apply(space, fit->scaled + i * n_epochs,
								   fit->ends[i], point, fit->epoch_room);
		else
			memcpy(point, sampled_curve(fit, i), n_epochs * sizeof(float));
		if (is_test)
		{
			fit->test_probes[n_test++] = i;
			continue;
		}
		if (n_labels == 0 || fit->label_names[n_labels - 1] != fit->labels[i])
		{
			fit->label_names[n_labels] = fit->labels[i];
			fit->train_starts[n_labels++] = n_train;
		}
		fit->train_labels[n_train++] = n_labels - 1;
	}
	fit->train_starts[n_labels] = n_train;
	train->losses = fit->train;
	train->labels = fit->train_labels;
	train->label_starts = fit->train_starts;
	train->n_probes = n_train;
	train->n_labels = n_labels;
	return n_test;
}

/* Note the shares of the votes that have been counted for a probe. */
static void
note_shares(Fit *fit, int n_train_labels, int probe, double total_votes)
{
	VoteShares *curve = &fit->curves[fit->n_curves];

	curve->shares = fit->shares + fit->n_curves * most_labels(fit->probes);
	curve->n_shares = 0;
	curve->n_labels = fit->probes->n_labels;
	curve->right = 0;
	for (int label = 0; label < n_train_labels; label++)
	{
		double share = fit->votes[label].votes / total_votes;

		if (share == 0)
			continue;
		curve->shares[curve->n_shares++] = share;
		if (fit->label_names[label] == fit->labels[probe])
			curve->right = share;
	}
	fit->n_curves++;
}

/* Is a candidate right about a probe with these neighbours, nearest first? */
static bool
is_right(Fit *fit, const FitCandidate *candidate, const ProbeCurves *train,
		 const Nearest *nearest, int probe)
{
	int	   n = candidate->k < nearest->count ? candidate->k : nearest->count;
	double total_votes;
	int	   winner;

	total_votes =
		metaprobe_vote(nearest->items, n, train->labels, candidate->weights,
					   train->label_starts, fit->votes, train->n_labels);
	winner = metaprobe_vote_winner(fit->votes, train->n_labels, -1);
	if (winner < 0)
		return false;
	if (fit->notes_shares)
		note_shares(fit, train->n_labels, probe, total_votes);
	return fit->label_names[winner] == fit->labels[probe];
}

/* Classify a part by the others, with the candidates [first, end). */
static void
validate_part(Fit *fit, const FittedSpace *space, int part, int first, int end)
{
	ProbeCurves train = *fit->probes;
	Classifier	classifier;
	Nearest		nearest;
	size_t		n_epochs = train.n_epochs;
	int			n_test = split_probes(fit, space, part, &train);
	int			most = most_neighbours(fit->probes);

	if (train.n_probes == 0)
		return;
	train.k = 1;
	if (space)
		train.metric = METRIC_L2;
	else
		train.metric = fit->candidates[first].metric;
	metaprobe_classifier_init(&classifier, &train, fit->classifier_memory);
	for (int i = 0; i < n_test; i++)
	{
		int probe = fit->test_probes[i];

		metaprobe_poll();
		metaprobe_classifier_begin(&classifier, fit->test + i * n_epochs,
								   n_epochs, -1);
		metaprobe_nearest_reset(&nearest, fit->neighbours, most);
		metaprobe_classifier_nearest(&classifier, &nearest);
		for (int c = first; c < end; c++)
			fit->right[(size_t) c * fit->n_validated + probe] =
				is_right(fit, &fit->candidates[c], &train, &nearest, probe);
	}
}

/*
 * Validate the candidates [first, end), all of one scale, space by space: the
 * covariance of a part's others serves every shrinkage.
 */
static void
validate_scale(Fit *fit, int first, int end)
{
	FittedSpace	 space = {.scale = fit->candidates[first].scale,
						  .n_epochs = fit->probes->n_epochs};
	ScaledCurves curves = {.scaled = fit->scaled,
						   .ends = fit->ends,
						   .labels = fit->labels,
						   .n_curves = fit->n_validated,
						   .n_epochs = fit->probes->n_epochs,
						   .n_parts = N_PARTS};

	scale_probes(fit, &space);
	for (int part = 0; part < N_PARTS && part < fit->n_validated; part++)
	{
		int next;

		curves.except = part;
		metaprobe_within_covariance(&curves, fit->covariance, fit->epoch_room);
		for (int c = first; c < end; c = next)
		{
			double shrinkage = fit->candidates[c].shrinkage;

			for (next = c;
				 next < end &&
				 is_same_space(&fit->candidates[c], &fit->candidates[next]);)
				next++;
			space.matrix = NULL;
			if (!isnan(shrinkage) &&
				!isnan(metaprobe_whitening(fit->covariance, space.n_epochs,
										   shrinkage, fit->matrix,
										   fit->triangle_room)))
				space.matrix = fit->matrix;
			validate_part(fit, &space, part, c, next);
		}
	}
}

/* Validate the candidates [first, end), all of one metric and scale. */
static void
validate(Fit *fit, int first, int end)
{
	if (fit->candidates[first].metric == METRIC_FITTED)
	{
		validate_scale(fit, first, end);
		return;
	}
	for (int part = 0; part < N_PARTS && part < fit->n_validated; part++)
		validate_part(fit, NULL, part, first, end);
}

static void
validate_all(Fit *fit)
{
	int next;

	memset(fit->right, 0, (size_t) fit->n_candidates * fit->n_validated);
	for (int first = 0; first < fit->n_candidates; first = next)
	{
		const FitCandidate *c = &fit->candidates[first];

		for (next = first; next < fit->n_candidates &&
						   fit->candidates[next].metric == c->metric &&
						   fit->candidates[next].scale == c->scale;)
			next++;
		validate(fit, first, next);
	}
}

/*
 * The choice
 */

static void
measure_accuracy(Fit *fit)
{
	for (int c = 0; c < fit->n_candidates; c++)
	{
		const uint8_t *right = fit->right + (size_t) c * fit->n_validated;
		int			   n_right = 0;

		for (int i = 0; i < fit->n_validated; i++)
			n_right += right[i];
		fit->candidates[c].accuracy = (double) n_right / fit->n_validated;
	}
}

static bool
is_better(const FitCandidate *a, const FitCandidate *b)
{
	if (a->accuracy != b->accuracy)
		return a->accuracy > b->accuracy;
	return is_simpler(a, b);
}

/* By how much a candidate is worse than the best, and how certain that is. */
static void
compare_with_best(Fit *fit, int candidate, int best)
{
	const uint8_t *a = fit->right + (size_t) best * fit->n_validated;
	const uint8_t *b = fit->right + (size_t) candidate * fit->n_validated;
	FitCandidate  *result = &fit->candidates[candidate];
	double		   n = fit->n_validated;
	double		   sum = 0;
	double		   squares = 0;

	for (int i = 0; i < fit->n_validated; i++)
	{
		int difference = a[i] - b[i];

		sum += difference;
		squares += difference * difference;
	}
	result->difference = sum / n;
	result->standard_error =
		n > 1 ? sqrt((squares - sum * sum / n) / (n - 1) / n) : 0;
}

/* Best first.  An insertion sort: there are few, and their order is total. */
static void
sort_candidates(FitCandidate *candidates, int n)
{
	for (int i = 1; i < n; i++)
	{
		FitCandidate moved = candidates[i];
		int			 j = i;

		for (; j > 0 && is_better(&moved, &candidates[j - 1]); j--)
			candidates[j] = candidates[j - 1];
		candidates[j] = moved;
	}
}

/* Is none before it, among candidates best first, of the same space? */
static bool
is_best_of_space(const Fit *fit, int candidate)
{
	for (int c = 0; c < candidate; c++)
	{
		if (is_same_space(&fit->candidates[c], &fit->candidates[candidate]))
			return false;
	}
	return true;
}

/*
 * The choice among candidates that stand best first.  It is between the suite
 * as it is and the best of every space: how many neighbours vote, and how, is
 * no matter of simplicity.
 */
static int
choose(const Fit *fit)
{
	int chosen = 0;

	for (int c = 1; c < fit->n_candidates; c++)
	{
		const FitCandidate *candidate = &fit->candidates[c];

		if (candidate->difference <= candidate->standard_error &&
			(candidate->is_plain || is_best_of_space(fit, c)) &&
			is_simpler(candidate, &fit->candidates[chosen]))
			chosen = c;
	}
	return chosen;
}

/* Calibrate the probabilities of what is chosen, by its votes once more. */
static void
calibrate(Fit *fit)
{
	fit->notes_shares = true;
	fit->n_curves = 0;
	validate(fit, fit->chosen, fit->chosen + 1);
	fit->calibration = metaprobe_calibrate(fit->curves, fit->n_curves);
}

/*
 * Validate all candidates and choose one.  The probes are curves as they were
 * recorded, under the metric, k and weights that they have without a fit.
 * memory is of metaprobe_fit_size() bytes.
 */
void
metaprobe_fit_choose(Fit *fit, const ProbeCurves *probes, void *memory)
{
	int best = 0;

	lay_out(fit, probes, memory);
	fit->probes = probes;
	fit->notes_shares = false;
	list_candidates(fit);
	sample_probes(fit);
	validate_all(fit);
	measure_accuracy(fit);
	for (int c = 1; c < fit->n_candidates; c++)
	{
		if (is_better(&fit->candidates[c], &fit->candidates[best]))
			best = c;
	}
	for (int c = 0; c < fit->n_candidates; c++)
		compare_with_best(fit, c, best);

	sort_candidates(fit->candidates, fit->n_candidates);
	fit->chosen = choose(fit);
	calibrate(fit);
}

/*
 * The matrix of all probes
 */

typedef struct MatrixRoom
{
	double	*scaled;
	int32_t *ends;
	double	*covariance;
	double	*triangle;
	double	*epochs;
} MatrixRoom;

static size_t
lay_out_room(MatrixRoom *room, const ProbeCurves *probes, void *memory)
{
	Carver carver = {memory, 0};
	size_t n = probes->n_probes;
	size_t n_epochs = probes->n_epochs;
	size_t triangle = metaprobe_triangle_size(probes->n_epochs);

	room->scaled = carve(&carver, n * n_epochs, sizeof(double));
	room->ends = carve(&carver, n, sizeof(int32_t));
	room->covariance = carve(&carver, triangle, sizeof(double));
	room->triangle = carve(&carver, triangle, sizeof(double));
	room->epochs = carve(&carver, 4 * n_epochs, sizeof(double));
	return carver.used;
}

/* Bytes of room that metaprobe_fit_matrix() takes. */
size_t
metaprobe_fit_matrix_room(const ProbeCurves *probes)
{
	MatrixRoom measured;

	return lay_out_room(&measured, probes, NULL);
}

/*
 * Learn a matrix from all probes.  Returns the shrinkage that it has, or NaN
 * if there is nothing to whiten.
 */
double
metaprobe_fit_matrix(const ProbeCurves *probes, LossScale scale,
					 double shrinkage, double *matrix, void *memory)
{
	FittedSpace	 space = {.scale = scale, .n_epochs = probes->n_epochs};
	MatrixRoom	 room;
	ScaledCurves curves;

	lay_out_room(&room, probes, memory);
	for (int i = 0; i < probes->n_probes; i++)
		room.ends[i] =
			metaprobe_fitted_scale(&space, metaprobe_probe_curve(probes, i),
								   probes->n_epochs,
								   room.scaled + (size_t) i * space.n_epochs);
	curves = (ScaledCurves){.scaled = room.scaled,
							.ends = room.ends,
							.labels = probes->labels,
							.n_curves = probes->n_probes,
							.n_epochs = probes->n_epochs,
							.n_parts = 1,
							.except = -1};
	metaprobe_within_covariance(&curves, room.covariance, room.epochs);
	return metaprobe_whitening(room.covariance, space.n_epochs, shrinkage,
							   matrix, room.triangle);
}
