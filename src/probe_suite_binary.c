/*
 * probe_suite_binary.c
 *		The binary form of probe suites.
 *
 * A version byte, bytes for metric and weights, int4 for k, band (-1: none)
 * and the number of probes.  Of each probe: its label (length as int4, text),
 * its id (likewise, length -1 if it has none), its number of epochs as int4
 * and the losses as float4.  The hash is not part of it but computed anew.
 *
 * A suite that is fitted or calibrated has version 2, and at the end: a byte
 * for the scale, the shrinkage and the calibration's offset and power (0: none)
 * as float8, the number of entries of the matrix as int4 (0: none), and these as
 * float8, column by column.  One with a limit of novelty has version 3, the same
 * at the end (zeroes if it is not fitted), and then the limit as float8.
 *
 * Probes pass between parallel workers in the same form, in the server's
 * encoding.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "storage/shmem.h"

#include "compat.h"
#include "core/loss.h"
#include "loss_curve.h"
#include "probe_suite.h"

#define PROBE_SUITE_BINARY_VERSION 1
#define FITTED_SUITE_BINARY_VERSION 2
#define LIMITED_SUITE_BINARY_VERSION 3

/* What a probe takes at least: two lengths, and a number of epochs. */
#define LEAST_PROBE_SIZE ((int) (3 * sizeof(int32)))

static void
write_name(StringInfo message, const char *name, int length, bool for_client)
{
	if (name == NULL)
		pq_sendint32(message, (uint32) -1);
	else if (for_client)
		metaprobe_send_counted_text(message, name, length);
	else
	{
		pq_sendint32(message, length);
		pq_sendbytes(message, name, length);
	}
}

void
metaprobe_probe_write(StringInfo message, const Probe *probe, bool for_client)
{
	write_name(message, probe->label, probe->label_length, for_client);
	write_name(message, probe->id, probe->id_length, for_client);
	pq_sendint32(message, probe->n_epochs);
	for (int i = 0; i < probe->n_epochs; i++)
		pq_sendfloat4(message, probe->losses[i]);
}

static void
report_bad_length(const char *what, int64 length, StringInfo message)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid %s %lld in binary probe suite", what,
					(long long) length),
			 errdetail("%d bytes are left.", message->len - message->cursor)));
}

/* Check that as many items of a size can still be in the message. */
static void
check_count(const char *what, int32 count, int item_size, StringInfo message)
{
	if (count < 0 || count > (message->len - message->cursor) / item_size)
		report_bad_length(what, count, message);
}

static const char *
read_name(StringInfo message, int *length, bool from_client)
{
	int32 raw_length = pq_getmsgint(message, sizeof(int32));
	char *name;

	*length = 0;
	if (raw_length == -1)
		return NULL;
	check_count("name length", raw_length, 1, message);
	if (from_client)
		return pq_getmsgtext(message, raw_length, length);

	name = palloc(raw_length);
	memcpy(name, pq_getmsgbytes(message, raw_length), raw_length);
	(void) pg_verifymbstr(name, raw_length, false);
	*length = raw_length;
	return name;
}

/* A probe from a message, in fresh memory; all its bytes are distrusted. */
Probe
metaprobe_probe_read(StringInfo message, bool from_client)
{
	Probe  probe;
	float *losses;

	probe.label = read_name(message, &probe.label_length, from_client);
	if (probe.label == NULL)
		report_bad_length("label length", -1, message);
	probe.id = read_name(message, &probe.id_length, from_client);
	probe.n_epochs = pq_getmsgint(message, sizeof(int32));
	loss_curve_check_length(probe.n_epochs);
	check_count("number of epochs", probe.n_epochs, sizeof(float), message);

	losses = palloc(probe.n_epochs * sizeof(float));
	for (int i = 0; i < probe.n_epochs; i++)
		losses[i] = loss_curve_loss(pq_getmsgfloat4(message), i);
	probe.losses = losses;
	return probe;
}

static void
write_fit(StringInfo message, const SuiteView *view)
{
	const SuiteFit	none = {0};
	const SuiteFit *fit = view->fit ? view->fit : &none;
	int				n_entries = 0;

	if (view->matrix)
		n_entries = metaprobe_triangle_size(view->curves.n_epochs);
	pq_sendbyte(message, fit->scale);
	pq_sendfloat8(message, fit->shrinkage);
	pq_sendfloat8(message, fit->calibration.offset);
	pq_sendfloat8(message, fit->calibration.power);
	pq_sendint32(message, n_entries);
	for (int i = 0; i < n_entries; i++)
		pq_sendfloat8(message, view->matrix[i]);
}

/* The first version that has what the suite has. */
static int
binary_version(const SuiteView *view)
{
	if (view->max_novelty)
		return LIMITED_SUITE_BINARY_VERSION;
	return view->fit ? FITTED_SUITE_BINARY_VERSION :
					   PROBE_SUITE_BINARY_VERSION;
}

