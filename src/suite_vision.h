/*
 * suite_vision.h
 *		When a relation's suite must be read again.
 */
#ifndef METAPROBE_SUITE_VISION_H
#define METAPROBE_SUITE_VISION_H

#include "utils/snapshot.h"

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

extern void metaprobe_vision_take(SuiteVision *vision);
extern void metaprobe_vision_keep(SuiteVision  *vision,
								  bool			is_decided_by_snapshot,
								  MemoryContext function_context,
								  MemoryContext context);
extern bool metaprobe_vision_is_current(const SuiteVision *vision);

#endif /* METAPROBE_SUITE_VISION_H */
