/*
 * fuzz_state.c
 *		The target that reads states of aggregates, as a parallel worker sends
 *		them: any deserialization function of the catalogue.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "compat.h"
#include "fuzz.h"

#define MAX_AGGREGATES 16

static Oid deserialize;
static Oid serialize;
static Oid combine;
static Oid finals[MAX_AGGREGATES];
static int n_finals;

static Oid
column(int row, int number)
{
	bool is_null;

	return DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[row],
										  SPI_tuptable->tupdesc, number,
										  &is_null));
}

/* Find the functions of the aggregates that read their states with this one. */
void
fuzz_state_begin(const char *name)
{
	Oid	  types[] = {TEXTOID};
	Datum values[] = {CStringGetTextDatum(name)};

	SPI_connect();
	if (SPI_execute_with_args(
			"SELECT DISTINCT aggdeserialfn::oid, aggserialfn::oid, "
			"aggcombinefn::oid, aggfinalfn::oid "
			"FROM pg_aggregate JOIN pg_proc AS p ON p.oid = aggdeserialfn "
			"WHERE proname = $1",
			1, types, values, NULL, true, 0) != SPI_OK_SELECT ||
		SPI_processed == 0 || SPI_processed > MAX_AGGREGATES)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("no such target: %s", name)));
	deserialize = column(0, 1);
	serialize = column(0, 2);
	combine = column(0, 3);
	n_finals = SPI_processed;
	for (int i = 0; i < n_finals; i++)
		finals[i] = column(i, 4);
	SPI_finish();
}

static NullableDatum
argument(void *pointer)
{
	return (NullableDatum){PointerGetDatum(pointer), pointer == NULL};
}

/* Call one of these functions as the executor would, in an aggregate. */
static void *
call(Oid function, int n_arguments, NullableDatum first, NullableDatum second,
	 bool *is_null)
{
	LOCAL_FCINFO(fcinfo, 2);
	FmgrInfo		info;
	WindowAggState *aggregate = makeNode(WindowAggState);
	void		   *result;

	*is_null = true;
	fmgr_info(function, &info);
	if (info.fn_strict && first.isnull)
		return NULL;
	aggregate->curaggcontext = CurrentMemoryContext;
	InitFunctionCallInfoData(*fcinfo, &info, n_arguments, InvalidOid,
							 (Node *) aggregate, NULL);
	fcinfo->args[0] = first;
	fcinfo->args[1] = second;
	result = DatumGetPointer(FunctionCallInvoke(fcinfo));
	*is_null = fcinfo->isnull;
	return result;
}

/* The second argument, of type internal, is 0 and not NULL. */
static void *
read_state(const char *data, size_t size)
{
	bytea		 *bytes = palloc(VARHDRSZ + size);
	NullableDatum nothing = {0, false};
	bool		  is_null;
	void		 *state;

	SET_VARSIZE(bytes, VARHDRSZ + size);
	memcpy(VARDATA(bytes), data, size);
	state = call(deserialize, 2, argument(bytes), nothing, &is_null);
	REQUIRE(!is_null && state != NULL);
	return state;
}

static bytea *
write_state(void *state)
{
	bool   is_null;
	bytea *bytes =
		call(serialize, 1, argument(state), argument(NULL), &is_null);

	REQUIRE(!is_null);
	return bytes;
}

/* Every result that aggregates make of a state. */
static void
check_results(void *state)
{
	for (int i = 0; i < n_finals; i++)
	{
		bool  is_null;
		void *result =
			call(finals[i], 1, argument(state), argument(NULL), &is_null);

		if (!is_null)
			fuzz_check_value(PointerGetDatum(result),
							 get_func_rettype(finals[i]));
	}
}

void
fuzz_state(const uint8 *data, size_t size)
{
	void  *state = read_state((const char *) data, size);
	bytea *bytes = write_state(state);
	void  *copy = read_state(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	void  *combined;
	bool   is_null;

	REQUIRE(fuzz_same_bytes(PointerGetDatum(bytes),
							PointerGetDatum(write_state(copy))));
	/* the combined state lives on, the others do not */
	combined = call(combine, 2, argument(NULL), argument(state), &is_null);
	check_results(combined);
	combined = call(combine, 2, argument(combined), argument(copy), &is_null);
	check_results(combined);
}
