/*
 * probe_index.h
 *		What is prepared of a suite's probes to bound distances from below.
 *
 * An index is built when it will pay off; until then searches do without.
 */
#ifndef METAPROBE_CORE_PROBE_INDEX_H
#define METAPROBE_CORE_PROBE_INDEX_H

#include "packed.h"
#include "probe_curves.h"
#include "rough.h"
#include "sketch.h"

/* What can be prepared of a suite to bound distances, and when it helps. */
typedef enum IndexKind
{
	INDEX_SKETCH,	 /* complete curves, and such as can be filled up */
	INDEX_EPOCHS,	 /* all, not under angular metrics */
	INDEX_ROWS,		 /* of complete probes: rough distances */
	INDEX_ENVELOPES, /* all, under dynamic time warping */
	N_INDEX_KINDS,
	INDEX_NONE = N_INDEX_KINDS
} IndexKind;

/* The indexes of a suite.  One that is not built bounds nothing. */
typedef struct ProbeIndexes
{
	bool		 is_built[N_INDEX_KINDS];
	int64_t		 searches[N_INDEX_KINDS]; /* that it would have helped */
	int			 attempts[N_INDEX_KINDS]; /* to build it */
	bool		 is_complete;			  /* no probe has a missing epoch */
	Sketch		 sketch;
	PackedPoints epochs;
	RoughRows	 rows;	/* of the probes, or of their directions */
	float		*lower; /* envelopes: n_probes rows of n_epochs */
	float		*upper;
} ProbeIndexes;

extern void		 metaprobe_indexes_init(ProbeIndexes	  *indexes,
										const ProbeCurves *probes);
extern IndexKind metaprobe_indexes_wanted(const ProbeIndexes *indexes);
extern void	  metaprobe_index_attempt(ProbeIndexes *indexes, IndexKind kind);
extern size_t metaprobe_index_size(const ProbeCurves *probes, IndexKind kind);
extern size_t metaprobe_index_workspace_size(const ProbeCurves *probes,
											 IndexKind			kind);
extern void	  metaprobe_index_build(ProbeIndexes	  *indexes,
									const ProbeCurves *probes, IndexKind kind,
									void *memory, void *workspace);

#endif /* METAPROBE_CORE_PROBE_INDEX_H */
