/*
 * fuzz.h
 *		What the targets share.
 */
#ifndef METAPROBE_FUZZ_H
#define METAPROBE_FUZZ_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"

/* Ends the run, which keeps the input, if what must hold does not. */
#define REQUIRE(condition) \
	do \
	{ \
		if (!(condition)) \
			fuzz_fail(#condition, __FILE__, __LINE__); \
	} while (0)

/* fuzz.c */
extern void fuzz_fail(const char *what, const char *file, int line)
	pg_attribute_noreturn();
extern Oid		  fuzz_function(const char *signature);
extern Datum	  fuzz_call(Oid function, bool *is_null, int n_arguments, ...);
extern char		 *fuzz_text(const uint8 *data, size_t size);
extern StringInfo fuzz_message(const char *data, size_t size);
extern bool		  fuzz_same_bytes(Datum a, Datum b);

/* fuzz_values.c: everything that must hold of a value */
extern void fuzz_check_curve(Datum curve);
extern void fuzz_check_suite(Datum suite);
extern void fuzz_check_value(Datum value, Oid type);
extern void fuzz_curve_text(const uint8 *data, size_t size);
extern void fuzz_curve_binary(const uint8 *data, size_t size);
extern void fuzz_suite_text(const uint8 *data, size_t size);
extern void fuzz_suite_binary(const uint8 *data, size_t size);
extern void fuzz_moments_binary(const uint8 *data, size_t size);
extern void fuzz_neighbours_binary(const uint8 *data, size_t size);

/* fuzz_state.c */
extern void fuzz_state_begin(const char *deserialize);
extern void fuzz_state(const uint8 *data, size_t size);

#endif /* METAPROBE_FUZZ_H */
