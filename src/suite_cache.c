/*
 * suite_cache.c
 *		Suites that stay ready for use from statement to statement.
 *
 * Reading a stored suite and preparing it takes longer than classifying a
 * curve by it.  So that an application that asks for one row at a time does
 * not pay for it every time, each process keeps the suites that it has used.
 *
 * A suite is found by its value, and only by whoever has that value.  Three
 * things stand for a value:
 *
 * - Its place, if it is stored out of line: a toast pointer means one value as
 *	 long as a statement runs.  Toast ids are reused, so in a later statement
 *	 the hash must be right as well, for which the value's head is read.
 * - Its content hash, to a pin that holds the suite already, if the value is in
 *	 memory.  Its address says nothing, for it may have been used again.
 * - All its bytes, in every other case.
 *
 * Hence the cache gives nobody anything that they could not read: they have the
 * very bytes, or the pointer that a query has given them together with the
 * right to follow it, which is then done.  There is no way to ask for a suite
 * by its hash, nor by the name of what it was read from.  Bytes are compared
 * because a patient person can make two suites with one 64-bit hash; where
 * sessions are shared, by SET ROLE, one of them must not answer for the other
 * in somebody else's statement.
 *
 * What calls are using is pinned and stays.  What they no longer use stays up
 * to a size, metaprobe.suite_cache_size, and goes longest unused first.
 *
 * Pins end in callbacks of memory contexts, hence also while a transaction
 * aborts: nothing on that way can fail or allocates.  A suite being loaded
 * belongs to the caller's memory until it is complete, so that an error leaves
 * neither a leak nor half a suite.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/xact.h"
#include "lib/ilist.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "aligned.h"
#include "compat.h"
#include "suite_cache.h"

typedef struct CachedSuite
{
	LoadedSuite loaded; /* first, so that pointers to it can be cast */
	bool		is_listed;
	int			pins;

	/* where its value was last seen stored out of line, else all zeroes */
	struct varatt_external place;

	/* while nothing pins it */
	dlist_node unused;
	Size	   size;
} CachedSuite;

typedef struct ListEntry
{
	uint64		 hash; /* the key */
	CachedSuite *cached;
} ListEntry;

/*
 * metaprobe.suite_cache_size, in kB.  A suite of 1,250 probes of 90 epochs
 * takes up to a megabyte with its indexes, one of 20,000 fifteen.  Every session
 * may come to hold this much for as long as it is open, so the default is but
 * four times work_mem's; who asks for single rows by larger suites can give
 * them more.
 */
static int cache_size = 16 * 1024;

static MemoryContext cache_context = NULL;
static HTAB			*list = NULL;

/* What nothing pins, most recently used first, and its size. */
static dlist_head unused_suites = DLIST_STATIC_INIT(unused_suites);
static Size		  unused_size = 0;

/*
 * Values
 */

static Moment
current_moment(void)
{
	Moment moment = {metaprobe_local_transaction(),
					 GetCurrentStatementStartTimestamp()};

	return moment;
}

static bool
is_same_moment(Moment a, Moment b)
{
	return a.transaction == b.transaction && a.statement == b.statement;
}

/* Is the value stored out of line, and where?  All zeroes if not. */
static bool
find_place(Datum value, struct varatt_external *place)
{
	struct varlena *pointer = (struct varlena *) DatumGetPointer(value);

	memset(place, 0, sizeof(*place));
	if (!VARATT_IS_EXTERNAL_ONDISK(pointer))
		return false;
	VARATT_EXTERNAL_GET_POINTER(*place, pointer);
	return true;
}

