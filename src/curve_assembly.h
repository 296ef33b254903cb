/*
 * curve_assembly.h
 *		Curves from losses that come in any order, in bounded memory.
 */
#ifndef METAPROBE_CURVE_ASSEMBLY_H
#define METAPROBE_CURVE_ASSEMBLY_H

#include "curve_table.h"

typedef struct CurveAssembly CurveAssembly;

extern CurveAssembly *metaprobe_assembly_create(Size memory, bool last_wins);
extern void metaprobe_assembly_add(CurveAssembly *assembly, int epoch,
								   const int64 *ids, const float *losses,
								   int n);
extern void metaprobe_assembly_finish(CurveAssembly *assembly, CurveSink sink,
									  void *target);

#endif /* METAPROBE_CURVE_ASSEMBLY_H */
