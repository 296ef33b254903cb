/*
 * curve_table.c
 *		Curves in the making, in memory, found by their ids.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "curve_table.h"

#define FIRST_CAPACITY 64
#define MAX_CAPACITY (1 << 30)
#define BUCKETS_PER_CURVE 2
#define FIRST_EPOCHS 16
/* Tiles are allocated together, in pieces of a size without waste. */
#define TILES_AT_ONCE 64
/* Ids that are looked up together, so that they wait for memory together. */
#define IDS_AT_ONCE 64

/*
 * In a tile, an epoch of which nothing is known.  It is another NaN than that
 * of one which is known to be missing.
 */
static const uint32 unknown_loss = 0x7fc00001;

static inline bool
is_unknown(float loss)
{
	uint32 bits;

	memcpy(&bits, &loss, sizeof(bits));
	return bits == unknown_loss;
}

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
 * It stays within the limit, unless one row of tiles is too much for it.
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
	table->buckets = NULL;
	table->bucket_mask = 0;
	table->n_epochs = 0;
	table->columns = NULL;
	table->free_tiles = NULL;
	table->n_free_tiles = 0;
}

static bool
has_room(const CurveTable *table, Size bytes)
{
	return table->n_curves <= TILE_CURVES ||
		   MemoryContextMemAllocated(table->context, false) + bytes <=
			   table->limit;
}

