/*
 * probe_suite_text.c
 *		The text form of probe suites, which is JSON:
 *
 *		{"version": 1, "k": 20, "metric": "l2", "weights": "uniform",
 *		 "probes": [{"label": "typical", "id": "P7", "curve": [2.3, 0.1]}]}
 *
 * with "band" beside "metric": "dtw", and no "id" for probes without one.
 * Beside "metric": "fitted" stand "scale" and, if there is a matrix,
 * "shrinkage" and "matrix", its lower triangle row by row in one array.  If
 * probabilities are calibrated there is "calibration", of offset and power, and
 * if there is a limit of novelty, "max_novelty".
 * Reading, everything but "probes" may be left out, and keys may come in any
 * order.  PostgreSQL's parser does the lexing and hands over one token at a
 * time, so that a suite of any size takes little more memory than its value.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "compat.h"
#include "core/curve_text.h"
#include "core/dtw.h"
#include "core/loss.h"
#include "loss_curve.h"
#include "probe_suite.h"

#define PROBE_SUITE_TEXT_VERSION 1

/*
 * Output
 */

/* Append a JSON string of bytes that are not NUL-terminated. */
static void
append_json_string(StringInfo text, const char *bytes, int length)
{
	char *string = pnstrdup(bytes, length);

	escape_json(text, string);
	pfree(string);
}

static void
append_probe(StringInfo text, const Probe *probe)
{
	appendStringInfoString(text, "{\"label\":");
	append_json_string(text, probe->label, probe->label_length);
	if (probe->id)
	{
		appendStringInfoString(text, ",\"id\":");
		append_json_string(text, probe->id, probe->id_length);
	}
	appendStringInfoString(text, ",\"curve\":");
	loss_curve_append_text(text, probe->losses, probe->n_epochs);
	appendStringInfoChar(text, '}');
}

static void
append_double(StringInfo text, double value)
{
	char digits[DOUBLE_SHORTEST_DECIMAL_LEN];
	int	 length = double_to_shortest_decimal_bufn(value, digits);

	appendBinaryStringInfo(text, digits, length);
}

static void
append_fit(StringInfo text, const SuiteView *view)
{
	int n_epochs = view->curves.n_epochs;

	if (view->curves.metric == METRIC_FITTED)
		appendStringInfo(text, ",\"scale\":\"%s\"",
						 metaprobe_scale_names[view->fit->scale]);
	if (view->fit->calibration.power != 0)
	{
		appendStringInfoString(text, ",\"calibration\":[");
		append_double(text, view->fit->calibration.offset);
		appendStringInfoChar(text, ',');
		append_double(text, view->fit->calibration.power);
		appendStringInfoChar(text, ']');
	}
	if (view->matrix == NULL)
		return;
	appendStringInfoString(text, ",\"shrinkage\":");
	append_double(text, view->fit->shrinkage);
	appendStringInfoString(text, ",\"matrix\":");
	for (int row = 0; row < n_epochs; row++)
	{
		for (int column = 0; column <= row; column++)
		{
			appendStringInfoChar(text, row == 0 ? '[' : ',');
			append_double(
				text,
				view->matrix[metaprobe_triangle_place(n_epochs, row, column)]);
		}
	}
	appendStringInfoChar(text, ']');
}

