/*
 * classifier.h
 *		Classification of loss curves by the k nearest probes of a suite.
 */
#ifndef METAPROBE_CORE_CLASSIFIER_H
#define METAPROBE_CORE_CLASSIFIER_H

#include <stddef.h>

#include "distance.h"
#include "nearest.h"
#include "vote.h"

/*
 * What classification reads of a probe suite.  Probes stand in the order of
 * (label, curve, id), which is how ties between them are decided.
 */
typedef struct ProbeCurves
{
	const float	  *losses; /* n_probes rows of n_epochs, missing-padded */
	const int32_t *labels; /* of each probe, ascending */
	const int32_t *label_starts; /* n_labels + 1: each label's first probe */
	int			   n_probes;
	int			   n_epochs;
	int			   n_labels;
	int			   k;
	int			   band; /* of METRIC_DTW, or DTW_NO_BAND */
	Metric		   metric;
	Weights		   weights;
} ProbeCurves;

/*
 * The state of a search.  All arrays live in one block from the caller, of
 * metaprobe_classifier_size() bytes.
 */
typedef struct Classifier
{
	ProbeCurves probes;

	/* what the last search and vote found */
	Nearest		nearest;   /* the k nearest, nearest first */
	double	   *distances; /* to every probe; NaN where undefined */
	LabelVotes *votes;	   /* of every label */
	double		total_votes;

	/* what stays valid from search to search */
	double *reach;		   /* each probe's own k-th neighbour distance */
	int	   *observed_ends; /* one past each probe's last observed epoch */

	/* room to work in */
	Neighbour *own_room;	/* k */
	Neighbour *other_room;	/* k */
	double	  *median_room; /* k */
	void	  *dtw_room;
} Classifier;

extern size_t metaprobe_classifier_size(const ProbeCurves *probes);
extern void	  metaprobe_classifier_init(Classifier		  *classifier,
										const ProbeCurves *probes, void *memory);
extern int	  metaprobe_classifier_search(Classifier  *classifier,
										  const float *curve, int n_epochs,
										  int except);
extern void	  metaprobe_classifier_nearest(const Classifier *classifier,
										   Nearest			*nearest);
extern int	  metaprobe_classifier_vote(Classifier *classifier);
extern double metaprobe_classifier_score(Classifier *classifier, int label);
extern double metaprobe_classifier_novelty(Classifier *classifier);
extern double metaprobe_classifier_label_distance(const Classifier *classifier,
												  int				label);

#endif /* METAPROBE_CORE_CLASSIFIER_H */
