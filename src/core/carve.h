/*
 * carve.h
 *		Handing out parts of one block of memory.
 *
 * A structure with several arrays tells how much memory they need, and later
 * finds its way in what the caller gave, by one and the same function.
 */
#ifndef METAPROBE_CORE_CARVE_H
#define METAPROBE_CORE_CARVE_H

#include <stddef.h>

#define CARVE_ALIGNMENT 32 /* of a vector */

typedef struct Carver
{
	char  *base; /* NULL: only measure */
	size_t used;
} Carver;

/* The next part, or NULL while measuring. */
static inline void *
carve(Carver *carver, size_t count, size_t item_size)
{
	size_t start = carver->used;
	size_t size = count * item_size + CARVE_ALIGNMENT - 1;

	carver->used += size / CARVE_ALIGNMENT * CARVE_ALIGNMENT;
	return carver->base ? carver->base + start : NULL;
}

#endif /* METAPROBE_CORE_CARVE_H */
