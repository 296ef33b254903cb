/*
 * relation.h
 *		Relations and types by their names, and names for queries.
 */
#ifndef METAPROBE_RELATION_H
#define METAPROBE_RELATION_H

#include "access/attnum.h"
#include "fmgr.h"
#include "utils/relcache.h"

extern Relation	  metaprobe_open_readable(Oid relid);
extern char		 *metaprobe_quoted_relation(Relation relation);
extern AttrNumber metaprobe_column_by_name(Relation	   relation,
										   const char *name);
extern Oid		  metaprobe_type_in_namespace(const char *name, Oid namespace);
extern char		 *metaprobe_curve_column(Relation	 relation, Oid namespace,
										 const char *wanted);
extern char		 *metaprobe_creation_name(text *name);
extern void		  metaprobe_execute_command(const char *sql);

#endif /* METAPROBE_RELATION_H */