PG_FUNCTION_INFO_V1(metaprobe_probe_suite_out);
Datum
metaprobe_probe_suite_out(PG_FUNCTION_ARGS)
{
	ProbeSuite	  *suite = PG_GETARG_PROBE_SUITE(0);
	SuiteView	   view;
	StringInfoData text;

	metaprobe_suite_view(suite, &view);
	initStringInfo(&text);
	appendStringInfo(
		&text, "{\"version\":%d,\"k\":%d,\"metric\":\"%s\",\"weights\":\"%s\"",
		PROBE_SUITE_TEXT_VERSION, suite->k,
		metaprobe_metric_names[suite->metric],
		metaprobe_weights_names[suite->weights]);
	if (suite->band != DTW_NO_BAND)
		appendStringInfo(&text, ",\"band\":%d", suite->band);
	if (view.fit)
		append_fit(&text, &view);
	if (view.max_novelty)
	{
		appendStringInfoString(&text, ",\"max_novelty\":");
		append_double(&text, *view.max_novelty);
	}
	appendStringInfoString(&text, ",\"probes\":[");
	for (int i = 0; i < suite->n_probes; i++)
	{
		Probe probe = metaprobe_suite_probe(&view, i);

		CHECK_FOR_INTERRUPTS();
		if (i > 0)
			appendStringInfoChar(&text, ',');
		append_probe(&text, &probe);
	}
	appendStringInfoString(&text, "]}");
	PG_RETURN_CSTRING(text.data);
}

/*
 * Input
 */

typedef enum Place
{
	AT_START,
	IN_SUITE,
	IN_PROBES,
	IN_PROBE,
	IN_CURVE,
	IN_MATRIX,
	IN_CALIBRATION,
	AT_END
} Place;

typedef enum Key
{
	KEY_VERSION,
	KEY_K,
	KEY_METRIC,
	KEY_WEIGHTS,
	KEY_BAND,
	KEY_SCALE,
	KEY_SHRINKAGE,
	KEY_MATRIX,
	KEY_CALIBRATION,
	KEY_MAX_NOVELTY,
	KEY_PROBES,
	N_SUITE_KEYS,
	KEY_LABEL = N_SUITE_KEYS,
	KEY_ID,
	KEY_CURVE,
	N_KEYS
} Key;

static const char *const key_names[N_KEYS] = {
	[KEY_VERSION] = "version",
	[KEY_K] = "k",
	[KEY_METRIC] = "metric",
	[KEY_WEIGHTS] = "weights",
	[KEY_BAND] = "band",
	[KEY_SCALE] = "scale",
	[KEY_SHRINKAGE] = "shrinkage",
	[KEY_MATRIX] = "matrix",
	[KEY_PROBES] = "probes",
	[KEY_LABEL] = "label",
	[KEY_ID] = "id",
	[KEY_CURVE] = "curve",
	[KEY_CALIBRATION] = "calibration",
	[KEY_MAX_NOVELTY] = "max_novelty",
};

typedef struct SuiteReader
{
	Node		 *escontext;
	Place		  place;
	Key			  key;		  /* whose value comes next */
	uint32		  suite_keys; /* seen, one bit each */
	uint32		  probe_keys; /* seen in the current probe */
	SuiteSettings settings;	  /* those seen */
	double		 *matrix;	  /* row by row; room for matrix_capacity */
	int			  matrix_capacity;
	double		  calibration[2];
	int			  n_calibration; /* read of it */
	Probe		  probe;		 /* the current one */
	float		 *curve;		 /* its losses, room for the most epochs */
	Probe		 *probes;
	int			  n_probes;
	int			  capacity;
	int			  n_epochs; /* of the longest curve */
	int64		  name_bytes;
} SuiteReader;

/* Report an error of the suite's form and leave the handler. */
#define FAIL(reader, ...) \
	metaprobe_json_fail((reader)->escontext, \
						(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), \
						 errmsg("invalid input syntax for type %s", \
								"probe_suite"), \
						 __VA_ARGS__))

#define FAIL_VALUE(reader, problem) \
	FAIL(reader, errdetail("The value of \"%s\" %s.", \
						   key_names[(reader)->key], problem))

/* What can be wrong with a value. */
static const char *const wrong_type = "has the wrong type";
static const char *const out_of_range = "is out of range";
static const char *const not_supported = "is not supported";

#define SEEN(key) (1U << (key))

static const char *const suite_hint =
	"A suite is an object with the keys version, k, metric, weights, band, "
	"scale, shrinkage, matrix, calibration, max_novelty and probes; a probe is one with "
	"label, id and curve.";

