/*
 * curve_assembly.c
 *		Curves from losses that come in any order, in bounded memory.
 *
 * Losses are recorded in a table in memory.  When that is full, all of it and
 * all that follows is written to partitions by the hash of the id, which are
 * tapes in one temporary file, and each partition is assembled after the other:
 * in the same way, so that one that is still too large is divided once more, by
 * further bits of the hash.  Within a partition losses keep their order.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/logtape.h"
#include "utils/memutils.h"

#include "curve_assembly.h"
#include "curve_table.h"

#define MIN_PARTITION_BITS 2
#define MAX_PARTITION_BITS 8
/* The upper half of the hash chooses partitions, the lower one buckets. */
#define HASH_BITS 32
#define RECORDS_AT_ONCE 512

/* A loss on a tape. */
typedef struct LossRecord
{
	int64 id;
	float loss;
	int32 epoch;
} LossRecord;

/* What was written, and how often it has been divided. */
typedef struct Partition
{
	LogicalTape *tape;
	int			 level;
} Partition;

struct CurveAssembly
{
	MemoryContext	context;
	Size			memory;
	CurveTable	   *table;
	int				partition_bits;
	int				level;		/* how often what is added has been divided */
	LogicalTapeSet *tapes;		/* NULL until memory was too small */
	LogicalTape	  **partitions; /* NULL while the table takes what is added */
	List		   *pending;	/* of Partition */
};

/*
 * An empty assembly, in a memory context that it keeps to, and that the caller
 * deletes.
 */
CurveAssembly *
metaprobe_assembly_create(Size memory, bool last_wins)
{
	CurveAssembly *assembly = palloc0(sizeof(CurveAssembly));

	assembly->context = CurrentMemoryContext;
	assembly->memory = memory;
	assembly->table = metaprobe_curve_table_create(memory, last_wins);

	/* A quarter of the memory may be the tapes' buffers. */
	assembly->partition_bits = MIN_PARTITION_BITS;
	while (assembly->partition_bits < MAX_PARTITION_BITS &&
		   ((Size) BLCKSZ << (assembly->partition_bits + 1)) <= memory / 4)
		assembly->partition_bits++;
	return assembly;
}

/*
 * Partitions
 */

static void
write_record(CurveAssembly *assembly, int64 id, int epoch, float loss)
{
	int shift = 64 - (assembly->level + 1) * assembly->partition_bits;
	int number = (metaprobe_hash_id(id) >> shift) &
				 ((1 << assembly->partition_bits) - 1);
	LossRecord	  record = {.id = id, .loss = loss, .epoch = epoch};
	MemoryContext caller = MemoryContextSwitchTo(assembly->context);

	if (assembly->partitions[number] == NULL)
		assembly->partitions[number] = LogicalTapeCreate(assembly->tapes);
	LogicalTapeWrite(assembly->partitions[number], &record, sizeof(record));
	MemoryContextSwitchTo(caller);
}

/* Write a curve; of missing epochs, only one that tells how long it is. */
static void
write_curve(void *target, int64 id, const float *losses, int n_epochs)
{
	CurveAssembly *assembly = target;

	for (int epoch = 0; epoch < n_epochs; epoch++)
	{
		if (!metaprobe_loss_is_missing(losses[epoch]) || epoch == n_epochs - 1)
			write_record(assembly, id, epoch, losses[epoch]);
	}
}

/* From now on write what is added to partitions, and first what is there. */
static void
begin_partitions(CurveAssembly *assembly)
{
	MemoryContext caller = MemoryContextSwitchTo(assembly->context);

	if (assembly->tapes == NULL)
		assembly->tapes = LogicalTapeSetCreate(true, NULL, -1);
	assembly->partitions =
		palloc0(sizeof(LogicalTape *) << assembly->partition_bits);
	metaprobe_curve_table_read(assembly->table, write_curve, assembly);
	metaprobe_curve_table_clear(assembly->table);
	MemoryContextSwitchTo(caller);
}

/* Note the partitions that were written, to be read. */
static void
end_partitions(CurveAssembly *assembly)
{
	Size buffer = Max(assembly->memory / 16 / BLCKSZ, 1) * BLCKSZ;

	for (int i = 0; i < 1 << assembly->partition_bits; i++)
	{
		LogicalTape *tape = assembly->partitions[i];
		Partition	*partition;

		if (tape == NULL)
			continue;
		LogicalTapeRewindForRead(tape, Min(buffer, 32 * BLCKSZ));
		partition = palloc(sizeof(Partition));
		partition->tape = tape;
		partition->level = assembly->level + 1;
		assembly->pending = lappend(assembly->pending, partition);
	}
	pfree(assembly->partitions);
	assembly->partitions = NULL;
}

/*
 * Add losses of an epoch.  One that is missing makes the curve as long as that.
 */
void
metaprobe_assembly_add(CurveAssembly *assembly, int epoch, const int64 *ids,
					   const float *losses, int n)
{
	int first = 0;

	if (assembly->partitions == NULL)
	{
		first = metaprobe_curve_table_record(assembly->table, epoch, ids,
											 losses, n);
		if (first < n)
			begin_partitions(assembly);
	}
	for (int i = first; i < n; i++)
		write_record(assembly, ids[i], epoch, losses[i]);
}

static void
add_partition(CurveAssembly *assembly, LogicalTape *tape)
{
	LossRecord *records = palloc(RECORDS_AT_ONCE * sizeof(LossRecord));
	size_t		size;

	do
	{
		CHECK_FOR_INTERRUPTS();
		size = LogicalTapeRead(tape, records,
							   RECORDS_AT_ONCE * sizeof(LossRecord));
		for (size_t i = 0; i < size / sizeof(LossRecord); i++)
			metaprobe_assembly_add(assembly, records[i].epoch, &records[i].id,
								   &records[i].loss, 1);
	} while (size == RECORDS_AT_ONCE * sizeof(LossRecord));
	pfree(records);
}

/* Hand over the curves in the table, unless all was written to partitions. */
static void
finish_table(CurveAssembly *assembly, CurveSink sink, void *target)
{
	if (assembly->partitions)
		end_partitions(assembly);
	else
		metaprobe_curve_table_read(assembly->table, sink, target);
	metaprobe_curve_table_clear(assembly->table);
}

/* Give all curves to the sink, in no particular order. */
void
metaprobe_assembly_finish(CurveAssembly *assembly, CurveSink sink,
						  void *target)
{
	MemoryContext caller = MemoryContextSwitchTo(assembly->context);

	finish_table(assembly, sink, target);
	while (assembly->pending != NIL)
	{
		Partition *partition = llast(assembly->pending);

		assembly->pending = list_delete_last(assembly->pending);
		assembly->level = partition->level;
		/* No further bits, so no further division. */
		assembly->table->limit =
			(assembly->level + 1) * assembly->partition_bits > HASH_BITS ?
				SIZE_MAX :
				assembly->memory;
		add_partition(assembly, partition->tape);
		LogicalTapeClose(partition->tape);
		pfree(partition);
		finish_table(assembly, sink, target);
	}
	if (assembly->tapes)
		LogicalTapeSetClose(assembly->tapes);
	assembly->tapes = NULL;
	MemoryContextSwitchTo(caller);
}
