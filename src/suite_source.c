/*
 * suite_source.c
 *		Where a classification function's call gets its suite from.
 *
 * A classification function takes its suite as a value, as bytes, as the name of
 * a relation, or from the setting metaprobe.default_suite.  Whichever it is, it
 * becomes a value, whose suite suite_cache.c keeps ready; the call pins it as
 * long as the next row's is known to be the same.
 *
 * fn_extra outlives a query: a PL/pgSQL function keeps it for the expressions
 * it evaluates by itself, from statement to statement.  So every read of a
 * relation notes what it depended on, and that is compared at every call.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "nodes/primnodes.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "compat.h"
#include "suite_relation.h"
#include "suite_source.h"
#include "suite_vision.h"

typedef enum SuiteForm
{
	SUITE_VALUE,
	SUITE_BINARY, /* a value as bytes */
	SUITE_RELATION,
	SUITE_DEFAULT
} SuiteForm;

/* What fn_extra of a classification function points to. */
typedef struct SuiteCall
{
	SuiteForm form;
	SuitePin  pin;

	/* if read from a relation: what was read, and what could be seen then */
	Oid			  relation;
	Oid			  function_namespace;
	uint64		  default_generation;
	SuiteVision	  vision; /* invalid before the first read */
	MemoryContext vision_context;
} SuiteCall;

/* metaprobe.default_suite, and how often it has been assigned. */
static char	 *default_suite = NULL;
static uint64 default_generation = 0;

/*
 * The setting
 */

static bool
check_default_suite(char **value, void **extra, GucSource source)
{
	List *names = NIL;
	bool  is_qualified;

	if ((*value)[0] == '\0')
		return true;
	is_qualified = SplitIdentifierString(pstrdup(*value), '.', &names) &&
				   list_length(names) == 2;
	list_free(names);
	if (!is_qualified)
	{
		GUC_check_errdetail("It is not a schema-qualified name.");
		GUC_check_errhint("Write it as schema.relation.");
	}
	return is_qualified;
}

static void
assign_default_suite(const char *value, void *extra)
{
	default_generation++;
}

void
metaprobe_define_default_suite(void)
{
	DefineCustomStringVariable(
		"metaprobe.default_suite",
		"Probe suite that classification uses when it is given none.",
		"The schema-qualified name of a probe table, or of a table or view "
		"that holds one probe suite.",
		&default_suite, "", PGC_USERSET, 0, check_default_suite,
		assign_default_suite, NULL);
}

/* The relation that the setting names now. */
static Oid
default_relation(void)
{
	RangeVar *name;
	Oid		  relation;

	if (default_suite == NULL || default_suite[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no probe suite given and metaprobe.default_suite is "
						"not set"),
				 errhint("Pass a probe suite or a relation, or SET "
						 "metaprobe.default_suite = 'schema.relation'.")));

	name =
		makeRangeVarFromNameList(metaprobe_qualified_name_list(default_suite));
	relation = RangeVarGetRelid(name, NoLock, true);
	if (!OidIsValid(relation))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s\" does not exist", default_suite),
				 errhint("It is what metaprobe.default_suite names.")));
	return relation;
}

/*
 * Suites as bytes
 */

static bool
is_constant(FmgrInfo *function, int argument)
{
	Node *call = (Node *) function->fn_expr;

	return call && IsA(call, FuncExpr) &&
		   IsA(list_nth(castNode(FuncExpr, call)->args, argument), Const);
}

/* Pin the suite of an argument that is read but once if it is a constant. */
static void
pin_binary(SuiteCall *call, FunctionCallInfo fcinfo, int argument)
{
	ProbeSuite *suite;

	if (call->pin.loaded && is_constant(fcinfo->flinfo, argument))
		return;
	suite = metaprobe_suite_from_bytes(PG_GETARG_BYTEA_PP(argument));
	metaprobe_pin_value(&call->pin, PointerGetDatum(suite));
	pfree(suite);
}