JSON_HANDLER
object_start(void *state)
{
	SuiteReader *reader = state;

	if (reader->place == AT_START)
		reader->place = IN_SUITE;
	else if (reader->place == IN_PROBES)
	{
		reader->place = IN_PROBE;
		reader->probe_keys = 0;
		memset(&reader->probe, 0, sizeof(Probe));
	}
	else
		FAIL_VALUE(reader, wrong_type);
	JSON_HANDLER_DONE;
}

JSON_HANDLER
field_start(void *state, char *name, bool isnull)
{
	SuiteReader *reader = state;
	bool		 in_suite = reader->place == IN_SUITE;
	int			 first = in_suite ? 0 : N_SUITE_KEYS;
	int			 end = in_suite ? N_SUITE_KEYS : N_KEYS;
	uint32		*seen = in_suite ? &reader->suite_keys : &reader->probe_keys;
	int			 key = first;

	while (key < end && strcmp(name, key_names[key]) != 0)
		key++;
	if (key == end)
		FAIL(reader,
			 errdetail("Unexpected key \"%.*s\" in a %s.",
					   pg_mbcliplen(name, strlen(name), NAMEDATALEN), name,
					   in_suite ? "suite" : "probe"),
			 errhint("%s", suite_hint));
	if (*seen & SEEN(key))
		FAIL(reader, errdetail("Key \"%s\" appears twice.", name));
	*seen |= SEEN(key);
	reader->key = key;
	JSON_HANDLER_DONE;
}

JSON_HANDLER
array_start(void *state)
{
	SuiteReader *reader = state;

	if (reader->place == IN_SUITE && reader->key == KEY_PROBES)
		reader->place = IN_PROBES;
	else if (reader->place == IN_PROBE && reader->key == KEY_CURVE)
		reader->place = IN_CURVE;
	else if (reader->place == IN_SUITE && reader->key == KEY_MATRIX)
	{
		reader->place = IN_MATRIX;
		reader->matrix_capacity = 64;
		reader->matrix = palloc(reader->matrix_capacity * sizeof(double));
	}
	else if (reader->place == IN_SUITE && reader->key == KEY_CALIBRATION)
		reader->place = IN_CALIBRATION;
	else if (reader->place == AT_START)
		FAIL(reader, errdetail("It is not an object."),
			 errhint("%s", suite_hint));
	else
		FAIL_VALUE(reader, wrong_type);
	JSON_HANDLER_DONE;
}

/* Keep the curve that ends here with the current probe. */
static void
end_curve(SuiteReader *reader)
{
	Size   size = reader->probe.n_epochs * sizeof(float);
	float *losses = palloc(size);

	memcpy(losses, reader->curve, size);
	reader->probe.losses = losses;
	reader->place = IN_PROBE;
}

JSON_HANDLER
array_end(void *state)
{
	SuiteReader *reader = state;

	if (reader->place == IN_CURVE)
		end_curve(reader);
	else
		reader->place = IN_SUITE;
	JSON_HANDLER_DONE;
}

JSON_HANDLER
object_end(void *state)
{
	SuiteReader *reader = state;
	uint32		 needed = SEEN(KEY_LABEL) | SEEN(KEY_CURVE);

	if (reader->place == IN_SUITE)
	{
		reader->place = AT_END;
		JSON_HANDLER_DONE;
	}
	if ((reader->probe_keys & needed) != needed)
		FAIL(reader, errdetail("Probe %d lacks its label or its curve.",
							   reader->n_probes));

	CHECK_FOR_INTERRUPTS();
	reader->n_epochs = Max(reader->n_epochs, reader->probe.n_epochs);
	reader->name_bytes += reader->probe.label_length + reader->probe.id_length;
	if (!metaprobe_suite_size_is_valid(reader->n_probes + 1, reader->n_epochs,
									   reader->name_bytes, reader->escontext))
		FAIL_VALUE(reader, out_of_range);
	if (reader->n_probes == reader->capacity)
	{
		reader->capacity *= 2;
		reader->probes =
			repalloc_huge(reader->probes, reader->capacity * sizeof(Probe));
	}
	reader->probes[reader->n_probes++] = reader->probe;
	reader->place = IN_PROBES;
	reader->key = KEY_PROBES;
	JSON_HANDLER_DONE;
}

