/*
 * cpu.c
 *		Which variant of a kernel this CPU runs.
 */
#include "cpu.h"

static enum
{
	UNKNOWN,
	PORTABLE,
	AVX2
} variant = UNKNOWN;

static bool
detect_avx2(void)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	return __builtin_cpu_supports("avx2");
#else
	return false;
#endif
}

/* May the kernels for AVX2 be called? */
bool
metaprobe_cpu_has_avx2(void)
{
	if (variant == UNKNOWN)
		variant = detect_avx2() ? AVX2 : PORTABLE;
	return variant == AVX2;
}

/* Run the portable kernels whatever the CPU has, or no longer: for tests. */
void
metaprobe_cpu_pretend_portable(bool portable)
{
	variant = portable ? PORTABLE : UNKNOWN;
}
