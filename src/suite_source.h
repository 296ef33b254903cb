/*
 * suite_source.h
 *		Where a classification function's call gets its suite from.
 */
#ifndef METAPROBE_SUITE_SOURCE_H
#define METAPROBE_SUITE_SOURCE_H

#include "fmgr.h"

#include "suite_cache.h"

extern void			metaprobe_define_default_suite(void);
extern LoadedSuite *metaprobe_suite_for_call(FunctionCallInfo fcinfo,
											 int			  suite_argument);

#endif /* METAPROBE_SUITE_SOURCE_H */
