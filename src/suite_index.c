/*
 * suite_index.c
 *		Indexes of loaded suites, built when they will pay off.
 *
 * The first rows do without, so that one row alone need not wait.
 */
#include "postgres.h"

#include "aligned.h"
#include "suite_index.h"

/*
 * Build an index that enough searches would have used by now, if any.  It
 * belongs to the caller's memory until it is complete, so that nothing is left
 * of one that is cancelled.  Without memory for it, rows go on without.
 */
void
metaprobe_suite_add_indexes(LoadedSuite *suite)
{
	Classifier	 *classifier = &suite->classifier;
	ProbeCurves	 *probes = &classifier->probes;
	IndexKind	  kind = metaprobe_indexes_wanted(&classifier->indexes);
	MemoryContext context;
	void		 *memory;
	void		 *workspace;

	if (kind == INDEX_NONE)
		return;
	metaprobe_index_attempt(&classifier->indexes, kind);
	context = AllocSetContextCreate(CurrentMemoryContext, "metaprobe index",
									ALLOCSET_SMALL_SIZES);
	memory =
		metaprobe_alloc_aligned(context, metaprobe_index_size(probes, kind),
								MCXT_ALLOC_NO_OOM);
	workspace = palloc_extended(metaprobe_index_workspace_size(probes, kind),
								MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	if (memory && workspace)
	{
		metaprobe_index_build(&classifier->indexes, probes, kind, memory,
							  workspace);
		MemoryContextSetParent(context, suite->context);
	}
	else
		MemoryContextDelete(context);
	if (workspace)
		pfree(workspace);
}
