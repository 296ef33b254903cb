/*
 * curve_assembly.h
 *		Curves from losses that come in any order, in bounded memory.
 */
#ifndef METAPROBE_CURVE_ASSEMBLY_H
#define METAPROBE_CURVE_ASSEMBLY_H

typedef struct CurveAssembly CurveAssembly;

/* Is called with each finished curve; the losses are its own only meanwhile. */
typedef void (*CurveSink)(void *target, int64 id, const float *losses,
						  int n_epochs);

extern CurveAssembly *metaprobe_assembly_create(Size memory, bool last_wins);
extern void			  metaprobe_assembly_add(CurveAssembly *assembly, int64 id,
											 int epoch, float loss);
extern void metaprobe_assembly_finish(CurveAssembly *assembly, CurveSink sink,
									  void *target);

#endif /* METAPROBE_CURVE_ASSEMBLY_H */
