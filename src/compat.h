/*
 * compat.h
 *		All that differs between the server versions metaprobe builds on.
 *
 * Written against PostgreSQL 15; no other file looks at PG_VERSION_NUM.
 */
#ifndef METAPROBE_COMPAT_H
#define METAPROBE_COMPAT_H

#include "catalog/pg_class.h"
#include "commands/vacuum.h"
#include "common/jsonapi.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/regproc.h"

#if PG_VERSION_NUM < 150000
#error "metaprobe needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#include "varatt.h"
#endif

/*
 * Soft errors, from 16: with an error context the input function returns and
 * the caller decides; without one, and before, the error is thrown.
 */
#if PG_VERSION_NUM >= 160000
#define metaprobe_ereturn(escontext, result, ...) \
	ereturn(escontext, result, __VA_ARGS__)
#else
#define metaprobe_ereturn(escontext, result, ...) ereport(ERROR, __VA_ARGS__)
#endif

static inline bool
metaprobe_soft_error_occurred(Node *escontext)
{
#if PG_VERSION_NUM >= 160000
	return SOFT_ERROR_OCCURRED(escontext);
#else
	return false;
#endif
}

/* PG_MODULE_MAGIC that names the module, from 18. */
#if PG_VERSION_NUM >= 180000
#define METAPROBE_MODULE_MAGIC \
	PG_MODULE_MAGIC_EXT(.name = "metaprobe", .version = METAPROBE_VERSION)
#else
#define METAPROBE_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/* The number of the transaction within this process. */
static inline LocalTransactionId
metaprobe_local_transaction(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProc->vxid.lxid;
#else
	return MyProc->lxid;
#endif
}

/* The column's statistics target; the typanalyze function's to default. */
static inline int
metaprobe_statistics_target(VacAttrStats *stats)
{
#if PG_VERSION_NUM >= 170000
	if (stats->attstattarget < 0)
		stats->attstattarget = default_statistics_target;
	return stats->attstattarget;
#else
	if (stats->attr->attstattarget < 0)
		stats->attr->attstattarget = default_statistics_target;
	return stats->attr->attstattarget;
#endif
}

/* The parts of a qualified name; 16 added an error context. */
static inline List *
metaprobe_qualified_name_list(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return stringToQualifiedNameList(name, NULL);
#else
	return stringToQualifiedNameList(name);
#endif
}

/* Does the current user own the relation? */
static inline bool
metaprobe_owns_relation(Oid relation)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relation, GetUserId());
#else
	return pg_class_ownercheck(relation, GetUserId());
#endif
}

/* A text and its length before it, in the client's encoding. */
static inline void
metaprobe_send_counted_text(StringInfo message, const char *text, int length)
{
#if PG_VERSION_NUM >= 170000
	pq_sendcountedtext(message, text, length);
#else
	pq_sendcountedtext(message, text, length, false);
#endif
}

/* Let VACUUM and ANALYZE nap; the argument came in 18. */
static inline void
metaprobe_analyze_delay_point(void)
{
#if PG_VERSION_NUM >= 180000
	vacuum_delay_point(true);
#else
	vacuum_delay_point();
#endif
}

/*
 * JSON events.  Handlers return a status from 16 on and nothing before, and
 * the lexer's constructor changed in 17.
 */
#if PG_VERSION_NUM >= 160000
#define JSON_HANDLER static JsonParseErrorType
#define JSON_HANDLER_DONE return JSON_SUCCESS
#define metaprobe_json_fail(escontext, ...) \
	do \
	{ \
		if (!metaprobe_soft_error_occurred(escontext)) \
			errsave(escontext, __VA_ARGS__); \
		return JSON_SEM_ACTION_FAILED; \
	} while (0)
#else
#define JSON_HANDLER static void
#define JSON_HANDLER_DONE return
#define metaprobe_json_fail(escontext, ...) ereport(ERROR, __VA_ARGS__)
#endif

static inline JsonLexContext *
metaprobe_json_lexer(char *json, int length)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, json, length,
										GetDatabaseEncoding(), true);
#else
	return makeJsonLexContextCstringLen(json, length, GetDatabaseEncoding(),
										true);
#endif
}

#endif /* METAPROBE_COMPAT_H */
