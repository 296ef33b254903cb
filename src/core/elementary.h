/*
 * elementary.h
 *		Exponential, logarithm and cube root with the same bits everywhere.
 *
 * The C library's differ between its versions, and within one by the CPU.
 * These use additions, multiplications, divisions and operations on bits only,
 * all of them exactly rounded, in one order.
 *
 * Their errors are below 0.65 units in the last place (0.9 for expm1, 1.1 where
 * an exponential is subnormal).  Special cases are those of C's functions
 * without the prefix, as of C11 annex F; no exceptions are promised.
 */
#ifndef METAPROBE_CORE_ELEMENTARY_H
#define METAPROBE_CORE_ELEMENTARY_H

extern double metaprobe_exp(double x);
extern double metaprobe_expm1(double x);
extern double metaprobe_log(double x);
extern double metaprobe_cbrt(double x);

#endif /* METAPROBE_CORE_ELEMENTARY_H */
