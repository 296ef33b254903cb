/*
 * suite_source.c
 *		Where a classification function's call gets its suite from.
 *
 * A classification function takes its suite as a value, as the name of a
 * relation, or from the setting metaprobe.default_suite.  Whichever it is, the
 * suite is loaded once and kept in fn_extra with all that classification
 * prepares, as long as the next row's is known to be the same.
 *
 * fn_extra outlives a query: a PL/pgSQL function keeps it for the expressions
 * it evaluates by itself, from statement to statement.  So every load notes
 * what it depended on, and that is compared at every call.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "compat.h"
#include "suite_relation.h"
#include "suite_source.h"
#include "suite_vision.h"

/* Where a suite's hash stands behind its varlena header. */
#define HASH_OFFSET (offsetof(ProbeSuite, hash) - VARHDRSZ)

typedef enum SuiteForm
{
	SUITE_VALUE,
	SUITE_RELATION,
	SUITE_DEFAULT
} SuiteForm;

/* A moment in a session, as fine as one statement sent by the client. */
typedef struct Moment
{
	LocalTransactionId transaction;
	TimestampTz		   statement;
} Moment;

/* What fn_extra of a classification function points to. */
typedef struct SuiteCache
{
	SuiteForm	 form;
	LoadedSuite *loaded; /* NULL before the first load, and while loading */

	/* SUITE_VALUE: the toast pointer loaded from, if it came as one */
	bool				   is_toasted;
	struct varatt_external toast_pointer;
	Moment				   moment;

	/* otherwise: what was read, and what could be seen then */
	Oid			relation;
	Oid			function_namespace;
	uint64		default_generation;
	SuiteVision vision;
} SuiteCache;

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
 * Loading
 */

/*
 * Copy a suite and prepare it for classification, in a new memory context
 * below parent that owns all of it.
 */
LoadedSuite *
metaprobe_load_suite(const ProbeSuite *suite, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "metaprobe suite",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	LoadedSuite	 *loaded = palloc0(sizeof(LoadedSuite));
	ProbeCurves	 *curves = &loaded->view.curves;

	loaded->context = context;
	loaded->suite = palloc(VARSIZE(suite));
	memcpy(loaded->suite, suite, VARSIZE(suite));
	metaprobe_suite_view(loaded->suite, &loaded->view);
	metaprobe_classifier_init(&loaded->classifier, curves,
							  palloc(metaprobe_classifier_size(curves)));
	loaded->label_texts = metaprobe_suite_label_texts(&loaded->view);
	MemoryContextSwitchTo(caller);
	return loaded;
}

/* Load a suite in place of what was loaded, and of what that depended on. */
static void
cache_suite(SuiteCache *cache, const ProbeSuite *suite, MemoryContext parent)
{
	cache->vision.is_valid = false;
	if (cache->loaded)
	{
		MemoryContext old = cache->loaded->context;

		cache->loaded = NULL;
		MemoryContextDelete(old);
	}
	cache->loaded = metaprobe_load_suite(suite, parent);
}

/*
 * Suites as values
 */

static Moment
current_moment(void)
{
	Moment moment = {metaprobe_local_transaction(),
					 GetCurrentStatementStartTimestamp()};

	return moment;
}

/* The content hash of a value that is stored out of line, from its head. */
static uint64
stored_hash(Datum value)
{
	struct varlena *head =
		PG_DETOAST_DATUM_SLICE(value, 0, HASH_OFFSET + sizeof(uint64));
	uint64 hash;

	memcpy(&hash, VARDATA_ANY(head) + HASH_OFFSET, sizeof(hash));
	pfree(head);
	return hash;
}

/*
 * Is this the value that was loaded?  A toast pointer stands for one value as
 * long as a statement runs; later its id may have been given to another, so
 * then the hashes must agree as well.  A value in memory is known by its hash
 * alone, for the address may have been used again.
 */
