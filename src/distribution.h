/*
 * distribution.h
 *		Tables whose rows Citus keeps on other servers.
 */
#ifndef METAPROBE_DISTRIBUTION_H
#define METAPROBE_DISTRIBUTION_H

#include "utils/relcache.h"

typedef enum Placement
{
	PLACED_HERE,		 /* on this server, whatever else it may be */
	PLACED_EVERYWHERE,	 /* a reference table: whole, on every server */
	PLACED_ON_ONE_SHARD, /* whole, on some server */
	PLACED_BY_COLUMN	 /* in shards, by the hash of a column */
} Placement;

typedef struct Distribution
{
	Placement placement;
	int		  colocation; /* same for tables whose shards lie together */
	int		  n_shards;	  /* 1 unless PLACED_BY_COLUMN */
	char	 *column;	  /* if PLACED_BY_COLUMN */
} Distribution;

extern Distribution metaprobe_distribution(Oid relid);
extern void			metaprobe_distribute_like(Oid relid, Relation model);
extern void			metaprobe_check_colocated(Relation table, Relation source);
extern void			metaprobe_lock_on_every_node(const char *quoted_table);
extern bool			metaprobe_serves_another_node(void);

#endif /* METAPROBE_DISTRIBUTION_H */
