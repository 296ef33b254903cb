/*
 * test.h
 *		What all unit tests include: cmocka, and comparisons that it lacks.
 */
#ifndef METAPROBE_TEST_H
#define METAPROBE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <math.h>

#include <cmocka.h>

#define LENGTH_OF(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* The same bits; any NaN is the same as any other. */
static inline bool
same_double(double a, double b)
{
	if (isnan(a) || isnan(b))
		return isnan(a) && isnan(b);
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* The same bits, those of a NaN too: losses have only one. */
static inline bool
same_float(float a, float b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* Equal up to a relative error, or both NaN. */
static inline bool
nearly_equal(double a, double b, double tolerance)
{
	if (isnan(a) || isnan(b))
		return isnan(a) && isnan(b);
	return fabs(a - b) <= tolerance * fmax(fabs(a), fabs(b));
}

static inline void
assert_value(bool holds, double got, double expected, int number,
			 const char *file, int line)
{
	if (holds)
		return;
	print_error("# case %d: got %.17g (%a), expected %.17g (%a)\n", number,
				got, got, expected, expected);
	_fail(file, line);
}

static inline void
assert_condition(bool holds, const char *condition, int number,
				 const char *file, int line)
{
	if (holds)
		return;
	print_error("# case %d: not so: %s\n", number, condition);
	_fail(file, line);
}

static inline void
assert_doubles(double got, double expected, int number, const char *file,
			   int line)
{
	assert_value(same_double(got, expected), got, expected, number, file,
				 line);
}

static inline void
assert_floats(float got, float expected, int number, const char *file,
			  int line)
{
	assert_value(same_float(got, expected), got, expected, number, file, line);
}

static inline void
assert_near(double got, double expected, double tolerance, int number,
			const char *file, int line)
{
	assert_value(nearly_equal(got, expected, tolerance), got, expected, number,
				 file, line);
}

static inline void
assert_integers(int64_t got, int64_t expected, int number, const char *file,
				int line)
{
	assert_value(got == expected, (double) got, (double) expected, number,
				 file, line);
}

/*
 * Each assertion takes a number that names the case in a loop (any number
 * outside loops), and evaluates its arguments once: what is asserted of may
 * answer otherwise when it is asked again.
 */
#define assert_same_double(got, expected, number) \
	assert_doubles(got, expected, number, __FILE__, __LINE__)
#define assert_same_float(got, expected, number) \
	assert_floats(got, expected, number, __FILE__, __LINE__)
#define assert_nearly_equal(got, expected, tolerance, number) \
	assert_near(got, expected, tolerance, number, __FILE__, __LINE__)
#define assert_int(got, expected, number) \
	assert_integers(got, expected, number, __FILE__, __LINE__)
#define assert_that(condition, number) \
	assert_condition(condition, #condition, number, __FILE__, __LINE__)

/* Memory of exactly the size asked, so that sanitizers see an overrun. */
static inline void *
allocate(size_t size)
{
	void *memory = malloc(size > 0 ? size : 1);

	assert_non_null(memory);
	return memory;
}

#endif /* METAPROBE_TEST_H */
