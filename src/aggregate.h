/*
 * aggregate.h
 *		What the aggregates' support functions share.
 */
#ifndef METAPROBE_AGGREGATE_H
#define METAPROBE_AGGREGATE_H

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/datum.h"

#include "compat.h"

/* The state in an argument; NULL before the first row. */
#define METAPROBE_GETARG_STATE(type, n) \
	(PG_ARGISNULL(n) ? NULL : (type *) PG_GETARG_POINTER(n))

/* Return a state, which may be NULL. */
#define METAPROBE_RETURN_STATE(state) \
	do \
	{ \
		if ((state) == NULL) \
			PG_RETURN_NULL(); \
		PG_RETURN_POINTER(state); \
	} while (0)

/* The memory that lives as long as the aggregate's state. */
static inline MemoryContext
metaprobe_aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return context;
}

/*
 * States of a type
 *
 * Such a state is one block, a varlena, that is changed in place, and replaced by a
 * larger one when it has no room.  What a function allocates may be in short-lived
 * memory: the executor copies a state that is not the one it gave, and frees that
 * one.  (An expanded object would have a memory context for each group, and hash
 * aggregation visits all of them whenever it meets another group.)
 */

/*
 * The state in the first argument, to be changed; NULL if there is none.  Functions
 * that are called by name change a copy.
 */
static inline void *
metaprobe_state_to_change(FunctionCallInfo fcinfo)
{
	struct varlena *state;

	if (PG_ARGISNULL(0))
		return NULL;
	state = (struct varlena *) PG_GETARG_POINTER(0);
	if (!VARATT_IS_EXTENDED(state) && AggCheckCallContext(fcinfo, NULL))
		return state;
	return PG_DETOAST_DATUM_COPY(PointerGetDatum(state));
}

/*
 * Do for a state of type internal, as older SQL declares it, what the executor does
 * for one that has a type: copy the result if it is another one than the argument.
 */
static inline Datum
metaprobe_keep_state(FunctionCallInfo fcinfo, Datum result)
{
	void		 *old = METAPROBE_GETARG_STATE(void, 0);
	MemoryContext caller;

	if (fcinfo->isnull || DatumGetPointer(result) == old)
		return result;
	caller = MemoryContextSwitchTo(metaprobe_aggregate_context(fcinfo));
	result = datumCopy(result, false, -1);
	MemoryContextSwitchTo(caller);
	if (old)
		pfree(old);
	return result;
}

/*
 * The first argument, a state serialized by another process, to be read.  What
 * is made of it need not outlive the call: combining copies.
 */
static inline StringInfoData
metaprobe_received_state(FunctionCallInfo fcinfo)
{
	bytea		  *state = PG_GETARG_BYTEA_PP(0);
	StringInfoData message;

	initStringInfo(&message);
	appendBinaryStringInfo(&message, VARDATA_ANY(state),
						   VARSIZE_ANY_EXHDR(state));
	return message;
}

#endif /* METAPROBE_AGGREGATE_H */
