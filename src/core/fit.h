/*
 * fit.h
 *		Choosing by cross-validation how a suite classifies best.
 */
#ifndef METAPROBE_CORE_FIT_H
#define METAPROBE_CORE_FIT_H

#include "fitted_space.h"
#include "probe_curves.h"

/* One way to classify, and how it did. */
typedef struct FitCandidate
{
	Metric	  metric;
	LossScale scale;	 /* of METRIC_FITTED, else SCALE_RAW */
	double	  shrinkage; /* NaN: no matrix */
	int		  k;
	Weights	  weights;
	bool	  is_plain; /* the suite as it is */

	/* what it classified rightly: the share, and by how much less than the
	 * best, with the standard error of that difference */
	double accuracy;
	double difference;
	double standard_error;
} FitCandidate;

/* A cross-validation.  All arrays live in one block from the caller. */
typedef struct Fit
{
	const ProbeCurves *probes;
	int				   n_validated; /* of the probes */

	/* the result: best first, and which one is chosen */
	FitCandidate *candidates;
	int			  n_candidates;
	int			  chosen;
	Calibration	  calibration; /* of the one chosen */

	/* room to work in */
	uint8_t	   *right;	 /* candidates by probes: classified rightly? */
	int32_t	   *sampled; /* the probes that are validated */
	int32_t	   *labels;	 /* theirs */
	double	   *scaled;
	int32_t	   *ends;
	float	   *train;
	float	   *test;
	int32_t	   *test_probes;
	int32_t	   *train_labels;
	int32_t	   *train_starts;
	int32_t	   *label_names; /* of the labels in training */
	double	   *covariance;
	double	   *matrix;
	double	   *triangle_room;
	double	   *epoch_room;
	Neighbour  *neighbours;
	LabelVotes *votes;
	void	   *classifier_memory;
	bool		notes_shares; /* of the candidate validated */
	VoteShares *curves;
	double	   *shares;
	int			n_curves;
} Fit;

extern size_t metaprobe_fit_size(const ProbeCurves *probes);
extern void	  metaprobe_fit_choose(Fit *fit, const ProbeCurves *probes,
								   void *memory);

extern size_t metaprobe_fit_matrix_room(const ProbeCurves *probes);
extern double metaprobe_fit_matrix(const ProbeCurves *probes, LossScale scale,
								   double shrinkage, double *matrix,
								   void *room);

#endif /* METAPROBE_CORE_FIT_H */
