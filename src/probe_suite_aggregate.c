/*
 * probe_suite_aggregate.c
 *		probe_suite_agg(label, curve [, id]): a suite of any query's rows.
 */
#include "postgres.h"

#include "fmgr.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"

#include "aggregate.h"
#include "compat.h"
#include "loss_curve.h"
#include "probe_suite.h"

#define FIRST_CAPACITY 64

/* The probes so far, all in the aggregate's memory. */
typedef struct ProbeCollection
{
	MemoryContext context;
	Probe		 *probes;
	int			  n_probes;
	int			  capacity;
	int			  n_epochs; /* of the longest curve */
	int64		  name_bytes;
} ProbeCollection;

static ProbeCollection *
collection_create(MemoryContext context)
{
	ProbeCollection *collection;

	collection = MemoryContextAllocZero(context, sizeof(ProbeCollection));
	collection->context = context;
	collection->capacity = FIRST_CAPACITY;
	collection->probes =
		MemoryContextAlloc(context, FIRST_CAPACITY * sizeof(Probe));
	return collection;
}

/*
 * Add a probe, whose parts already live in the collection's memory.  Refuses
 * what can no longer become a suite as soon as it sees it.
 */
static void
collection_add(ProbeCollection *collection, Probe probe)
{
	collection->n_epochs = Max(collection->n_epochs, probe.n_epochs);
	collection->name_bytes += probe.label_length + probe.id_length;
	(void) metaprobe_suite_size_is_valid(collection->n_probes + 1,
										 collection->n_epochs,
										 collection->name_bytes, NULL);
	if (collection->n_probes == collection->capacity)
	{
		collection->capacity *= 2;
		collection->probes =
			repalloc(collection->probes, collection->capacity * sizeof(Probe));
	}
	collection->probes[collection->n_probes++] = probe;
}

static const char *
copy_bytes(MemoryContext context, const char *bytes, int length)
{
	char *copy = MemoryContextAlloc(context, length);

	memcpy(copy, bytes, length);
	return copy;
}

static void
copy_name(MemoryContext context, text *name, const char **bytes, int *length)
{
	*length = VARSIZE_ANY_EXHDR(name);
	*bytes = copy_bytes(context, VARDATA_ANY(name), *length);
}

/* Arguments: state, label, curve and, in the longer form, id. */
PG_FUNCTION_INFO_V1(metaprobe_probe_suite_agg_transfn);
Datum
metaprobe_probe_suite_agg_transfn(PG_FUNCTION_ARGS)
{
	ProbeCollection *collection = METAPROBE_GETARG_STATE(ProbeCollection, 0);
	LossCurve		*curve;
	Probe			 probe = {0};

	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("label of a probe must not be null"),
						errhint("Leave such probes out: WHERE label IS NOT "
								"NULL")));
	if (PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("curve of a probe must not be null"),
						errhint("Leave such probes out: WHERE curve IS NOT "
								"NULL")));

	if (collection == NULL)
		collection = collection_create(metaprobe_aggregate_context(fcinfo));

	copy_name(collection->context, PG_GETARG_TEXT_PP(1), &probe.label,
			  &probe.label_length);
	if (PG_NARGS() > 3 && !PG_ARGISNULL(3))
		copy_name(collection->context, PG_GETARG_TEXT_PP(3), &probe.id,
				  &probe.id_length);
	curve = PG_GETARG_LOSS_CURVE(2);
	probe.n_epochs = curve->n_epochs;
	probe.losses = (const float *) copy_bytes(collection->context,
											  (const char *) curve->losses,
											  curve->n_epochs * sizeof(float));
	collection_add(collection, probe);
	PG_RETURN_POINTER(collection);
}

static Probe
copy_probe(MemoryContext context, const Probe *probe)
{
	Probe copy = *probe;

	copy.label = copy_bytes(context, probe->label, probe->label_length);
	if (probe->id)
		copy.id = copy_bytes(context, probe->id, probe->id_length);
	copy.losses =
		(const float *) copy_bytes(context, (const char *) probe->losses,
								   probe->n_epochs * sizeof(float));
	return copy;
}

PG_FUNCTION_INFO_V1(metaprobe_probe_suite_agg_combine);
Datum
metaprobe_probe_suite_agg_combine(PG_FUNCTION_ARGS)
{
	ProbeCollection *into = METAPROBE_GETARG_STATE(ProbeCollection, 0);
	ProbeCollection *from = METAPROBE_GETARG_STATE(ProbeCollection, 1);

	if (into == NULL && from != NULL)
		into = collection_create(metaprobe_aggregate_context(fcinfo));
	for (int i = 0; from != NULL && i < from->n_probes; i++)
		collection_add(into, copy_probe(into->context, &from->probes[i]));
	METAPROBE_RETURN_STATE(into);
}

PG_FUNCTION_INFO_V1(metaprobe_probe_suite_agg_serialize);
Datum
metaprobe_probe_suite_agg_serialize(PG_FUNCTION_ARGS)
{
	ProbeCollection *collection = (ProbeCollection *) PG_GETARG_POINTER(0);
	StringInfoData	 message;

	pq_begintypsend(&message);
	pq_sendint32(&message, collection->n_probes);
	for (int i = 0; i < collection->n_probes; i++)
		metaprobe_probe_write(&message, &collection->probes[i], false);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

PG_FUNCTION_INFO_V1(metaprobe_probe_suite_agg_deserialize);
Datum
metaprobe_probe_suite_agg_deserialize(PG_FUNCTION_ARGS)
{
	ProbeCollection *collection = collection_create(CurrentMemoryContext);
	StringInfoData	 message = metaprobe_received_state(fcinfo);
	int32			 n_probes;

	n_probes = pq_getmsgint(&message, sizeof(int32));

	for (int i = 0; i < n_probes; i++)
	{
		CHECK_FOR_INTERRUPTS();
		collection_add(collection, metaprobe_probe_read(&message, false));
	}
	pq_getmsgend(&message);
	PG_RETURN_POINTER(collection);
}

PG_FUNCTION_INFO_V1(metaprobe_probe_suite_agg_finalfn);
Datum
metaprobe_probe_suite_agg_finalfn(PG_FUNCTION_ARGS)
{
	ProbeCollection *collection = METAPROBE_GETARG_STATE(ProbeCollection, 0);

	PG_RETURN_PROBE_SUITE(
		metaprobe_suite_build(collection ? collection->probes : NULL,
							  collection ? collection->n_probes : 0, NULL,
							  NULL));
}
