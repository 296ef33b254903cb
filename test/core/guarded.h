/*
 * guarded.h
 *		Memory in front of a page that must not be touched.
 *
 * It shows what sanitizers do not: what masked loads of vectors read behind an
 * array.  Who includes it defines _DEFAULT_SOURCE before any other header.
 */
#ifndef METAPROBE_TEST_GUARDED_H
#define METAPROBE_TEST_GUARDED_H

#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

typedef struct Guarded
{
	char  *pages;
	size_t size; /* in front of the last page */
	char  *end;	 /* behind what may be touched */
} Guarded;

/* Room for so many bytes, or more, up to guarded->end. */
static inline Guarded
open_guarded(size_t size)
{
	size_t	page = (size_t) sysconf(_SC_PAGESIZE);
	Guarded guarded;

	guarded.size = (size + page - 1) / page * page;
	guarded.pages = mmap(NULL, guarded.size + page, PROT_READ | PROT_WRITE,
						 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(guarded.pages != MAP_FAILED);
	guarded.end = guarded.pages + guarded.size;
	assert_int_equal(mprotect(guarded.end, page, PROT_NONE), 0);
	return guarded;
}

/* A copy of so many bytes that ends in front of the page. */
static inline void *
copy_guarded(const Guarded *guarded, const void *bytes, size_t size)
{
	return memcpy(guarded->end - size, bytes, size);
}

static inline void
close_guarded(Guarded *guarded)
{
	munmap(guarded->pages, guarded->size + (size_t) sysconf(_SC_PAGESIZE));
}

#endif /* METAPROBE_TEST_GUARDED_H */
