/*
 * classifier.h
 *		Classification of loss curves by the k nearest probes of a suite.
 */
#ifndef METAPROBE_CORE_CLASSIFIER_H
#define METAPROBE_CORE_CLASSIFIER_H

#include "nearest.h"
#include "probe_curves.h"
#include "search.h"
#include "vote.h"

/*
 * What classification says of a curve; NaN or -1 where it says nothing.  Of a
 * curve that is too novel to be labelled it says distance and novelty alone.
 */
typedef struct Tag
{
	int	   label;
	double probability; /* see metaprobe_classifier_probability() */
	double score;		/* see metaprobe_classifier_score() */
	int	   runner_up;	/* the label with the next most votes */
	double margin;		/* by so much it is less probable */
	double distance;	/* to the nearest probe */
	double novelty;		/* see metaprobe_classifier_novelty() */
} Tag;

/* How a curve relates to one label; NaN where nothing can be said. */
typedef struct LabelEvidence
{
	double is_winner; /* 1 if it is the curve's label, else 0 */
	double vote_share;
	double score;	/* see metaprobe_classifier_score() */
	double novelty; /* of the curve, whatever the label */
} LabelEvidence;

/*
 * The state of a classification.  All arrays live in one block from the
 * caller, of metaprobe_classifier_size() bytes; indexes are the caller's as
 * well.
 */
typedef struct Classifier
{
	ProbeCurves	 probes;
	ProbeIndexes indexes;
	Search		 search; /* for the curve at hand */

	/* what the last search and vote found */
	Nearest		nearest; /* the k nearest, nearest first */
	LabelVotes *votes;	 /* of every label */
	double		total_votes;
	double		total_likelihood;

	/* what stays valid from search to search */
	double *reach; /* each probe's mean distance to its own k nearest */

	/* room to work in */
	Search	   probe_search; /* for a probe's own neighbours */
	Nearest	   own;			 /* the k nearest of a label */
	Nearest	   others;		 /* and of all other labels */
	Neighbour *reach_room;	 /* k */
	int32_t	  *rough_room;	 /* n_probes */
	int32_t	  *counts;		 /* of each label, and as many to count with */
} Classifier;

extern size_t metaprobe_classifier_size(const ProbeCurves *probes);
extern void	  metaprobe_classifier_init(Classifier		  *classifier,
										const ProbeCurves *probes, void *memory);

/* Begin with a curve; then ask. */
extern void	  metaprobe_classifier_begin(Classifier	 *classifier,
										 const float *curve, int n_epochs,
										 int except);
extern int	  metaprobe_classifier_label(Classifier *classifier);
extern bool	  metaprobe_classifier_tag(Classifier *classifier, Tag *tag);
extern int	  metaprobe_classifier_neighbours(Classifier *classifier);
extern void	  metaprobe_classifier_nearest(Classifier *classifier,
										   Nearest	  *nearest);
extern double metaprobe_classifier_label_distance(Classifier *classifier,
												  int		  label);
extern double metaprobe_classifier_score(Classifier *classifier, int label);
extern LabelEvidence metaprobe_classifier_evidence(Classifier *classifier,
												   int		   label);

/* Ask about the neighbours found. */
extern int	  metaprobe_classifier_vote(Classifier *classifier);
extern void	  metaprobe_classifier_weigh(Classifier *classifier);
extern double metaprobe_classifier_probability(const Classifier *classifier,
											   int				 label);
extern double metaprobe_classifier_novelty(Classifier *classifier);

#endif /* METAPROBE_CORE_CLASSIFIER_H */