/*
 * The readers of values return what is wrong with one, NULL if nothing is.
 * After a soft error that they have reported, what they return is not used.
 */

/* An integer in the range of int4. */
static const char *
read_integer(const char *token, JsonTokenType type, int *number)
{
	char *end;
	long  value;

	if (type != JSON_TOKEN_NUMBER)
		return wrong_type;
	errno = 0;
	value = strtol(token, &end, 10);
	if (*end != '\0')
		return wrong_type;
	if (errno == ERANGE || value < PG_INT32_MIN || value > PG_INT32_MAX)
		return out_of_range;
	*number = value;
	return NULL;
}

/* The value of metric, weights or scale. */
static const char *
read_choice(SuiteReader *reader, const char *token, JsonTokenType type)
{
	SuiteSettings *settings = &reader->settings;
	Node		  *escontext = reader->escontext;
	int			   number;

	if (type != JSON_TOKEN_STRING)
		return wrong_type;
	if (reader->key == KEY_METRIC)
		settings->metric = number = metaprobe_metric_by_name(token, escontext);
	else if (reader->key == KEY_WEIGHTS)
		settings->weights = number =
			metaprobe_weights_by_name(token, escontext);
	else
		settings->scale = number = metaprobe_scale_by_name(token, escontext);
	return number < 0 ? not_supported : NULL;
}

static const char *
read_double(const char *token, JsonTokenType type, double *number)
{
	if (type != JSON_TOKEN_NUMBER)
		return wrong_type;
	*number = strtod(token, NULL);
	return isinf(*number) ? out_of_range : NULL;
}

/* Zero, which would not be written, is none that can be read. */
static const char *
read_max_novelty(const char *token, JsonTokenType type, double *limit)
{
	const char *problem = read_double(token, type, limit);

	return problem || *limit > 0 ? problem : out_of_range;
}

/* Append an entry to the matrix. */
static const char *
read_entry(SuiteReader *reader, const char *token, JsonTokenType type)
{
	SuiteSettings *settings = &reader->settings;

	if (settings->n_entries ==
		(int) metaprobe_triangle_size(FITTED_MAX_EPOCHS))
		return out_of_range;
	if (settings->n_entries == reader->matrix_capacity)
	{
		reader->matrix_capacity *= 2;
		reader->matrix =
			repalloc(reader->matrix, reader->matrix_capacity * sizeof(double));
	}
	return read_double(token, type, &reader->matrix[settings->n_entries++]);
}

static const char *
read_setting(SuiteReader *reader, const char *token, JsonTokenType type)
{
	const char *problem;
	int			number;

	if (reader->key == KEY_METRIC || reader->key == KEY_WEIGHTS ||
		reader->key == KEY_SCALE)
		return read_choice(reader, token, type);
	if (reader->key == KEY_SHRINKAGE)
		return read_double(token, type, &reader->settings.shrinkage);
	if (reader->key == KEY_MAX_NOVELTY)
		return read_max_novelty(token, type, &reader->settings.max_novelty);
	if (reader->key == KEY_PROBES || reader->key == KEY_MATRIX ||
		reader->key == KEY_CALIBRATION)
		return wrong_type;

	problem = read_integer(token, type, &number);
	if (problem)
		return problem;
	if (reader->key == KEY_VERSION)
		return number == PROBE_SUITE_TEXT_VERSION ? NULL : not_supported;
	if (reader->key == KEY_K)
		reader->settings.k = number;
	else
	{
		if (number < 0)
			return out_of_range;
		reader->settings.band = number;
	}
	return NULL;
}

