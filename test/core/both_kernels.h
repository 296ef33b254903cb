/*
 * both_kernels.h
 *		Tests that run with the CPU's own kernels and with the portable ones.
 */
#ifndef METAPROBE_TEST_BOTH_KERNELS_H
#define METAPROBE_TEST_BOTH_KERNELS_H

#include "cpu.h"
#include "test.h"

static inline int
use_portable_kernels(void **state)
{
	(void) state;
	metaprobe_cpu_pretend_portable(true);
	return 0;
}

static inline int
use_best_kernels(void **state)
{
	(void) state;
	metaprobe_cpu_pretend_portable(false);
	return 0;
}

/* Two entries of an array of tests. */
#define test_with_both_kernels(f) \
	cmocka_unit_test(f), \
	{ \
#f "_portable", f, use_portable_kernels, use_best_kernels, NULL \
	}

#endif /* METAPROBE_TEST_BOTH_KERNELS_H */
