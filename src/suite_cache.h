/*
 * suite_cache.h
 *		Suites that stay ready for use from statement to statement.
 */
#ifndef METAPROBE_SUITE_CACHE_H
#define METAPROBE_SUITE_CACHE_H

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/palloc.h"

#include "compat.h"
#include "probe_suite.h"

/*
 * A suite ready for use.  All calls in this process that have the same suite
 * share one, with the classifier's room to work in: a call must have read what
 * its search found before anything else can run.  What is prepared later is
 * allocated in the same context, and must neither be found unfinished nor be
 * lost there after a longjmp out of it, for the suite survives errors.
 */
typedef struct LoadedSuite
{
	MemoryContext context; /* owns all of it */
	ProbeSuite	 *suite;
	SuiteView	  view;
	Classifier	  classifier;
	Datum		 *label_texts; /* each label as a value of type text */

	/* of a fitted suite: where the curve at hand is mapped to */
	FittedSpace space;
	float	   *point; /* NULL if curves are searched for as they are */
	double	   *point_room;

	/* of metadata_tag, when first needed; gone when another call begins */
	TupleDesc tag_columns;
} LoadedSuite;

/* A moment in a session, as fine as one statement sent by the client. */
typedef struct Moment
{
	LocalTransactionId transaction;
	TimestampTz		   statement;
} Moment;

/*
 * A hold on the suite of the last value that it was given, which is neither
 * changed nor freed meanwhile.  Ends with the memory context that owns it.
 */
typedef struct SuitePin
{
	LoadedSuite *loaded; /* NULL until there has been a value */

	/* where the value was stored, and when that was so; see suite_cache.c */
	struct varatt_external place;
	Moment				   moment;

	MemoryContextCallback at_end;
} SuitePin;

extern void			metaprobe_define_suite_cache_size(void);
extern LoadedSuite *metaprobe_load_suite(const ProbeSuite *suite,
										 MemoryContext	   parent);
extern void metaprobe_suite_begin(LoadedSuite *loaded, const float *losses,
								  int n_epochs, int except);
extern void metaprobe_pin_init(SuitePin *pin, MemoryContext owner);
extern void metaprobe_pin_value(SuitePin *pin, Datum value);

#endif /* METAPROBE_SUITE_CACHE_H */
