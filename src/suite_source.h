/*
 * suite_source.h
 *		Where a classification function's call gets its suite from.
 */
#ifndef METAPROBE_SUITE_SOURCE_H
#define METAPROBE_SUITE_SOURCE_H

#include "access/tupdesc.h"
#include "fmgr.h"

#include "probe_suite.h"

/* A suite ready for use, kept from row to row. */
typedef struct LoadedSuite
{
	MemoryContext context; /* owns all of it */
	ProbeSuite	 *suite;
	SuiteView	  view;
	Classifier	  classifier;
	Datum		 *label_texts; /* each label as a value of type text */
	TupleDesc	  tag_columns; /* of metadata_tag, when first needed */
} LoadedSuite;

extern void			metaprobe_define_default_suite(void);
extern LoadedSuite *metaprobe_suite_for_call(FunctionCallInfo fcinfo,
											 int			  suite_argument);
extern LoadedSuite *metaprobe_load_suite(const ProbeSuite *suite,
										 MemoryContext	   parent);

#endif /* METAPROBE_SUITE_SOURCE_H */