/* The binary form, with names in the client's encoding or the database's. */
static bytea *
write_suite(const ProbeSuite *suite, bool for_client)
{
	SuiteView	   view;
	StringInfoData message;

	metaprobe_suite_view(suite, &view);
	pq_begintypsend(&message);
	pq_sendbyte(&message, binary_version(&view));
	pq_sendbyte(&message, suite->metric);
	pq_sendbyte(&message, suite->weights);
	pq_sendint32(&message, suite->k);
	pq_sendint32(&message, suite->band);
	pq_sendint32(&message, suite->n_probes);
	for (int i = 0; i < suite->n_probes; i++)
	{
		Probe probe = metaprobe_suite_probe(&view, i);

		metaprobe_probe_write(&message, &probe, for_client);
	}
	if (binary_version(&view) >= FITTED_SUITE_BINARY_VERSION)
		write_fit(&message, &view);
	if (view.max_novelty)
		pq_sendfloat8(&message, *view.max_novelty);
	return pq_endtypsend(&message);
}

PG_FUNCTION_INFO_V1(metaprobe_probe_suite_send);
Datum
metaprobe_probe_suite_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(write_suite(PG_GETARG_PROBE_SUITE(0), true));
}

/* The binary form as a value for another server of the same encoding. */
bytea *
metaprobe_suite_to_bytes(const ProbeSuite *suite)
{
	return write_suite(suite, false);
}

/* A byte that numbers one of count choices. */
static int
read_choice(const char *what, int count, StringInfo message)
{
	int choice = pq_getmsgbyte(message);

	if (choice >= count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unknown %s %d in binary probe suite", what, choice)));
	return choice;
}

/* The fitted part; its matrix is checked where suites are built. */
static void
read_fit(StringInfo message, SuiteSettings *settings)
{
	double *matrix;

	settings->scale = read_choice("scale", N_SCALES, message);
	settings->shrinkage = pq_getmsgfloat8(message);
	settings->calibration.offset = pq_getmsgfloat8(message);
	settings->calibration.power = pq_getmsgfloat8(message);
	settings->n_entries = pq_getmsgint(message, sizeof(int32));
	check_count("number of matrix entries", settings->n_entries,
				sizeof(double), message);
	if (settings->metric != METRIC_FITTED &&
		(settings->scale != SCALE_RAW || settings->n_entries != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("metric %s has a scale or a matrix in binary probe "
						"suite",
						metaprobe_metric_names[settings->metric])));
	if (settings->n_entries == 0)
		return;
	matrix = palloc_extended(mul_size(settings->n_entries, sizeof(double)),
							 MCXT_ALLOC_HUGE);
	for (int i = 0; i < settings->n_entries; i++)
		matrix[i] = pq_getmsgfloat8(message);
	settings->matrix = matrix;
}

/* Zero, which is not sent, is none that can be received. */
static double
read_max_novelty(StringInfo message)
{
	double max_novelty = pq_getmsgfloat8(message);

	if (!(max_novelty > 0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid max_novelty %g in binary probe suite",
							   max_novelty)));
	return max_novelty;
}

/* A suite from its binary form; all bytes are distrusted. */
static ProbeSuite *
read_suite(StringInfo message, bool from_client)
{
	int			  version = pq_getmsgbyte(message);
	SuiteSettings settings = {0};
	int32		  n_probes;
	Probe		 *probes;

	if (version < PROBE_SUITE_BINARY_VERSION ||
		version > LIMITED_SUITE_BINARY_VERSION)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("unsupported probe_suite binary version %d",
							   version)));
	settings.metric = read_choice("metric", N_METRICS, message);
	if (settings.metric == METRIC_FITTED &&
		version < FITTED_SUITE_BINARY_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("metric %s in binary probe suite of version %d",
						metaprobe_metric_names[settings.metric], version)));
	settings.weights = read_choice("weights", N_WEIGHTS, message);
	settings.k = pq_getmsgint(message, sizeof(int32));
	settings.band = pq_getmsgint(message, sizeof(int32));
	n_probes = pq_getmsgint(message, sizeof(int32));
	check_count("number of probes", n_probes, LEAST_PROBE_SIZE, message);
	(void) metaprobe_suite_size_is_valid(n_probes, 0, 0, NULL);

	probes = palloc(n_probes * sizeof(Probe));
	for (int i = 0; i < n_probes; i++)
	{
		CHECK_FOR_INTERRUPTS();
		probes[i] = metaprobe_probe_read(message, from_client);
	}
	if (version >= FITTED_SUITE_BINARY_VERSION)
		read_fit(message, &settings);
	if (version >= LIMITED_SUITE_BINARY_VERSION)
		settings.max_novelty = read_max_novelty(message);
	pq_getmsgend(message);
	return metaprobe_suite_build(probes, n_probes, &settings, NULL);
}

PG_FUNCTION_INFO_V1(metaprobe_probe_suite_recv);
Datum
metaprobe_probe_suite_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_PROBE_SUITE(read_suite((StringInfo) PG_GETARG_POINTER(0), true));
}

/* What metaprobe_suite_to_bytes() gave. */
ProbeSuite *
metaprobe_suite_from_bytes(bytea *bytes)
{
	StringInfoData message = {0};

	message.data = VARDATA_ANY(bytes);
	message.len = VARSIZE_ANY_EXHDR(bytes);
	return read_suite(&message, false);
}