static const char *
read_probe_name(SuiteReader *reader, const char *token, JsonTokenType type)
{
	Probe *probe = &reader->probe;

	if (reader->key == KEY_ID && type == JSON_TOKEN_NULL)
		return NULL;
	if (type != JSON_TOKEN_STRING || reader->key == KEY_CURVE)
		return wrong_type;
	if (reader->key == KEY_LABEL)
	{
		probe->label = token;
		probe->label_length = strlen(token);
	}
	else
	{
		probe->id = token;
		probe->id_length = strlen(token);
	}
	return NULL;
}

/* Append a loss to the current curve. */
static const char *
read_loss(SuiteReader *reader, const char *token, JsonTokenType type)
{
	int				n = reader->probe.n_epochs;
	CurveTextStatus status;

	if (type != JSON_TOKEN_NUMBER && type != JSON_TOKEN_NULL)
		return wrong_type;
	if (!loss_curve_length_is_valid(n + 1, reader->escontext))
		return out_of_range;
	status =
		metaprobe_loss_text_parse(token, strlen(token), &reader->curve[n]);
	if (status == CURVE_TEXT_OUT_OF_RANGE)
		metaprobe_ereturn(
			reader->escontext, out_of_range,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("loss of epoch %d of probe %d is out of range for type "
					"real",
					n, reader->n_probes),
			 errhint("Clip the loss, or record the epoch as null.")));
	reader->probe.n_epochs = n + 1;
	return status == CURVE_TEXT_OK ? NULL : wrong_type;
}

JSON_HANDLER
scalar(void *state, char *token, JsonTokenType type)
{
	SuiteReader *reader = state;
	const char	*problem;

	switch (reader->place)
	{
		case IN_CURVE:
			problem = read_loss(reader, token, type);
			pfree(token);
			break;
		case IN_MATRIX:
			problem = read_entry(reader, token, type);
			pfree(token);
			break;
		case IN_CALIBRATION:
			problem = out_of_range;
			if (reader->n_calibration < 2)
				problem =
					read_double(token, type,
								&reader->calibration[reader->n_calibration++]);
			break;
		case IN_PROBE:
			problem = read_probe_name(reader, token, type);
			break;
		case IN_SUITE:
			problem = read_setting(reader, token, type);
			break;
		case IN_PROBES:
			problem = wrong_type;
			break;
		default:
			FAIL(reader, errdetail("It is not an object."),
				 errhint("%s", suite_hint));
	}
	if (problem)
		FAIL_VALUE(reader, problem);
	JSON_HANDLER_DONE;
}

static const JsonSemAction handlers_template = {
	.object_start = object_start,
	.object_end = object_end,
	.array_start = array_start,
	.array_end = array_end,
	.object_field_start = field_start,
	.scalar = scalar,
};

/* The matrix read, as it is stored: by columns. */
static const double *
transposed_matrix(const SuiteReader *reader)
{
	int		n_entries = reader->settings.n_entries;
	double *matrix = palloc(n_entries * sizeof(double));
	double *read = reader->matrix;

	for (int row = 0; row < reader->n_epochs; row++)
	{
		for (int column = 0; column <= row; column++)
			matrix[metaprobe_triangle_place(reader->n_epochs, row, column)] =
				*read++;
	}
	return matrix;
}

/*
 * Do the keys that tell what was fitted belong together?  If not, sets the key
 * that should be there or should not.
 */
static bool
fit_is_complete(const SuiteReader *reader, const char **key)
{
	uint32 seen = reader->suite_keys;
	bool   is_fitted =
		(seen & SEEN(KEY_METRIC)) && reader->settings.metric == METRIC_FITTED;
	bool has_matrix = (seen & SEEN(KEY_MATRIX)) != 0;
	bool has_shrinkage = (seen & SEEN(KEY_SHRINKAGE)) != 0;

	*key = NULL;
	if (is_fitted != ((seen & SEEN(KEY_SCALE)) != 0))
		*key = key_names[KEY_SCALE];
	else if ((seen & SEEN(KEY_CALIBRATION)) && reader->n_calibration < 2)
		*key = key_names[KEY_CALIBRATION];
	else if (has_matrix && !is_fitted)
		*key = key_names[KEY_MATRIX];
	else if (has_shrinkage != has_matrix)
		*key = key_names[KEY_SHRINKAGE];
	return *key == NULL;
}

