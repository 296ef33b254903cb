/*
 * probe_suite_operators.c
 *		Equality and hashing of probe suites.
 *
 * Suites are equal if they have the same probes and settings, in whatever
 * layout.  Most that differ are told apart by the hash in their heads, for which
 * a stored suite is not read as a whole.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"

#include "compat.h"
#include "probe_suite.h"

/* The binary form has all of a suite's content, and nothing else. */
static bytea *
content(Datum suite)
{
	return DatumGetByteaPP(
		DirectFunctionCall1(metaprobe_probe_suite_send, suite));
}

static bool
has_same_content(Datum a, Datum b)
{
	bytea *one = content(a);
	bytea *other = content(b);
	bool   is_same = VARSIZE_ANY_EXHDR(one) == VARSIZE_ANY_EXHDR(other) &&
				   memcmp(VARDATA_ANY(one), VARDATA_ANY(other),
						  VARSIZE_ANY_EXHDR(one)) == 0;

	pfree(one);
	pfree(other);
	return is_same;
}

static bool
are_equal(Datum a, Datum b)
{
	return metaprobe_suite_hash_of_datum(a) ==
			   metaprobe_suite_hash_of_datum(b) &&
		   has_same_content(a, b);
}

PG_FUNCTION_INFO_V1(metaprobe_probe_suite_eq);
Datum
metaprobe_probe_suite_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(are_equal(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}

PG_FUNCTION_INFO_V1(metaprobe_probe_suite_ne);
Datum
metaprobe_probe_suite_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!are_equal(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}

PG_FUNCTION_INFO_V1(metaprobe_probe_suite_hash);
Datum
metaprobe_probe_suite_hash(PG_FUNCTION_ARGS)
{
	uint64 hash = metaprobe_suite_hash_of_datum(PG_GETARG_DATUM(0));

	PG_RETURN_UINT32(hash_bytes((unsigned char *) &hash, sizeof(hash)));
}

PG_FUNCTION_INFO_V1(metaprobe_probe_suite_hash_extended);
Datum
metaprobe_probe_suite_hash_extended(PG_FUNCTION_ARGS)
{
	uint64 hash = metaprobe_suite_hash_of_datum(PG_GETARG_DATUM(0));

	PG_RETURN_UINT64(hash_bytes_extended((unsigned char *) &hash, sizeof(hash),
										 PG_GETARG_INT64(1)));
}
