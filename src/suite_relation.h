/*
 * suite_relation.h
 *		Suites read from a relation.
 */
#ifndef METAPROBE_SUITE_RELATION_H
#define METAPROBE_SUITE_RELATION_H

#include "probe_suite.h"

extern ProbeSuite *metaprobe_relation_suite(Oid	  relation,
											Oid	  function_namespace,
											bool *is_decided_by_snapshot);

#endif /* METAPROBE_SUITE_RELATION_H */
