/*
 * cpu.h
 *		Which variant of a kernel this CPU runs.
 *
 * Kernels are compiled from one source for what every CPU of the architecture
 * has, and again for AVX2; which one runs is chosen at run time, so that one
 * library serves every machine.
 */
#ifndef METAPROBE_CORE_CPU_H
#define METAPROBE_CORE_CPU_H

#include <stdbool.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define METAPROBE_HAVE_AVX2_KERNELS
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))

extern bool metaprobe_cpu_has_avx2(void);
extern void metaprobe_cpu_pretend_portable(bool portable);

#endif /* METAPROBE_CORE_CPU_H */
