/*
 * suite_relation.h
 *		Suites read from a relation, and when they must be read again.
 */
#ifndef METAPROBE_SUITE_RELATION_H
#define METAPROBE_SUITE_RELATION_H

#include "utils/snapshot.h"

#include "probe_suite.h"

/*
 * What a read of a relation depended on: as long as it stays the same, so does
 * what the read would find.
 */
typedef struct SuiteVision
{
	LocalTransactionId transaction;
	SubTransactionId   subtransaction;
	Oid				   user;
	SnapshotData	   snapshot; /* with xip and subxip kept apart */
	bool			   is_valid; /* false: read again at every call */
} SuiteVision;

extern void		   metaprobe_vision_take(SuiteVision *vision);
extern void		   metaprobe_vision_keep(SuiteVision  *vision,
										 bool		   is_decided_by_snapshot,
										 MemoryContext function_context,
										 MemoryContext context);
extern bool		   metaprobe_vision_is_current(const SuiteVision *vision);
extern ProbeSuite *metaprobe_relation_suite(Oid	  relation,
											Oid	  function_namespace,
											bool *is_decided_by_snapshot);

#endif /* METAPROBE_SUITE_RELATION_H */
