/*
 * loss_curve_gist_cost.h
 *		What the planner thinks of the index of curves.
 */
#ifndef METAPROBE_LOSS_CURVE_GIST_COST_H
#define METAPROBE_LOSS_CURVE_GIST_COST_H

/* From now on, in this process. */
extern void loss_curve_gist_install_cost(void);

#endif /* METAPROBE_LOSS_CURVE_GIST_COST_H */
