/*
 * metaprobe.c
 *		What the library does when it is loaded, and which version it is.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "compat.h"
#include "core/poll.h"
#include "loss_curve_gist_cost.h"
#include "suite_source.h"

METAPROBE_MODULE_MAGIC;

#define VERSION_PARTS 3

extern PGDLLEXPORT void _PG_init(void);

static void
check_for_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

void
_PG_init(void)
{
	metaprobe_poll_hook = check_for_interrupts;
	metaprobe_define_default_suite();
	metaprobe_define_suite_cache_size();
	MarkGUCPrefixReserved("metaprobe");
	loss_curve_gist_install_cost();
}

/* Up to three numbers with points between them; those left out are 0. */
static void
parse_version(const char *version, long parts[VERSION_PARTS])
{
	const char *rest = version;
	bool		ok = true;

	for (int i = 0; i < VERSION_PARTS; i++)
	{
		char *end;

		parts[i] = 0;
		if (i > 0 && *rest == '\0')
			continue;
		ok = ok && (i == 0 || *rest++ == '.') && *rest >= '0' && *rest <= '9';
		if (ok)
		{
			parts[i] = strtol(rest, &end, 10);
			rest = end;
		}
	}
	if (!ok || *rest != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a version of metaprobe", version),
				 errhint("A version is three numbers, such as 1.2.3.")));
}

/*
 * The version of the library; an error if it is older than the caller needs, as
 * the install and upgrade scripts ask first of all.  A library from before 0.2.0
 * has nothing to ask, so there it is the missing symbol's name that tells.
 */
PG_FUNCTION_INFO_V1(metaprobe_library_0_2_0_or_newer);
Datum
metaprobe_library_0_2_0_or_newer(PG_FUNCTION_ARGS)
{
	char *needed = text_to_cstring(PG_GETARG_TEXT_PP(0));
	long  have[VERSION_PARTS];
	long  need[VERSION_PARTS];

	parse_version(METAPROBE_VERSION, have);
	parse_version(needed, need);
	for (int i = 0; i < VERSION_PARTS && have[i] <= need[i]; i++)
	{
		if (have[i] < need[i])
			ereport(
				ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg(
					 "metaprobe's library is version %s, but %s or newer is needed",
					 METAPROBE_VERSION, needed),
				 errhint("Install the newer library, then reconnect: "
						 "a session keeps the library that it has loaded.")));
	}
	PG_RETURN_TEXT_P(cstring_to_text(METAPROBE_VERSION));
}