/*
 * Suites of relations
 */

/* Read the suite of a relation, and note what that depended on. */
static void
read_relation(SuiteCall *call, Oid relation, MemoryContext function_context)
{
	SuiteVision vision;
	ProbeSuite *suite;
	bool		is_decided_by_snapshot;

	metaprobe_vision_take(&vision);
	suite = metaprobe_relation_suite(relation, call->function_namespace,
									 &is_decided_by_snapshot);
	call->vision.is_valid = false;
	metaprobe_pin_value(&call->pin, PointerGetDatum(suite));
	pfree(suite);

	MemoryContextReset(call->vision_context);
	metaprobe_vision_keep(&vision, is_decided_by_snapshot, function_context,
						  call->vision_context);
	call->vision = vision;
	call->relation = relation;
}

/* Pin the suite of a relation, which is read only if it may have changed. */
static void
pin_relation(SuiteCall *call, Oid relation, MemoryContext function_context)
{
	if (call->relation != relation ||
		!metaprobe_vision_is_current(&call->vision))
		read_relation(call, relation, function_context);
}

/* Likewise for the default suite, whose setting may have changed as well. */
static void
pin_default(SuiteCall *call, MemoryContext function_context)
{
	uint64 generation = default_generation;

	if (call->default_generation == generation &&
		metaprobe_vision_is_current(&call->vision))
		return;
	read_relation(call, default_relation(), function_context);
	call->default_generation = generation;
}

/*
 * Calls
 */

/* Which form a function with this argument has. */
static SuiteForm
form_of_function(Oid function, int suite_argument)
{
	Oid		 *types;
	int		  n;
	SuiteForm form = SUITE_DEFAULT;

	(void) get_func_signature(function, &types, &n);
	if (suite_argument < n && types[suite_argument] == REGCLASSOID)
		form = SUITE_RELATION;
	else if (suite_argument < n && types[suite_argument] == BYTEAOID)
		form = SUITE_BINARY;
	else if (suite_argument < n && types[suite_argument] != INT4OID)
		form = SUITE_VALUE;
	pfree(types);
	return form;
}

/* What is kept for the calls of this function in its query. */
static SuiteCall *
kept_call(FunctionCallInfo fcinfo, int suite_argument)
{
	FmgrInfo  *function = fcinfo->flinfo;
	SuiteCall *call = function->fn_extra;

	if (call == NULL)
	{
		call = MemoryContextAllocZero(function->fn_mcxt, sizeof(SuiteCall));
		call->form = form_of_function(function->fn_oid, suite_argument);
		call->function_namespace = get_func_namespace(function->fn_oid);
		if (call->form == SUITE_RELATION || call->form == SUITE_DEFAULT)
			call->vision_context =
				AllocSetContextCreate(function->fn_mcxt, "metaprobe vision",
									  ALLOCSET_SMALL_SIZES);
		metaprobe_pin_init(&call->pin, function->fn_mcxt);
		function->fn_extra = call;
	}
	return call;
}

/*
 * The suite of this call of a classification function, ready for use.  The
 * argument of that number is a probe_suite or a regclass; if it is neither, or
 * there is none, the default suite is meant.  Valid until the next call.
 */
LoadedSuite *
metaprobe_suite_for_call(FunctionCallInfo fcinfo, int suite_argument)
{
	SuiteCall	 *call = kept_call(fcinfo, suite_argument);
	MemoryContext function_context = fcinfo->flinfo->fn_mcxt;

	switch (call->form)
	{
		case SUITE_VALUE:
			metaprobe_pin_value(&call->pin, PG_GETARG_DATUM(suite_argument));
			break;
		case SUITE_BINARY:
			pin_binary(call, fcinfo, suite_argument);
			break;
		case SUITE_RELATION:
			pin_relation(call, PG_GETARG_OID(suite_argument),
						 function_context);
			break;
		case SUITE_DEFAULT:
			pin_default(call, function_context);
			break;
	}
	return call->pin.loaded;
}
