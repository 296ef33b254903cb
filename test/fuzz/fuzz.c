/*
 * fuzz.c
 *		fuzz(target, arguments): libFuzzer inside a server process.
 *
 * This library holds metaprobe's own sources, with the sanitizers, and the
 * server's catalogue names it as the library of metaprobe's functions.  So what
 * runs is what runs in production, in the server's memory contexts and with its
 * errors; only the server itself is not instrumented.
 *
 * An error is an answer, unless it is an internal one (XX000) or its message
 * does not look like PostgreSQL's.
 */
#include "postgres.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "fuzz.h"

/* The most that a function called by fuzz_call() has. */
#define MAX_ARGUMENTS 5

typedef struct FuzzTarget
{
	const char *name;
	void (*run)(const uint8 *data, size_t size);
} FuzzTarget;

static const FuzzTarget value_targets[] = {
	{"curve_text", fuzz_curve_text},
	{"curve_binary", fuzz_curve_binary},
	{"suite_text", fuzz_suite_text},
	{"suite_binary", fuzz_suite_binary},
	{"moments_binary", fuzz_moments_binary},
	{"neighbours_binary", fuzz_neighbours_binary},
};

/* The driver of libFuzzer, from compiler-rt's libclang_rt.fuzzer_no_main. */
extern int LLVMFuzzerRunDriver(int *argc, char ***argv,
							   int (*callback)(const uint8_t *data,
											   size_t		  size));

static void (*current_target)(const uint8 *data, size_t size);
static MemoryContext input_context;

void
fuzz_fail(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, what);
	abort();
}

/* The function of this signature, as regprocedure reads it. */
Oid
fuzz_function(const char *signature)
{
	return DatumGetObjectId(
		DirectFunctionCall1(regprocedurein, CStringGetDatum(signature)));
}

/* Call a function; without a place for is_null, the result must not be NULL. */
Datum
fuzz_call(Oid function, bool *is_null, int n_arguments, ...)
{
	LOCAL_FCINFO(fcinfo, MAX_ARGUMENTS);
	FmgrInfo info;
	va_list	 arguments;
	Datum	 result;

	fmgr_info(function, &info);
	REQUIRE(n_arguments == info.fn_nargs);
	InitFunctionCallInfoData(*fcinfo, &info, n_arguments, InvalidOid, NULL,
							 NULL);
	va_start(arguments, n_arguments);
	for (int i = 0; i < n_arguments; i++)
	{
		fcinfo->args[i].value = va_arg(arguments, Datum);
		fcinfo->args[i].isnull = false;
	}
	va_end(arguments);
	result = FunctionCallInvoke(fcinfo);
	if (is_null)
		*is_null = fcinfo->isnull;
	else
		REQUIRE(!fcinfo->isnull);
	return result;
}

/* The input as a string of the server's encoding; NULL if it is none. */
char *
fuzz_text(const uint8 *data, size_t size)
{
	size_t length = strnlen((const char *) data, size);
	char  *text;

	if (!pg_verifymbstr((const char *) data, length, true))
		return NULL;
	text = palloc(length + 1);
	memcpy(text, data, length);
	text[length] = '\0';
	return text;
}

/* A message as receive functions get it, with a NUL behind it. */
StringInfo
fuzz_message(const char *data, size_t size)
{
	StringInfo message = palloc0(sizeof(StringInfoData));

	message->data = palloc(size + 1);
	memcpy(message->data, data, size);
	message->data[size] = '\0';
	message->len = size;
	message->maxlen = size + 1;
	return message;
}

bool
fuzz_same_bytes(Datum a, Datum b)
{
	struct varlena *x = PG_DETOAST_DATUM_PACKED(a);
	struct varlena *y = PG_DETOAST_DATUM_PACKED(b);

	return VARSIZE_ANY_EXHDR(x) == VARSIZE_ANY_EXHDR(y) &&
		   memcmp(VARDATA_ANY(x), VARDATA_ANY(y), VARSIZE_ANY_EXHDR(x)) == 0;
}

static void
check_error(void)
{
	ErrorData *error = CopyErrorData();

	FlushErrorState();
	if (error->sqlerrcode == ERRCODE_INTERNAL_ERROR ||
		error->message == NULL || isupper((unsigned char) error->message[0]))
	{
		fprintf(stderr, "error %s in %s: %s\n",
				unpack_sql_state(error->sqlerrcode), error->funcname,
				error->message ? error->message : "without a message");
		abort();
	}
}

static int
run_input(const uint8_t *data, size_t size)
{
	MemoryContext context = MemoryContextSwitchTo(input_context);

	PG_TRY();
	{
		current_target(data, size);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(input_context);
		check_error();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	MemoryContextReset(input_context);
	return 0;
}

/* A target by its name; one of another name is a deserialization function. */
static void
choose_target(const char *name)
{
	for (int i = 0; i < lengthof(value_targets); i++)
	{
		if (strcmp(name, value_targets[i].name) == 0)
		{
			current_target = value_targets[i].run;
			return;
		}
	}
	fuzz_state_begin(name);
	current_target = fuzz_state;
}

/* Arguments: target, and libFuzzer's.  Does not return. */
PG_FUNCTION_INFO_V1(fuzz);
Datum
fuzz(PG_FUNCTION_ARGS)
{
	Datum *arguments;
	int	   argc;
	char **argv;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false,
					  TYPALIGN_INT, &arguments, NULL, &argc);
	argv = palloc((argc + 2) * sizeof(char *));
	argv[0] = text_to_cstring(PG_GETARG_TEXT_PP(0));
	for (int i = 0; i < argc; i++)
		argv[i + 1] = TextDatumGetCString(arguments[i]);
	argv[++argc] = NULL;

	input_context = AllocSetContextCreate(TopMemoryContext, "fuzz input",
										  ALLOCSET_DEFAULT_SIZES);
	choose_target(argv[0]);
	LLVMFuzzerRunDriver(&argc, &argv, run_input);
	fflush(NULL);
	_exit(0);
}
