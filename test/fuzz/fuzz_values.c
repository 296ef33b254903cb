/*
 * fuzz_values.c
 *		Targets that read curves and suites, and what must hold of all that
 *		they accept.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "fuzz.h"
#include "loss_curve.h"
#include "probe_suite.h"

/* The functions of the two types that text and bytes go through. */
typedef struct TypeFunctions
{
	Oid type;
	Oid input;
	Oid output;
	Oid receive;
	Oid send;
	Oid parameter;
} TypeFunctions;

static TypeFunctions
functions_of(const char *name)
{
	TypeFunctions type;
	bool		  unused;

	type.type = DatumGetObjectId(
		DirectFunctionCall1(regtypein, CStringGetDatum(name)));
	getTypeInputInfo(type.type, &type.input, &type.parameter);
	getTypeBinaryInputInfo(type.type, &type.receive, &type.parameter);
	getTypeOutputInfo(type.type, &type.output, &unused);
	getTypeBinaryOutputInfo(type.type, &type.send, &unused);
	return type;
}

static const TypeFunctions *
curve_functions(void)
{
	static TypeFunctions functions;

	if (functions.type == InvalidOid)
		functions = functions_of("loss_curve");
	return &functions;
}

static const TypeFunctions *
suite_functions(void)
{
	static TypeFunctions functions;

	if (functions.type == InvalidOid)
		functions = functions_of("probe_suite");
	return &functions;
}

static const TypeFunctions *
moments_functions(void)
{
	static TypeFunctions functions;

	if (functions.type == InvalidOid)
		functions = functions_of("loss_curve_moments");
	return &functions;
}

static const TypeFunctions *
neighbours_functions(void)
{
	static TypeFunctions functions;

	if (functions.type == InvalidOid)
		functions = functions_of("knn_neighbours");
	return &functions;
}

static Datum
read_text(const TypeFunctions *type, char *text)
{
	return OidInputFunctionCall(type->input, text, type->parameter, -1);
}

static Datum
read_bytes(const TypeFunctions *type, const char *data, size_t size)
{
	StringInfo message = fuzz_message(data, size);
	Datum	   value =
		OidReceiveFunctionCall(type->receive, message, type->parameter, -1);

	/* What COPY and Bind check. */
	if (message->cursor != message->len)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("incorrect binary data format")));
	return value;
}

/* The value comes back from its own text and bytes, which do not change. */
static void
check_round_trips(const TypeFunctions *type, Datum value)
{
	char  *text = OidOutputFunctionCall(type->output, value);
	bytea *bytes = OidSendFunctionCall(type->send, value);
	Datum  from_text = read_text(type, text);
	Datum  from_bytes =
		read_bytes(type, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));

	REQUIRE(fuzz_same_bytes(value, from_text));
	REQUIRE(fuzz_same_bytes(value, from_bytes));
	REQUIRE(strcmp(text, OidOutputFunctionCall(type->output, from_bytes)) ==
			0);
}

/*
 * A state that is written and read is written in the same way; how much room is in
 * it may change.
 */
static void
check_written_state(const TypeFunctions *type, Datum state)
{
	char  *text = OidOutputFunctionCall(type->output, state);
	bytea *bytes = OidSendFunctionCall(type->send, state);
	Datum  from_text = read_text(type, text);
	Datum  from_bytes =
		read_bytes(type, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));

	REQUIRE(strcmp(text, OidOutputFunctionCall(type->output, from_bytes)) ==
			0);
	REQUIRE(fuzz_same_bytes(PointerGetDatum(bytes),
							PointerGetDatum(
								OidSendFunctionCall(type->send, from_text))));
}

static void
check_is_json(const TypeFunctions *type, Datum value)
{
	char *text = OidOutputFunctionCall(type->output, value);

	(void) DirectFunctionCall1(json_in, CStringGetDatum(text));
}

#define FUNCTION(signature) \
	({ \
		static Oid function; \
		if (function == InvalidOid) \
			function = fuzz_function(signature); \
		function; \
	})

void
fuzz_check_curve(Datum curve)
{
	int	   n_epochs = DatumGetLossCurve(curve)->n_epochs;
	Datum  jsonb;
	Datum  copy;
	double distance;
	bool   is_null;

	check_round_trips(curve_functions(), curve);
	check_is_json(curve_functions(), curve);
	jsonb =
		fuzz_call(FUNCTION("loss_curve_to_jsonb(loss_curve)"), NULL, 1, curve);
	copy = fuzz_call(FUNCTION("loss_curve(jsonb)"), NULL, 1, jsonb);
	REQUIRE(fuzz_same_bytes(curve, copy));
	REQUIRE(DatumGetBool(
		fuzz_call(FUNCTION("loss_curve_eq(loss_curve,loss_curve)"), NULL, 2,
				  curve, copy)));
	REQUIRE(DatumGetInt32(
				fuzz_call(FUNCTION("loss_curve_cmp(loss_curve,loss_curve)"),
						  NULL, 2, curve, copy)) == 0);
	REQUIRE(DatumGetInt32(fuzz_call(FUNCTION("loss_curve_hash(loss_curve)"),
									NULL, 1, curve)) ==
			DatumGetInt32(fuzz_call(FUNCTION("loss_curve_hash(loss_curve)"),
									NULL, 1, copy)));

	distance = DatumGetFloat8(
		fuzz_call(FUNCTION("l2_distance(loss_curve,loss_curve)"), NULL, 2,
				  curve, copy));
	REQUIRE(distance == 0 || isnan(distance));
	if (n_epochs > 500)
		return;
	distance = DatumGetFloat8(
		fuzz_call(FUNCTION("dtw_distance(loss_curve,loss_curve)"), NULL, 2,
				  curve, copy));
	REQUIRE(distance == 0 || isnan(distance));
	distance = DatumGetFloat8(
		fuzz_call(FUNCTION("cosine_distance(loss_curve,loss_curve)"), NULL, 2,
				  curve, copy));
	REQUIRE((distance >= 0 && distance <= 2) || isnan(distance));
	(void) fuzz_call(FUNCTION("sparkline(loss_curve)"), &is_null, 1, curve);
	(void) fuzz_call(FUNCTION("curve_statistics(loss_curve,float8,float8)"),
					 &is_null, 3, curve, Float8GetDatum(0.5),
					 Float8GetDatum(0.1));
	if (n_epochs > 0)
		(void) fuzz_call(FUNCTION("resample_curve(loss_curve,bigint)"),
						 &is_null, 2, curve, Int64GetDatum(n_epochs / 2 + 2));
}

