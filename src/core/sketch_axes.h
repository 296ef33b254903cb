/*
 * sketch_axes.h
 *		The axes of sketches: which ones, and how many.
 */
#ifndef METAPROBE_CORE_SKETCH_AXES_H
#define METAPROBE_CORE_SKETCH_AXES_H

#include "sketch.h"

/* Beyond this norm a sketch is refused, so that no coordinate overflows. */
#define SKETCH_LARGEST_NORM 1e30

/* The room that building needs beside the sketch. */
typedef struct SketchWorkspace
{
	double *sample;		 /* n_sample rows of n_epochs: centred curves */
	double *next_axes;	 /* as the sketch's axes */
	float  *coordinates; /* n_probes rows of SKETCH_MAX_COORDINATES */
	double *curve;		 /* n_epochs */
	float  *direction;	 /* n_epochs */
	double *distances;	 /* n_sample */
	int		n_sample;
} SketchWorkspace;

extern int	metaprobe_sketch_sample_size(const ProbeCurves *probes);
extern void metaprobe_sketch_choose_axes(Sketch			   *sketch,
										 const ProbeCurves *probes,
										 SketchWorkspace   *work);

#endif /* METAPROBE_CORE_SKETCH_AXES_H */