/* The settings read, with defaults for those that were not there. */
static SuiteSettings
complete_settings(const SuiteReader *reader)
{
	SuiteSettings settings = metaprobe_default_settings(reader->n_probes);

	if (reader->suite_keys & SEEN(KEY_K))
		settings.k = reader->settings.k;
	if (reader->suite_keys & SEEN(KEY_METRIC))
		settings.metric = reader->settings.metric;
	if (reader->suite_keys & SEEN(KEY_WEIGHTS))
		settings.weights = reader->settings.weights;
	if (reader->suite_keys & SEEN(KEY_BAND))
		settings.band = reader->settings.band;
	settings.max_novelty = reader->settings.max_novelty;
	settings.scale = reader->settings.scale;
	settings.shrinkage = reader->settings.shrinkage;
	settings.calibration.offset = reader->calibration[0];
	settings.calibration.power = reader->calibration[1];
	settings.n_entries = reader->settings.n_entries;
	if (settings.n_entries ==
		(int64) reader->n_epochs * (reader->n_epochs + 1) / 2)
		settings.matrix = transposed_matrix(reader);
	else
		settings.matrix = reader->matrix; /* NULL, or of the wrong size */
	return settings;
}

/*
 * Report that the text is no JSON, unless a handler has reported a soft error.
 * The parser's own words quote the token, however long it is.
 */
static void
report_json_error(JsonLexContext *lexer, JsonParseErrorType result,
				  Node *escontext)
{
	const char *token = lexer->token_start;
	int			length = token ? lexer->token_terminator - token : 0;

	if (metaprobe_soft_error_occurred(escontext))
		return;
	metaprobe_ereturn(
		escontext, ,
		(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
		 errmsg("invalid input syntax for type %s", "probe_suite"),
		 length < NAMEDATALEN ?
			 errdetail_internal("%s", json_errdetail(result, lexer)) :
			 errdetail("Token \"%.*s...\" is invalid.",
					   pg_mbcliplen(token, length, NAMEDATALEN), token)));
}

PG_FUNCTION_INFO_V1(metaprobe_probe_suite_in);
Datum
metaprobe_probe_suite_in(PG_FUNCTION_ARGS)
{
	char			  *text = PG_GETARG_CSTRING(0);
	JsonSemAction	   handlers = handlers_template;
	SuiteReader		   reader = {.escontext = fcinfo->context, .capacity = 64};
	JsonLexContext	  *lexer;
	JsonParseErrorType result;
	SuiteSettings	   settings;
	ProbeSuite		  *suite;
	const char		  *key;

	reader.curve = palloc(LOSS_CURVE_MAX_EPOCHS * sizeof(float));
	reader.probes = palloc(reader.capacity * sizeof(Probe));
	handlers.semstate = &reader;
	lexer = metaprobe_json_lexer(text, strlen(text));
	result = pg_parse_json(lexer, &handlers);
	if (result != JSON_SUCCESS)
	{
		report_json_error(lexer, result, fcinfo->context);
		PG_RETURN_NULL();
	}

	if (!fit_is_complete(&reader, &key))
		metaprobe_ereturn(
			fcinfo->context, (Datum) 0,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s", "probe_suite"),
			 errdetail("Key \"%s\" is missing, incomplete, or stands where it "
					   "does not belong.",
					   key),
			 errhint("Metric fitted has a scale, and shrinkage and matrix or "
					 "neither of them; a calibration has two numbers.")));
	settings = complete_settings(&reader);
	suite = metaprobe_suite_build(reader.probes, reader.n_probes, &settings,
								  fcinfo->context);
	if (suite == NULL)
		PG_RETURN_NULL();
	PG_RETURN_PROBE_SUITE(suite);
}
