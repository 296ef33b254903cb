/*
 * compare_detectors.c
 *		compare_detectors(source, truth_column, suite, label, curve_column): how
 *		well each detector finds what is known to be true.
 *
 * One statement, run as the caller: it computes all scores of a row at once,
 * in parallel, keeps them where they may spill to disk, fits the mixture to
 * them, and judges each score by an aggregate.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "probe_suite.h"
#include "relation.h"
#include "suite_relation.h"

#define DEFAULT_LABEL "random_outputs"

/* What the statement speaks of, quoted and qualified. */
typedef struct DetectorNames
{
	const char *schema; /* of the extension */
	const char *source;
	const char *truth; /* columns of the source */
	const char *curve;
} DetectorNames;

/* The scores that detector_scores() gives. */
static const char *const scores[] = {"tag",		   "label_score",
									 "vote_share", "novelty",
									 "mean_loss",  "final_loss",
									 "first_loss", "low_confidence"};

#define N_SCORES ((int) lengthof(scores))

/* The detector that needs to have seen all rows. */
#define MIXTURE_DETECTOR "mixture_posterior"

static char *
truth_column(Relation source, const char *name)
{
	AttrNumber		  number = metaprobe_column_by_name(source, name);
	Form_pg_attribute column =
		TupleDescAttr(RelationGetDescr(source), number - 1);

	if (getBaseType(column->atttypid) != BOOLOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("truth column \"%s\" is of type %s, not boolean", name,
						format_type_be(column->atttypid)),
				 errhint("Say in a view what is true, as in SELECT curve, "
						 "kind = 'mislabelled' AS truth FROM ...")));
	return pstrdup(quote_identifier(name));
}

/* Name what the statement speaks of; the source stays locked. */
static DetectorNames
describe(Oid source, const char *truth, const char *curve, Oid namespace)
{
	Relation	  relation = metaprobe_open_readable(source);
	DetectorNames names;

	names.schema = quote_identifier(get_namespace_name(namespace));
	names.source = metaprobe_quoted_relation(relation);
	names.truth = truth_column(relation, truth);
	names.curve = metaprobe_curve_column(relation, namespace, curve);
	relation_close(relation, NoLock);
	return names;
}

/*
 * The scores of every row whose truth is known.  OFFSET 0 keeps the planner
 * from calling the function once for every score.
 */
static void
append_scored(StringInfo sql, const DetectorNames *names)
{
	appendStringInfoString(sql, "SELECT truth");
	for (int i = 0; i < N_SCORES; i++)
		appendStringInfo(sql, ", (scores).%s AS %s", scores[i], scores[i]);
	appendStringInfo(sql,
					 " FROM (SELECT s.%s::pg_catalog.bool AS truth, "
					 "%s.detector_scores(s.%s::%s.loss_curve, $2, $1) AS "
					 "scores FROM %s AS s WHERE s.%s IS NOT NULL OFFSET 0) "
					 "AS computed",
					 names->truth, names->schema, names->curve, names->schema,
					 names->source, names->truth);
}

/* One row with a column for each detector, named like it. */
static void
append_judged(StringInfo sql, const DetectorNames *names)
{
	appendStringInfoString(sql, "SELECT ");
	for (int i = 0; i < N_SCORES; i++)
		appendStringInfo(sql, "%s.detector_quality(%s, truth) AS %s, ",
						 names->schema, scores[i], scores[i]);
	appendStringInfo(sql,
					 "%s.detector_quality(%s.noise_posterior(mean_loss, "
					 "mixture), truth) AS " MIXTURE_DETECTOR
					 " FROM scored, fitted",
					 names->schema, names->schema);
}

static void
append_detector(StringInfo sql, const char *name)
{
	appendStringInfo(sql, "('%s'::pg_catalog.text, %s)", name, name);
}

/* Parameters: suite, label. */
static char *
compare_statement(const DetectorNames *names)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "WITH scored AS MATERIALIZED (");
	append_scored(&sql, names);
	appendStringInfo(&sql,
					 "), fitted AS MATERIALIZED (SELECT "
					 "%s.small_loss_mixture(mean_loss) AS mixture FROM "
					 "scored), judged AS MATERIALIZED (",
					 names->schema);
	append_judged(&sql, names);
	appendStringInfoString(&sql,
						   ") SELECT detector, (quality).auroc, "
						   "(quality).average_precision, (quality).best_f1, "
						   "(quality).precision_at_true_rate, "
						   "coalesce((quality).rows, 0::pg_catalog.int8) "
						   "FROM judged, LATERAL (VALUES ");
	for (int i = 0; i < N_SCORES; i++)
	{
		append_detector(&sql, scores[i]);
		appendStringInfoString(&sql, ", ");
	}
	append_detector(&sql, MIXTURE_DETECTOR);
	appendStringInfoString(&sql, ") AS detectors (detector, quality) ORDER BY "
								 "(quality).auroc DESC NULLS LAST, "
								 "detector COLLATE pg_catalog.\"C\"");
	return sql.data;
}

/* Run the statement, in parallel if the planner likes; rows go to the result. */
static void
run(const char *sql, const ProbeSuite *suite, Oid suite_type, Datum label,
	ReturnSetInfo *result)
{
	Oid	  types[2] = {suite_type, TEXTOID};
	Datum values[2] = {PointerGetDatum(suite), label};

	SPI_connect();
	if (SPI_execute_with_args(sql, 2, types, values, NULL, true, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not execute: %s", sql);
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
}

/* A text argument as a C string; NULL if it is. */
static char *
optional_text(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ?
			   NULL :
			   text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* See to it that the suite has the label, before the statement meets a row. */
static void
check_label(const ProbeSuite *suite, text *label)
{
	SuiteView view;

	metaprobe_suite_view(suite, &view);
	(void) metaprobe_suite_find_label(metaprobe_suite_label_texts(&view),
									  suite->n_labels, label);
}

PG_FUNCTION_INFO_V1(metaprobe_compare_detectors);
Datum
metaprobe_compare_detectors(PG_FUNCTION_ARGS)
{
	Oid namespace = get_func_namespace(fcinfo->flinfo->fn_oid);
	DetectorNames names;
	ProbeSuite	 *suite;
	text		 *label;
	bool		  is_decided;

	for (int i = 0; i < 3; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("source, truth column and suite must not "
								   "be null")));
	}
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	names = describe(PG_GETARG_OID(0), optional_text(fcinfo, 1),
					 optional_text(fcinfo, 4), namespace);
	suite = metaprobe_relation_suite(PG_GETARG_OID(2), namespace, &is_decided);
	label = PG_ARGISNULL(3) ? cstring_to_text(DEFAULT_LABEL) :
							  PG_GETARG_TEXT_PP(3);
	check_label(suite, label);
	run(compare_statement(&names), suite,
		metaprobe_type_in_namespace("probe_suite", namespace),
		PointerGetDatum(label), (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}
