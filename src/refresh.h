/*
 * refresh.h
 *		A call of refresh_tags, and the steps it is made of.
 */
#ifndef METAPROBE_REFRESH_H
#define METAPROBE_REFRESH_H

#include "distribution.h"
#include "probe_suite.h"
#include "refresh_statements.h"
#include "storage/block.h"
#include "storage/lockdefs.h"
#include "utils/timestamp.h"

typedef struct Refresh
{
	Oid tag_table;
	Oid source;
	Oid suite;
	Oid namespace; /* of the extension */
	const char *curve_column;
	int			batch_size;
	bool		is_atomic; /* within a transaction that is not ours */

	Distribution distribution; /* of the tag table */

	/* the present step, a transaction if it is not atomic */
	MemoryContext step_context;
	RefreshNames  names;
	bool		  is_keyed; /* an index finds the source's rows by key */
	ProbeSuite	 *step_suite;

	uint64		classified_by; /* hash of the suite */
	int64		n_tags;		   /* before */
	int64		n_work;
	BlockNumber n_blocks; /* of the work table */
	int64		added;
	int64		changed;
	int64		removed;

	TimestampTz merge_start;
	TimestampTz last_report;
} Refresh;

extern void	 metaprobe_refresh_begin_step(Refresh *refresh, LOCKMODE lock);
extern void	 metaprobe_refresh_end_step(Refresh *refresh);
extern int64 metaprobe_refresh_execute(const char *sql, int n_parameters,
									   Oid *types, Datum *values, int options,
									   int expected);
extern Datum metaprobe_refresh_suite_hash(const Refresh *refresh);
extern void	 metaprobe_refresh_check_keys(const Refresh *refresh);
extern void	 metaprobe_refresh_count_tags(Refresh *refresh);
extern void	 metaprobe_refresh_announce(const Refresh *refresh);
extern void	 metaprobe_refresh_begin_reports(Refresh *refresh);
extern void	 metaprobe_refresh_report(Refresh *refresh, int64 done,
									  int64 total);

extern void metaprobe_refresh_on_shards(Refresh *refresh);

#endif /* METAPROBE_REFRESH_H */
