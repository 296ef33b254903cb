/*
 * exact_memory.c
 *		Memory of malloc that lives as long as a memory context.
 */
#define METAPROBE_EXACT_MEMORY_ITSELF
#include "exact_memory.h"

#include <stdlib.h>

#include "utils/hsearch.h"

/* What is known of a piece; lives in the piece's context, and ends it. */
typedef struct Piece
{
	MemoryContextCallback at_reset;
	MemoryContext		  context;
	void				 *memory; /* NULL when freed before */
	Size				  size;
} Piece;

/* The pieces by their address. */
typedef struct PieceEntry
{
	void  *memory;
	Piece *piece;
} PieceEntry;

static HTAB *pieces = NULL;

static void
create_table(void)
{
	HASHCTL control = {
		.keysize = sizeof(void *),
		.entrysize = sizeof(PieceEntry),
		.hcxt = TopMemoryContext,
	};

	pieces = hash_create("exact memory", 1024, &control,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static Piece *
find_piece(void *memory)
{
	PieceEntry *entry = NULL;

	if (pieces)
		entry = hash_search(pieces, &memory, HASH_FIND, NULL);
	return entry ? entry->piece : NULL;
}

static void
end_piece(void *argument)
{
	Piece *piece = argument;

	if (piece->memory == NULL)
		return;
	(void) hash_search(pieces, &piece->memory, HASH_REMOVE, NULL);
	free(piece->memory);
	piece->memory = NULL;
}

/* The server's own allocator refuses what is too much, in its own words. */
static bool
is_refused(Size size, int flags)
{
	return (flags & MCXT_ALLOC_HUGE) ? !AllocHugeSizeIsValid(size) :
									   !AllocSizeIsValid(size);
}

void *
exact_alloc(MemoryContext context, Size size, int flags)
{
	Piece	   *piece;
	PieceEntry *entry;

	if (is_refused(size, flags))
		return MemoryContextAllocExtended(context, size, flags);
	if (pieces == NULL)
		create_table();
	piece = MemoryContextAllocZero(context, sizeof(Piece));
	piece->context = context;
	piece->size = size;
	piece->memory = malloc(size);
	if (piece->memory == NULL)
		elog(PANIC, "out of memory");
	if (flags & MCXT_ALLOC_ZERO)
		memset(piece->memory, 0, size);
	entry = hash_search(pieces, &piece->memory, HASH_ENTER, NULL);
	entry->piece = piece;
	piece->at_reset.func = end_piece;
	piece->at_reset.arg = piece;
	MemoryContextRegisterResetCallback(context, &piece->at_reset);
	return piece->memory;
}

void
exact_free(void *memory)
{
	Piece *piece = find_piece(memory);

	if (piece)
		end_piece(piece);
	else
		pfree(memory);
}

/* Always moves, so that nobody can go on using the old address. */
void *
exact_realloc(void *memory, Size size, int flags)
{
	Piece *piece = find_piece(memory);
	void  *moved;

	if (piece == NULL)
		return (flags & MCXT_ALLOC_HUGE) ? repalloc_huge(memory, size) :
										   repalloc(memory, size);
	moved = exact_alloc(piece->context, size, flags);
	memcpy(moved, memory, Min(size, piece->size));
	end_piece(piece);
	return moved;
}
