/*
 * curve_table.c
 *		Curves in the making, in memory, found by their ids.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "curve_table.h"

#define FIRST_CAPACITY 64
#define MAX_CAPACITY (1 << 30)
#define FIRST_STRIPE_CAPACITY 16
/* Tiles are allocated by the dozen, since every allocation has a header. */
#define TILES_AT_ONCE 48
#define BUCKETS_PER_CURVE 2

/* The memory that a table's context asks for at a time, at most. */
static Size
block_size(Size limit)
{
	Size size = ALLOCSET_DEFAULT_INITSIZE;

	while (size < ALLOCSET_DEFAULT_MAXSIZE && size * 2 <= limit / 16)
		size *= 2;
	return size;
}

/*
 * An empty table in a memory context of its own, a child of the current one.
 * It stays within the limit, but for a single stripe, which may always grow.
 */
CurveTable *
metaprobe_curve_table_create(Size limit, bool last_wins)
{
	CurveTable *table = palloc(sizeof(CurveTable));

	table->context =
		AllocSetContextCreate(CurrentMemoryContext, "metaprobe curves", 0,
							  ALLOCSET_DEFAULT_INITSIZE, block_size(limit));
	table->limit = limit;
	table->last_wins = last_wins;
	metaprobe_curve_table_clear(table);
	return table;
}

/* Forget all curves. */
void
metaprobe_curve_table_clear(CurveTable *table)
{
	MemoryContextReset(table->context);
	table->n_curves = 0;
	table->capacity = 0;
	table->ids = NULL;
	table->n_epochs = NULL;
	table->stripes = NULL;
	table->buckets = NULL;
	table->bucket_mask = 0;
	table->free_tiles = NULL;
	table->n_free_tiles = 0;
}

static bool
has_room(const CurveTable *table, Size bytes)
{
	return table->n_curves <= STRIPE_CURVES ||
		   MemoryContextMemAllocated(table->context, false) + bytes <=
			   table->limit;
}

/*
 * Curves by id
 */

static void
enter_bucket(CurveTable *table, int curve)
{
	uint32 bucket =
		(uint32) metaprobe_hash_id(table->ids[curve]) & table->bucket_mask;

	while (table->buckets[bucket] != 0)
		bucket = (bucket + 1) & table->bucket_mask;
	table->buckets[bucket] = curve + 1;
}