/* A larger copy of an array, which may be NULL. */
static void *
grown_array(MemoryContext context, void *array, Size size)
{
	if (array == NULL)
		return MemoryContextAllocHuge(context, size);
	return repalloc_huge(array, size);
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
	Size n = (Size) table->capacity * BUCKETS_PER_CURVE;

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
find_curve(const CurveTable *table, int64 id, uint32 hash)
{
	uint32 bucket = hash & table->bucket_mask;
	uint32 entry;

	while ((entry = table->buckets[bucket]) != 0)
	{
		if (table->ids[entry - 1] == id)
			return entry - 1;
		bucket = (bucket + 1) & table->bucket_mask;
	}
	return -1;
}

/* Room for twice as many curves; false if the limit does not allow it. */
static bool
grow(CurveTable *table)
{
	Size n = table->capacity > 0 ? 2 * (Size) table->capacity : FIRST_CAPACITY;
	Size bytes = n * (sizeof(int64) + BUCKETS_PER_CURVE * sizeof(uint32));

	/* Half of that is there already, and will be freed. */
	if (n > MAX_CAPACITY || !has_room(table, bytes / 2))
		return false;
	table->capacity = n;
	table->ids = grown_array(table->context, table->ids, n * sizeof(int64));
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
	table->ids[curve] = id;
	table->n_curves++;
	enter_bucket(table, curve);
	return curve;
}

/*
 * Fetch into the CPU's caches what find_curve() will look at.  Compilers
 * without the builtin do without.
 */
static inline void
fetch(const void *address)
{
#ifdef __GNUC__
	__builtin_prefetch(address);
#endif
}

static void
fetch_curves(const CurveTable *table, const int64 *ids, uint32 *hashes, int n)
{
	for (int i = 0; i < n; i++)
	{
		hashes[i] = (uint32) metaprobe_hash_id(ids[i]);
		fetch(&table->buckets[hashes[i] & table->bucket_mask]);
	}
	for (int i = 0; i < n; i++)
	{
		uint32 entry = table->buckets[hashes[i] & table->bucket_mask];

		if (entry != 0)
			fetch(&table->ids[entry - 1]);
	}
}

/*
 * Losses
 */

/* Columns for n epochs; false if the limit does not allow them. */
static bool
add_columns(CurveTable *table, int n)
{
	int wanted = Max(table->n_epochs, FIRST_EPOCHS);

	while (wanted < n)
		wanted *= 2;
	if (!has_room(table, wanted * sizeof(EpochColumn)))
		return false;
	table->columns = grown_array(table->context, table->columns,
								 wanted * sizeof(EpochColumn));
	memset(table->columns + table->n_epochs, 0,
		   (wanted - table->n_epochs) * sizeof(EpochColumn));
	table->n_epochs = wanted;
	return true;
}

/* Room for the tiles of all curves; false if the limit does not allow it. */
static bool
extend_column(CurveTable *table, EpochColumn *column)
{
	Size wanted = (table->n_curves + TILE_CURVES - 1) / TILE_CURVES;

	/* The first epoch is the one in which the number of curves grows. */
	wanted = Max(wanted, 2 * (Size) column->n_tiles);
	if (!has_room(table, wanted * sizeof(float *)))
		return false;
	column->tiles =
		grown_array(table->context, column->tiles, wanted * sizeof(float *));
	memset(column->tiles + column->n_tiles, 0,
		   (wanted - column->n_tiles) * sizeof(float *));
	column->n_tiles = wanted;
	return true;
}

/* A tile of unknown losses; NULL for want of room. */
static float *
make_tile(CurveTable *table)
{
	float *tile;

	if (table->n_free_tiles == 0)
	{
		Size size = TILES_AT_ONCE * TILE_CURVES * sizeof(float);

		if (!has_room(table, size))
			return NULL;
		table->free_tiles = MemoryContextAlloc(table->context, size);
		table->n_free_tiles = TILES_AT_ONCE;
	}
	tile = table->free_tiles;
	table->free_tiles += TILE_CURVES;
	table->n_free_tiles--;
	for (int i = 0; i < TILE_CURVES; i++)
		memcpy(&tile[i], &unknown_loss, sizeof(float));
	return tile;
}

/* The place of a curve's loss; NULL for want of room. */
static inline float *
place_of_loss(CurveTable *table, int curve, int epoch)
{
	EpochColumn *column;
	int			 tile = curve / TILE_CURVES;

	if (epoch >= table->n_epochs && !add_columns(table, epoch + 1))
		return NULL;
	column = &table->columns[epoch];
	if (tile >= column->n_tiles && !extend_column(table, column))
		return NULL;
	if (column->tiles[tile] == NULL &&
		(column->tiles[tile] = make_tile(table)) == NULL)
		return NULL;
	return &column->tiles[tile][curve % TILE_CURVES];
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

/* Record losses of not too many ids, as metaprobe_curve_table_record() does. */
static int
record(CurveTable *table, int epoch, const int64 *ids, const float *losses,
	   int n)
{
	uint32 hashes[IDS_AT_ONCE];

	fetch_curves(table, ids, hashes, n);
	for (int i = 0; i < n; i++)
	{
		float  loss = losses[i];
		int	   curve = find_curve(table, ids[i], hashes[i]);
		float *known;

		if (curve < 0 && (curve = add_curve(table, ids[i])) < 0)
			return i;
		if ((known = place_of_loss(table, curve, epoch)) == NULL)
			return i;
		if (!table->last_wins && !metaprobe_loss_is_missing(*known))
		{
			if (metaprobe_loss_is_missing(loss))
				continue;
			report_repeated(ids[i], epoch, *known, loss);
		}
		*known = loss;
	}
	return n;
}

/*
 * Record the losses of an epoch.  One that is missing makes the curve as long
 * as that, but is no second loss beside another, unless the last one wins.
 * Returns how many there was room for.
 */
int
metaprobe_curve_table_record(CurveTable *table, int epoch, const int64 *ids,
							 const float *losses, int n)
{
	if (table->buckets == NULL && !grow(table))
		return 0;
	for (int first = 0; first < n; first += IDS_AT_ONCE)
	{
		int some = Min(n - first, IDS_AT_ONCE);
		int recorded = record(table, epoch, ids + first, losses + first, some);

		if (recorded < some)
			return first + recorded;
	}
	return n;
}

/*
 * Reading
 */

/* The epochs of which anything is known of the tile's curves. */
static int
epochs_of_tile(const CurveTable *table, int tile)
{
	int n = table->n_epochs;

	while (n > 0 && (tile >= table->columns[n - 1].n_tiles ||
					 table->columns[n - 1].tiles[tile] == NULL))
		n--;
	return n;
}

/* Copy a curve's losses, of n epochs at most; returns how many it has. */
static int
read_curve(const CurveTable *table, int curve, int n, float *losses)
{
	int tile = curve / TILE_CURVES;
	int n_known = 0;

	for (int epoch = 0; epoch < n; epoch++)
	{
		const EpochColumn *column = &table->columns[epoch];

		losses[epoch] = metaprobe_missing_loss();
		if (tile < column->n_tiles && column->tiles[tile] != NULL)
		{
			float loss = column->tiles[tile][curve % TILE_CURVES];

			if (is_unknown(loss))
				continue;
			losses[epoch] = loss;
			n_known = epoch + 1;
		}
	}
	return n_known;
}

/* Give each curve to the sink. */
void
metaprobe_curve_table_read(const CurveTable *table, CurveSink sink,
						   void *target)
{
	float *losses = palloc(LOSS_CURVE_MAX_EPOCHS * sizeof(float));
	int	   n_epochs = 0;

	for (int curve = 0; curve < table->n_curves; curve++)
	{
		int n;

		CHECK_FOR_INTERRUPTS();
		if (curve % TILE_CURVES == 0)
			n_epochs = epochs_of_tile(table, curve / TILE_CURVES);
		n = read_curve(table, curve, n_epochs, losses);
		/* None are known of an id that came just when there was no room. */
		if (n > 0)
			sink(target, table->ids[curve], losses, n);
	}
	pfree(losses);
}