static bool
is_loaded_value(SuiteCache *cache, Datum value)
{
	struct varlena *pointer = (struct varlena *) DatumGetPointer(value);
	uint64			hash;

	if (cache->loaded == NULL)
		return false;
	if (VARATT_IS_EXTERNAL_ONDISK(pointer))
	{
		struct varatt_external toast_pointer;
		Moment				   now = current_moment();

		VARATT_EXTERNAL_GET_POINTER(toast_pointer, pointer);
		if (!cache->is_toasted || memcmp(&toast_pointer, &cache->toast_pointer,
										 sizeof(toast_pointer)) != 0)
			return false;
		if (now.transaction == cache->moment.transaction &&
			now.statement == cache->moment.statement)
			return true;
		if (stored_hash(value) != cache->loaded->suite->hash)
			return false;
		cache->moment = now;
		return true;
	}
	if (VARATT_IS_EXTERNAL(pointer) || VARATT_IS_COMPRESSED(pointer))
		return false;
	memcpy(&hash, VARDATA_ANY(pointer) + HASH_OFFSET, sizeof(hash));
	return hash == cache->loaded->suite->hash;
}

/* Load a value, unless it only comes in another wrapping than the last. */
static void
load_value(SuiteCache *cache, Datum value, MemoryContext parent)
{
	struct varlena *pointer = (struct varlena *) DatumGetPointer(value);
	ProbeSuite	   *suite = DatumGetProbeSuite(value);

	if (cache->loaded == NULL || cache->loaded->suite->hash != suite->hash)
		cache_suite(cache, suite, parent);
	cache->is_toasted = VARATT_IS_EXTERNAL_ONDISK(pointer);
	if (cache->is_toasted)
	{
		VARATT_EXTERNAL_GET_POINTER(cache->toast_pointer, pointer);
		cache->moment = current_moment();
	}
	if ((struct varlena *) suite != pointer)
		pfree(suite);
}

/*
 * Suites of relations
 */

static void
load_relation(SuiteCache *cache, Oid relation, MemoryContext parent)
{
	SuiteVision vision;
	ProbeSuite *suite;
	bool		is_decided_by_snapshot;

	metaprobe_vision_take(&vision);
	suite = metaprobe_relation_suite(relation, cache->function_namespace,
									 &is_decided_by_snapshot);
	cache_suite(cache, suite, parent);
	pfree(suite);

	metaprobe_vision_keep(&vision, is_decided_by_snapshot, parent,
						  cache->loaded->context);
	cache->vision = vision;
	cache->relation = relation;
}

/*
 * The cache
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
	else if (suite_argument < n && types[suite_argument] != INT4OID)
		form = SUITE_VALUE;
	pfree(types);
	return form;
}

static SuiteCache *
cache_of_call(FunctionCallInfo fcinfo, int suite_argument)
{
	FmgrInfo   *function = fcinfo->flinfo;
	SuiteCache *cache = function->fn_extra;

	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(function->fn_mcxt, sizeof(SuiteCache));
		cache->form = form_of_function(function->fn_oid, suite_argument);
		cache->function_namespace = get_func_namespace(function->fn_oid);
		function->fn_extra = cache;
	}
	return cache;
}

/*
 * The suite of this call of a classification function, ready for use.  The
 * argument of that number is a probe_suite or a regclass; if it is neither, or
 * there is none, the default suite is meant.  Valid until the next call.
 */
LoadedSuite *
metaprobe_suite_for_call(FunctionCallInfo fcinfo, int suite_argument)
{
	MemoryContext parent = fcinfo->flinfo->fn_mcxt;
	SuiteCache	 *cache = cache_of_call(fcinfo, suite_argument);

	switch (cache->form)
	{
		case SUITE_VALUE:
			if (!is_loaded_value(cache, PG_GETARG_DATUM(suite_argument)))
				load_value(cache, PG_GETARG_DATUM(suite_argument), parent);
			break;
		case SUITE_RELATION:
			if (cache->loaded == NULL ||
				cache->relation != PG_GETARG_OID(suite_argument) ||
				!metaprobe_vision_is_current(&cache->vision))
				load_relation(cache, PG_GETARG_OID(suite_argument), parent);
			break;
		case SUITE_DEFAULT:
			if (cache->loaded == NULL ||
				cache->default_generation != default_generation ||
				!metaprobe_vision_is_current(&cache->vision))
			{
				load_relation(cache, default_relation(), parent);
				cache->default_generation = default_generation;
			}
			break;
	}
	return cache->loaded;
}
