/*
 * aligned.h
 *		Memory for the vectors of the core.
 */
#ifndef METAPROBE_ALIGNED_H
#define METAPROBE_ALIGNED_H

#include "storage/shmem.h"
#include "utils/memutils.h"

#define CACHE_LINE 64

/*
 * Memory of any size from a context, that begins with a cache line: a vector
 * across two of them takes as long as two.  It goes with its context, for it
 * cannot be freed alone.
 */
static inline void *
metaprobe_alloc_aligned(MemoryContext context, Size size, int flags)
{
	void *memory =
		MemoryContextAllocExtended(context, add_size(size, CACHE_LINE),
								   flags | MCXT_ALLOC_HUGE);

	return (void *) TYPEALIGN(CACHE_LINE, memory);
}

#endif /* METAPROBE_ALIGNED_H */
