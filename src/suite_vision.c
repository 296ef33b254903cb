/*
 * suite_vision.c
 *		When a relation's suite must be read again.
 *
 * Within a query never, one would think: but what keeps the suite from row to
 * row may outlive the query, and then the next may see other rows, be another
 * user's, or run under other settings.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "suite_vision.h"

/* Note what a read now depends on.  Points into the active snapshot. */
void
metaprobe_vision_take(SuiteVision *vision)
{
	vision->transaction = metaprobe_local_transaction();
	vision->subtransaction = GetCurrentSubTransactionId();
	vision->user = GetUserId();
	vision->snapshot = *GetActiveSnapshot();
	vision->is_valid = false;
}

/*
 * Is a function of a procedural language running?  They are connected to SPI,
 * and this call does nothing but tell whether we are.
 */
static bool
in_procedural_language(void)
{
	return SPI_unregister_relation("") != SPI_ERROR_UNCONNECTED;
}

/*
 * Does fn_extra in this memory end with the query that is running?  Not if it
 * belongs to an expression that PL/pgSQL evaluates by itself: that lives until
 * the end of the transaction, below its context, and runs under a snapshot that
 * no executor has registered, or (in a STABLE function) under the caller's.  A
 * parallel worker keeps its only query there, too.
 */
static bool
ends_with_query(MemoryContext function_context, const SnapshotData *snapshot)
{
	if (snapshot->regd_count == 0)
		return false;
	return MemoryContextGetParent(function_context) != TopTransactionContext ||
		   (IsParallelWorker() && !in_procedural_language());
}

/*
 * Keep a copy of what the vision points to.  What does not follow from the
 * snapshot, since views and row security may ask settings, can only be kept
 * for the query that read it.
 */
void
metaprobe_vision_keep(SuiteVision *vision, bool is_decided_by_snapshot,
					  MemoryContext function_context, MemoryContext context)
{
	SnapshotData  *snapshot = &vision->snapshot;
	Size		   size = snapshot->xcnt * sizeof(TransactionId);
	Size		   sub_size = snapshot->subxcnt * sizeof(TransactionId);
	TransactionId *copy = MemoryContextAlloc(context, size + sub_size);

	if (size > 0)
		memcpy(copy, snapshot->xip, size);
	if (sub_size > 0)
		memcpy(copy + snapshot->xcnt, snapshot->subxip, sub_size);
	snapshot->xip = copy;
	snapshot->subxip = copy + snapshot->xcnt;
	vision->is_valid =
		is_decided_by_snapshot || ends_with_query(function_context, snapshot);
}

static bool
has_same_ids(const TransactionId *a, const TransactionId *b, Size n)
{
	return n == 0 || memcmp(a, b, n * sizeof(TransactionId)) == 0;
}

/* Would the same be read now? */
bool
metaprobe_vision_is_current(const SuiteVision *vision)
{
	const SnapshotData *a = &vision->snapshot;
	const SnapshotData *b = GetActiveSnapshot();

	return vision->is_valid &&
		   vision->transaction == metaprobe_local_transaction() &&
		   vision->subtransaction == GetCurrentSubTransactionId() &&
		   vision->user == GetUserId() && a->xmin == b->xmin &&
		   a->xmax == b->xmax && a->curcid == b->curcid &&
		   a->xcnt == b->xcnt && a->subxcnt == b->subxcnt &&
		   a->suboverflowed == b->suboverflowed &&
		   a->takenDuringRecovery == b->takenDuringRecovery &&
		   has_same_ids(a->xip, b->xip, a->xcnt) &&
		   has_same_ids(a->subxip, b->subxip, a->subxcnt);
}