static bool
is_fraction(Datum value)
{
	double number = DatumGetFloat8(value);

	return number >= 0 && number <= 1;
}

/* Classify a curve by the suite, and see whether the answers agree. */
static void
check_classification(Datum curve, Datum suite)
{
	bool  is_null;
	bool  score_is_null;
	Datum label =
		fuzz_call(FUNCTION("classify_metadata(loss_curve,probe_suite)"),
				  &is_null, 2, curve, suite);
	Datum score;

	if (is_null)
		return;
	(void) fuzz_call(FUNCTION("tag_metadata(loss_curve,probe_suite)"), NULL, 2,
					 curve, suite);
	score = fuzz_call(FUNCTION("label_score(loss_curve,text,probe_suite)"),
					  &score_is_null, 3, curve, label, suite);
	REQUIRE(score_is_null || is_fraction(score));
}

void
fuzz_check_suite(Datum datum)
{
	ProbeSuite *suite = DatumGetProbeSuite(datum);
	SuiteView	view;
	Probe		probe;
	Datum		curve;

	check_round_trips(suite_functions(), datum);
	check_is_json(suite_functions(), datum);
	(void) fuzz_call(FUNCTION("probe_suite_info(probe_suite)"), NULL, 1,
					 datum);
	REQUIRE(metaprobe_suite_hash(suite) == suite->hash);

	(void) metaprobe_suite_view(suite, &view);
	if (suite->n_probes > 100 || suite->n_epochs > 100)
		return;
	probe = metaprobe_suite_probe(&view, suite->n_probes / 2);
	curve =
		PointerGetDatum(loss_curve_copy_losses(probe.losses, probe.n_epochs));
	check_classification(curve, datum);
	check_classification(
		PointerGetDatum(loss_curve_parse("[1, 0.5, null, 0.1, -3e38]", NULL)),
		datum);
}

/* Any value that an aggregate gives. */
void
fuzz_check_value(Datum value, Oid type)
{
	Oid	 output;
	bool is_varlena;

	if (type == curve_functions()->type)
		fuzz_check_curve(value);
	else if (type == suite_functions()->type)
		fuzz_check_suite(value);
	else
	{
		getTypeOutputInfo(type, &output, &is_varlena);
		(void) OidOutputFunctionCall(output, value);
	}
}

void
fuzz_curve_text(const uint8 *data, size_t size)
{
	char *text = fuzz_text(data, size);

	if (text)
		fuzz_check_curve(read_text(curve_functions(), text));
}

void
fuzz_curve_binary(const uint8 *data, size_t size)
{
	fuzz_check_curve(read_bytes(curve_functions(), (const char *) data, size));
}

void
fuzz_suite_text(const uint8 *data, size_t size)
{
	char *text = fuzz_text(data, size);

	if (text)
		fuzz_check_suite(read_text(suite_functions(), text));
}

void
fuzz_suite_binary(const uint8 *data, size_t size)
{
	fuzz_check_suite(read_bytes(suite_functions(), (const char *) data, size));
}

/* The state of avg and stddev, which is a type. */
void
fuzz_moments_binary(const uint8 *data, size_t size)
{
	Datum moments = read_bytes(moments_functions(), (const char *) data, size);
	Datum both;
	bool  is_null;

	check_written_state(moments_functions(), moments);
	both = fuzz_call(FUNCTION("loss_curve_moments_combine(loss_curve_moments,"
							  "loss_curve_moments)"),
					 &is_null, 2, moments, moments);
	REQUIRE(!is_null);
	fuzz_check_curve(
		fuzz_call(FUNCTION("loss_curve_avg_finalfn(loss_curve_moments)"),
				  &is_null, 1, moments));
	fuzz_check_curve(
		fuzz_call(FUNCTION("loss_curve_stddev_finalfn(loss_curve_moments)"),
				  &is_null, 1, both));
}

/* The state of knn_label and knn_probabilities, likewise. */
void
fuzz_neighbours_binary(const uint8 *data, size_t size)
{
	Datum neighbours =
		read_bytes(neighbours_functions(), (const char *) data, size);
	Datum both;
	Datum label;
	bool  is_null;

	check_written_state(neighbours_functions(), neighbours);
	both = fuzz_call(FUNCTION("knn_combine(knn_neighbours,knn_neighbours)"),
					 &is_null, 2, neighbours, neighbours);
	REQUIRE(!is_null);
	check_written_state(neighbours_functions(), both);
	label = fuzz_call(FUNCTION("knn_label_finalfn(knn_neighbours)"), &is_null,
					  1, both);
	if (!is_null)
		fuzz_check_value(label, TEXTOID);
	label = fuzz_call(FUNCTION("knn_probabilities_finalfn(knn_neighbours)"),
					  &is_null, 1, neighbours);
	if (!is_null)
		fuzz_check_value(label, JSONBOID);
}
