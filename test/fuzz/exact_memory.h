/*
 * exact_memory.h
 *		Stands before everything in metaprobe's sources when they are fuzzed:
 *		palloc and its kin take memory of malloc, a piece of the exact size for
 *		each call, whose ends the address sanitizer watches.  The server's
 *		allocator puts many pieces into one, where an overrun would not show.
 *
 * The lifetime is that of the memory context, as ever.  What the server's own
 * functions allocate remains theirs: pfree and repalloc tell one from the other.
 */
#ifndef METAPROBE_EXACT_MEMORY_H
#define METAPROBE_EXACT_MEMORY_H

#include "postgres.h"

#include "utils/memutils.h"

extern void *exact_alloc(MemoryContext context, Size size, int flags);
extern void *exact_realloc(void *memory, Size size, int flags);
extern void	 exact_free(void *memory);

#ifndef METAPROBE_EXACT_MEMORY_ITSELF
#define palloc(size) exact_alloc(CurrentMemoryContext, size, 0)
#define palloc0(size) exact_alloc(CurrentMemoryContext, size, MCXT_ALLOC_ZERO)
#define palloc_extended(size, flags) \
	exact_alloc(CurrentMemoryContext, size, flags)
#define MemoryContextAlloc(context, size) exact_alloc(context, size, 0)
#define MemoryContextAllocZero(context, size) \
	exact_alloc(context, size, MCXT_ALLOC_ZERO)
#define MemoryContextAllocHuge(context, size) \
	exact_alloc(context, size, MCXT_ALLOC_HUGE)
#define MemoryContextAllocExtended(context, size, flags) \
	exact_alloc(context, size, flags)
#define repalloc(memory, size) exact_realloc(memory, size, 0)
#define repalloc_huge(memory, size) \
	exact_realloc(memory, size, MCXT_ALLOC_HUGE)
#define pfree(memory) exact_free(memory)
#endif

#endif /* METAPROBE_EXACT_MEMORY_H */