static void
make_buckets(CurveTable *table)
{
	uint32 n = table->capacity * BUCKETS_PER_CURVE;

	if (table->buckets)
		pfree(table->buckets);
	table->buckets =
		MemoryContextAllocExtended(table->context, n * sizeof(uint32),
								   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	table->bucket_mask = n - 1;
	for (int i = 0; i < table->n_curves; i++)
		enter_bucket(table, i);
}

/* Number of the curve of this id, or -1. */
static inline int
find_curve(const CurveTable *table, int64 id)
{
	uint32 bucket = (uint32) metaprobe_hash_id(id) & table->bucket_mask;
	uint32 entry;

	while ((entry = table->buckets[bucket]) != 0)
	{
		if (table->ids[entry - 1] == id)
			return entry - 1;
		bucket = (bucket + 1) & table->bucket_mask;
	}
	return -1;
}

/* A larger copy of an array, which may be NULL. */
static void *
grown_array(MemoryContext context, void *array, Size size)
{
	if (array == NULL)
		return MemoryContextAllocHuge(context, size);
	return repalloc_huge(array, size);
}

/* Room for twice as many curves; false if the limit does not allow it. */
static bool
grow(CurveTable *table)
{
	MemoryContext context = table->context;
	Size n = table->capacity > 0 ? 2 * (Size) table->capacity : FIRST_CAPACITY;
	Size n_stripes = n / STRIPE_CURVES;
	Size bytes = n * (sizeof(int64) + sizeof(uint16) +
					  BUCKETS_PER_CURVE * sizeof(uint32)) +
				 n_stripes * sizeof(CurveStripe);

	/* Half of that is there already, and will be freed. */
	if (n > MAX_CAPACITY || !has_room(table, bytes / 2))
		return false;
	table->capacity = n;
	table->ids = grown_array(context, table->ids, n * sizeof(int64));
	table->n_epochs =
		grown_array(context, table->n_epochs, n * sizeof(uint16));
	table->stripes =
		grown_array(context, table->stripes, n_stripes * sizeof(CurveStripe));
	make_buckets(table);
	return true;
}

/* Number of a new curve for this id, or -1 for want of room. */
static int
add_curve(CurveTable *table, int64 id)
{
	int curve = table->n_curves;

	if (curve == table->capacity && !grow(table))
		return -1;
	if (curve % STRIPE_CURVES == 0)
	{
		CurveStripe *stripe = &table->stripes[curve / STRIPE_CURVES];

		stripe->capacity = 0;
		stripe->tiles = NULL;
	}
	table->ids[curve] = id;
	table->n_epochs[curve] = 0;
	table->n_curves++;
	enter_bucket(table, curve);
	return curve;
}

/*
 * Losses
 */

/* Make room for n epochs; false if the limit does not allow it. */
static bool
extend_stripe(CurveTable *table, CurveStripe *stripe, int n)
{
	int capacity = Max(stripe->capacity, FIRST_STRIPE_CAPACITY);

	while (capacity < n)
		capacity *= 2;
	if (!has_room(table, capacity * sizeof(float *)))
		return false;
	stripe->tiles =
		grown_array(table->context, stripe->tiles, capacity * sizeof(float *));
	memset(stripe->tiles + stripe->capacity, 0,
		   (capacity - stripe->capacity) * sizeof(float *));
	stripe->capacity = capacity;
	return true;
}

/* Losses for one epoch of a stripe, all missing; NULL for want of room. */
static float *
make_tile(CurveTable *table)
{
	float *tile;

	if (table->n_free_tiles == 0)
	{
		Size size = TILES_AT_ONCE * STRIPE_CURVES * sizeof(float);

		if (!has_room(table, size))
			return NULL;
		table->free_tiles = MemoryContextAlloc(table->context, size);
		table->n_free_tiles = TILES_AT_ONCE;
	}
	tile = table->free_tiles;
	table->free_tiles += STRIPE_CURVES;
	table->n_free_tiles--;
	for (int i = 0; i < STRIPE_CURVES; i++)
		tile[i] = metaprobe_missing_loss();
	return tile;
}

static void
report_repeated(int64 id, int epoch, float a, float b)
{
	ereport(ERROR, (errcode(ERRCODE_CARDINALITY_VIOLATION),
					errmsg("two losses for epoch %d of id %lld", epoch,
						   (long long) id),
					errdetail("They are %g and %g.", Min(a, b), Max(a, b)),
					errhint("Pass repeated => 'last' to take the one that was "
							"recorded last.")));
}

/*
 * Record a loss, which may be missing: then it only makes the curve as long as
 * that, unless the last one wins.  False, and nothing is recorded, if there is
 * no room left.
 */
bool
metaprobe_curve_table_record(CurveTable *table, int64 id, int epoch,
							 float loss)
{
	int			 curve = table->n_curves > 0 ? find_curve(table, id) : -1;
	CurveStripe *stripe;
	float		*tile;
	float		*known;

	if (curve < 0 && (curve = add_curve(table, id)) < 0)
		return false;
	stripe = &table->stripes[curve / STRIPE_CURVES];
	if (epoch >= stripe->capacity && !extend_stripe(table, stripe, epoch + 1))
		return false;
	tile = stripe->tiles[epoch];
	if (tile == NULL)
	{
		if ((tile = make_tile(table)) == NULL)
			return false;
		stripe->tiles[epoch] = tile;
	}

	known = &tile[curve % STRIPE_CURVES];
	if (table->last_wins)
		*known = loss;
	else if (!metaprobe_loss_is_missing(loss))
	{
		if (!metaprobe_loss_is_missing(*known))
			report_repeated(id, epoch, *known, loss);
		*known = loss;
	}
	if (table->n_epochs[curve] <= epoch)
		table->n_epochs[curve] = epoch + 1;
	return true;
}

/* Copy the losses of a curve, and return their number. */
int
metaprobe_curve_table_read(const CurveTable *table, int curve, float *losses)
{
	const CurveStripe *stripe = &table->stripes[curve / STRIPE_CURVES];
	int				   n = table->n_epochs[curve];

	for (int epoch = 0; epoch < n; epoch++)
	{
		const float *tile = stripe->tiles[epoch];

		losses[epoch] =
			tile ? tile[curve % STRIPE_CURVES] : metaprobe_missing_loss();
	}
	return n;
}
