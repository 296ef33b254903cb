/*
 * tag_table.h
 *		What a tag table is made of.
 */
#ifndef METAPROBE_TAG_TABLE_H
#define METAPROBE_TAG_TABLE_H

#include "access/attnum.h"
#include "utils/relcache.h"

/* The columns that say which row of the source a tag belongs to. */
typedef struct TagKey
{
	int		   n;
	AttrNumber columns[INDEX_MAX_KEYS]; /* of the relation it was asked of */
	Oid		   equals[INDEX_MAX_KEYS];	/* equality by its index */
	Oid		   less[INDEX_MAX_KEYS];	/* and order */
	Oid		   at_least[INDEX_MAX_KEYS];
} TagKey;

/* The columns after the key: those of metadata_tag, then the origin. */
#define N_TAG_COLUMNS 10
#define N_METADATA_COLUMNS 7 /* of them, those of metadata_tag */

typedef struct TagColumn
{
	const char *name;
	const char *type; /* in schema pg_catalog */
	const char *constraint;
	const char *comment;
} TagColumn;

extern const TagColumn metaprobe_tag_columns[N_TAG_COLUMNS];

extern bool metaprobe_primary_key(Relation relation, TagKey *key);
extern bool metaprobe_has_unique_key(Relation		   relation,
									 const AttrNumber *columns, int n);

#endif /* METAPROBE_TAG_TABLE_H */
