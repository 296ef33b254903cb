/*
 * distribution.h
 *		Tables whose rows Citus keeps on other servers.
 */
#ifndef METAPROBE_DISTRIBUTION_H
#define METAPROBE_DISTRIBUTION_H

#include "executor/spi.h"
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
	bool	  is_known;	  /* to Citus, which lets all nodes ask for it */
	int		  colocation; /* same for tables whose shards lie together */
	int		  n_shards;	  /* 1 unless PLACED_BY_COLUMN */
	char	 *column;	  /* if PLACED_BY_COLUMN */
} Distribution;

extern bool			metaprobe_has_citus(void);
extern Distribution metaprobe_distribution(Oid relid);
extern void			metaprobe_distribute_like(Oid relid, Relation model);
extern void			metaprobe_check_colocated(Relation table, Relation source);
extern void			metaprobe_check_all_nodes_read(SPIPlanPtr plan);

#endif /* METAPROBE_DISTRIBUTION_H */
