/*
 * loss_log.h
 *		Losses recorded in chunks.
 */
#ifndef METAPROBE_LOSS_LOG_H
#define METAPROBE_LOSS_LOG_H

#include "curve_assembly.h"

/* How to read a log. */
typedef struct LossLogOptions
{
	const char *run;	   /* NULL: the only one */
	bool		last_wins; /* of two losses for one epoch; else an error */
	bool		invalid_is_missing; /* a loss that is none; else an error */
} LossLogOptions;

extern void metaprobe_loss_log_read(Oid log, const LossLogOptions *options,
									CurveAssembly *assembly);

#endif /* METAPROBE_LOSS_LOG_H */
