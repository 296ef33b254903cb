/*
 * loss_log.c
 *		Logs of losses: making one, and the curves of one.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "loss_curve.h"
#include "loss_log.h"
#include "relation.h"

/*
 * create_loss_log
 */

/*
 * What doc/reference.md has as plain DDL.  Losses do not compress.  Ids do, to
 * half or less, which reading them pays for with a tenth of its time.
 */
static void
create_log(const char *table)
{
	metaprobe_execute_command(
		psprintf("CREATE TABLE %s ("
				 "run pg_catalog.text NOT NULL, "
				 "epoch pg_catalog.int4 NOT NULL"
				 " CHECK (epoch OPERATOR(pg_catalog.>=) 0"
				 " AND epoch OPERATOR(pg_catalog.<) %d), "
				 "ids pg_catalog.int8[] NOT NULL, "
				 "losses pg_catalog.float4[] NOT NULL, "
				 "recorded_at pg_catalog.timestamptz NOT NULL"
				 " DEFAULT pg_catalog.clock_timestamp())",
				 table, LOSS_CURVE_MAX_EPOCHS));
	metaprobe_execute_command(
		psprintf("ALTER TABLE %s ALTER COLUMN losses SET STORAGE EXTERNAL",
				 table));
	metaprobe_execute_command(
		psprintf("CREATE INDEX ON %s (run, epoch)", table));
}

PG_FUNCTION_INFO_V1(metaprobe_create_loss_log);
Datum
metaprobe_create_loss_log(PG_FUNCTION_ARGS)
{
	char *table = metaprobe_creation_name(PG_GETARG_TEXT_PP(0));

	SPI_connect();
	create_log(table);
	SPI_finish();
	PG_RETURN_OID(DatumGetObjectId(
		DirectFunctionCall1(regclassin, CStringGetDatum(table))));
}

/*
 * loss_curves
 */

/* Which of two choices an argument names; the first if it is NULL. */
static bool
is_second_choice(FunctionCallInfo fcinfo, int argument, const char *name,
				 const char *first, const char *second)
{
	char *choice;

	if (PG_ARGISNULL(argument))
		return false;
	choice = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	if (strcmp(choice, second) == 0)
		return true;
	if (strcmp(choice, first) != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("unknown choice \"%s\" for %s", choice, name),
						errhint("It is '%s' or '%s'.", first, second)));
	return false;
}

static void
put_curve(void *target, int64 id, const float *losses, int n_epochs)
{
	ReturnSetInfo *result = target;
	LossCurve	  *curve = loss_curve_copy_losses(losses, n_epochs);
	Datum		   values[2] = {Int64GetDatum(id), PointerGetDatum(curve)};
	bool		   nulls[2] = {false, false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	pfree(curve);
}

PG_FUNCTION_INFO_V1(metaprobe_loss_curves);
Datum
metaprobe_loss_curves(PG_FUNCTION_ARGS)
{
	LossLogOptions options;
	CurveAssembly *assembly;
	MemoryContext  own;
	MemoryContext  caller;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	options.run =
		PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	options.last_wins =
		is_second_choice(fcinfo, 2, "repeated", "error", "last");
	options.invalid_is_missing =
		is_second_choice(fcinfo, 3, "invalid", "error", "missing");

	own = AllocSetContextCreate(CurrentMemoryContext, "metaprobe assembly",
								ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(own);
	assembly =
		metaprobe_assembly_create((Size) work_mem * 1024, options.last_wins);
	metaprobe_loss_log_read(PG_GETARG_OID(0), &options, assembly);
	metaprobe_assembly_finish(assembly, put_curve, fcinfo->resultinfo);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(own);
	return (Datum) 0;
}