static bool
is_same_place(const struct varatt_external *a, const struct varatt_external *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool
has_same_bytes(const ProbeSuite *suite, Datum value)
{
	struct varlena *plain = PG_DETOAST_DATUM_PACKED(value);
	Size			size = VARSIZE_ANY_EXHDR(plain);
	bool			is_same;

	is_same = size == VARSIZE_ANY_EXHDR(suite) &&
			  memcmp(VARDATA_ANY(plain), VARDATA_ANY(suite), size) == 0;
	if (plain != (struct varlena *) DatumGetPointer(value))
		pfree(plain);
	return is_same;
}

/*
 * Loading
 */

/*
 * Copy a suite and prepare it for classification, in a new memory context
 * below parent that owns all of it and is known by the hash.
 */
static CachedSuite *
load(Datum value, MemoryContext parent)
{
	MemoryContext context =
		AllocSetContextCreate(parent, "metaprobe suite", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	CachedSuite	 *cached = palloc0(sizeof(CachedSuite));
	LoadedSuite	 *loaded = &cached->loaded;
	ProbeCurves	  searched;
	ProbeSuite	 *copy = (ProbeSuite *) PG_DETOAST_DATUM_COPY(value);

	loaded->context = context;
	loaded->suite = DatumGetProbeSuite(PointerGetDatum(copy));
	metaprobe_suite_view(loaded->suite, &loaded->view);
	searched = metaprobe_suite_searched(&loaded->view);
	metaprobe_classifier_init(
		&loaded->classifier, &searched,
		metaprobe_alloc_aligned(context, metaprobe_classifier_size(&searched),
								0));
	if (loaded->view.points)
	{
		int n = searched.n_epochs;

		loaded->space = metaprobe_suite_space(&loaded->view);
		loaded->point = palloc(n * sizeof(float));
		loaded->point_room = palloc(n * 2 * sizeof(double));
	}
	loaded->label_texts = metaprobe_suite_label_texts(&loaded->view);
	MemoryContextSetIdentifier(
		context,
		psprintf("%016llx", (unsigned long long) loaded->suite->hash));
	MemoryContextSwitchTo(caller);
	return cached;
}

/* A suite of the caller's own, for as long as parent lives. */
LoadedSuite *
metaprobe_load_suite(const ProbeSuite *suite, MemoryContext parent)
{
	return &load(PointerGetDatum(suite), parent)->loaded;
}

/*
 * Begin the classification of a curve, leaving out one probe (-1: none).  The
 * curve must stay where it is until the last question about it.
 */
void
metaprobe_suite_begin(LoadedSuite *loaded, const float *losses, int n_epochs,
					  int except)
{
	if (loaded->point)
	{
		metaprobe_fitted_map(&loaded->space, losses, n_epochs, loaded->point,
							 loaded->point_room);
		losses = loaded->point;
		n_epochs = loaded->space.n_epochs;
	}
	metaprobe_classifier_begin(&loaded->classifier, losses, n_epochs, except);
}

/*
 * The list of suites, and which of them are unused
 */

static void
create_list(void)
{
	HASHCTL control = {0};

	if (cache_context == NULL)
		cache_context =
			AllocSetContextCreate(TopMemoryContext, "metaprobe suites",
								  ALLOCSET_SMALL_SIZES);
	control.keysize = sizeof(uint64);
	control.entrysize = sizeof(ListEntry);
	control.hcxt = cache_context;
	list = hash_create("metaprobe list of suites", 16, &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static CachedSuite *
find(uint64 hash)
{
	ListEntry *entry = NULL;

	if (list)
		entry = hash_search(list, &hash, HASH_FIND, NULL);
	return entry ? entry->cached : NULL;
}

static void
start_unused(CachedSuite *cached)
{
	cached->size = MemoryContextMemAllocated(cached->loaded.context, true);
	unused_size += cached->size;
	dlist_push_head(&unused_suites, &cached->unused);
}

static void
end_unused(CachedSuite *cached)
{
	dlist_delete(&cached->unused);
	unused_size -= cached->size;
}

/* Take a suite off the list; if it is in use, it goes when that ends. */
static void
drop(CachedSuite *cached)
{
	(void) hash_search(list, &cached->loaded.suite->hash, HASH_REMOVE, NULL);
	cached->is_listed = false;
	if (cached->pins == 0)
	{
		end_unused(cached);
		MemoryContextDelete(cached->loaded.context);
	}
}

static void
drop_longest_unused(Size limit)
{
	while (unused_size > limit)
		drop(dlist_tail_element(CachedSuite, unused, &unused_suites));
}

/* Load a suite that is not on the list, and put it there. */
static CachedSuite *
add(Datum value)
{
	CachedSuite *cached = load(value, CurrentMemoryContext);
	ListEntry	*entry;

	if (list == NULL)
		create_list();
	entry = hash_search(list, &cached->loaded.suite->hash, HASH_ENTER, NULL);

	/* from here on nothing can fail */
	entry->cached = cached;
	cached->is_listed = true;
	MemoryContextSetParent(cached->loaded.context, cache_context);
	start_unused(cached);
	return cached;
}

/*
 * Pins
 */

/*
 * The type of tags may have been changed, or made anew with the extension, by
 * the time that another call begins.
 */
static void
forget_tag_columns(LoadedSuite *loaded)
{
	if (loaded->tag_columns)
		FreeTupleDesc(loaded->tag_columns);
	loaded->tag_columns = NULL;
}

/* The suite of a value, pinned once more; loaded only if it must be. */
static CachedSuite *
acquire(Datum value)
{
	CachedSuite			  *cached = find(metaprobe_suite_hash_of_datum(value));
	struct varatt_external place;
	bool				   is_stored = find_place(value, &place);

	if (cached && !(is_stored && is_same_place(&place, &cached->place)) &&
		!has_same_bytes(cached->loaded.suite, value))
	{
		drop(cached);
		cached = NULL;
	}
	if (cached == NULL)
		cached = add(value);
	if (cached->pins++ == 0)
		end_unused(cached);
	if (is_stored)
		cached->place = place;

	forget_tag_columns(&cached->loaded);
	return cached;
}

static void
release(CachedSuite *cached)
{
	Size limit = (Size) cache_size * 1024;

	if (--cached->pins > 0)
		return;
	if (!cached->is_listed)
	{
		MemoryContextDelete(cached->loaded.context);
		return;
	}
	start_unused(cached);
	if (cached->size > limit) /* the others need not go for it */
		drop(cached);
	drop_longest_unused(limit);
}

static void
end_pin(void *arg)
{
	SuitePin *pin = arg;

	if (pin->loaded)
		release((CachedSuite *) pin->loaded);
	pin->loaded = NULL;
}

/* Begin a pin, of nothing yet.  It is in the owner's memory. */
void
metaprobe_pin_init(SuitePin *pin, MemoryContext owner)
{
	memset(pin, 0, sizeof(*pin));
	pin->at_end.func = end_pin;
	pin->at_end.arg = pin;
	MemoryContextRegisterResetCallback(owner, &pin->at_end);
}

static bool
is_pinned_value(const SuitePin *pin, Datum value)
{
	struct varatt_external place;

	if (pin->loaded == NULL)
		return false;
	if (find_place(value, &place))
		return is_same_place(&place, &pin->place) &&
			   is_same_moment(pin->moment, current_moment());
	return metaprobe_suite_hash_of_datum(value) == pin->loaded->suite->hash;
}

/* Pin the suite of a value instead of what was pinned.  An error leaves that. */
void
metaprobe_pin_value(SuitePin *pin, Datum value)
{
	CachedSuite *cached;

	if (is_pinned_value(pin, value))
		return;
	cached = acquire(value);
	end_pin(pin);
	pin->loaded = &cached->loaded;
	(void) find_place(value, &pin->place);
	pin->moment = current_moment();
}

/*
 * The setting
 */

static void
assign_cache_size(int value, void *extra)
{
	drop_longest_unused((Size) value * 1024);
}

void
metaprobe_define_suite_cache_size(void)
{
	DefineCustomIntVariable(
		"metaprobe.suite_cache_size",
		"Memory that probe suites may take in each process between uses.",
		"Suites that a session has used stay ready for its next statements, "
		"up to this size; 0 keeps none.",
		&cache_size, cache_size, 0, MAX_KILOBYTES, PGC_USERSET, GUC_UNIT_KB,
		NULL, assign_cache_size, NULL);
}
