/*
 * loss_curve_gist.h
 *		What the index of curves and the condition that it serves share.
 */
#ifndef METAPROBE_LOSS_CURVE_GIST_H
#define METAPROBE_LOSS_CURVE_GIST_H

#include "fmgr.h"

#include "loss_curve.h"

/* The operators that the operator class gives numbers to. */
#define LOSS_CURVE_GIST_L2 1
#define LOSS_CURVE_GIST_L1 2
#define LOSS_CURVE_GIST_IN_BALL 3

/* A centre of NULL, or a NULL radius, is no ball. */
extern bool loss_curve_ball_open(Datum datum, LossCurve **centre,
								 double *radius);

#endif /* METAPROBE_LOSS_CURVE_GIST_H */
