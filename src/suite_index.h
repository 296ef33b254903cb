/*
 * suite_index.h
 *		Indexes of loaded suites.
 */
#ifndef METAPROBE_SUITE_INDEX_H
#define METAPROBE_SUITE_INDEX_H

#include "suite_source.h"

extern void metaprobe_suite_add_indexes(LoadedSuite *suite);

#endif /* METAPROBE_SUITE_INDEX_H */
