/*
 * aggregate.h
 *		What the aggregates' support functions share.
 */
#ifndef METAPROBE_AGGREGATE_H
#define METAPROBE_AGGREGATE_H

#include "fmgr.h"
#include "lib/stringinfo.h"

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
