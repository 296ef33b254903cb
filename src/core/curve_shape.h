/*
 * curve_shape.h
 *		Curves made of curves: resampled, smoothed, drawn small.
 */
#ifndef METAPROBE_CORE_CURVE_SHAPE_H
#define METAPROBE_CORE_CURVE_SHAPE_H

#define SPARK_MISSING 0 /* the level of a column without losses */
#define SPARK_LEVELS 8	/* levels of other columns: 1 to this */

extern void metaprobe_resample(const float *curve, int n, float *resampled,
							   int m);
extern void metaprobe_smooth(const float *curve, int n, int window,
							 float *smoothed);
extern void metaprobe_spark_levels(const float *curve, int n, int width,
								   unsigned char *levels);

#endif /* METAPROBE_CORE_CURVE_SHAPE_H */
