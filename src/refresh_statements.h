/*
 * refresh_statements.h
 *		The statements that a refresh of a tag table consists of.
 */
#ifndef METAPROBE_REFRESH_STATEMENTS_H
#define METAPROBE_REFRESH_STATEMENTS_H

#include "pg_config_manual.h"

/* Where a refresh keeps the rows that it is about to tag. */
#define REFRESH_WORK_TABLE "metaprobe_refresh"

/* What the statements speak of, quoted and qualified. */
typedef struct RefreshNames
{
	const char *tag_table;
	const char *source;
	const char *curve;	/* column of the source */
	const char *schema; /* of the extension */
	int			n_keys;
	const char *keys[INDEX_MAX_KEYS];	/* columns of both tables */
	const char *equals[INDEX_MAX_KEYS]; /* their equality operators */
	/* the order of keys as rows; NULL if it is none that ORDER BY gives */
	const char *less;
	const char *at_least;
} RefreshNames;

extern char *metaprobe_bad_key_statement(const RefreshNames *names);
extern char *metaprobe_classify_statement(const RefreshNames *names);
extern char *metaprobe_merge_statement(const RefreshNames *names);

/*
 * A range of keys, and which of its ends are parameters: the keys that it starts
 * with, then those of the row behind it.
 */
typedef struct KeyRange
{
	bool has_start;
	bool has_end;
} KeyRange;

extern char *metaprobe_find_statement(const RefreshNames *names);
extern char *metaprobe_add_statement(const RefreshNames *names, KeyRange range,
									 bool is_on_one_shard);
extern char *metaprobe_change_statement(const RefreshNames *names,
										KeyRange			range);
extern char *metaprobe_remove_statement(const RefreshNames *names,
										KeyRange			range);

#endif /* METAPROBE_REFRESH_STATEMENTS_H */
