/*
 * chart.c
 *		The chart of a tag table.
 *
 * Charts are made by SQL functions (chart.sql).  Only the name of a relation
 * needs a query of its own.
 */
#include "postgres.h"

#include "access/relation.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "relation.h"

/* The labels of a relation and how many rows have each, as a chart. */
static char *
chart_statement(Oid function, Oid relid)
{
	Relation relation = metaprobe_open_readable(relid);
	char	*schema = get_namespace_name(get_func_namespace(function));
	char	*sql;

	metaprobe_column_by_name(relation, "label");
	sql = psprintf(
		"SELECT %s.tag_chart("
		"coalesce(pg_catalog.array_agg(t.label), '{}'::pg_catalog.text[]), "
		"coalesce(pg_catalog.array_agg(t.tags), '{}'::pg_catalog.int8[])) "
		"FROM (SELECT r.label::pg_catalog.text AS label, "
		"pg_catalog.count(*) AS tags FROM %s AS r GROUP BY r.label) AS t",
		quote_identifier(schema), metaprobe_quoted_relation(relation));
	relation_close(relation, NoLock);
	return sql;
}

/* tag_chart(tag_table): any relation will do that has a column `label` */
PG_FUNCTION_INFO_V1(metaprobe_tag_chart);
Datum
metaprobe_tag_chart(PG_FUNCTION_ARGS)
{
	char *sql = chart_statement(fcinfo->flinfo->fn_oid, PG_GETARG_OID(0));
	Datum chart;
	bool  isnull;

	SPI_connect();
	if (SPI_execute(sql, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not execute: %s", sql);
	chart = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
						  &isnull);
	Assert(!isnull);
	chart = SPI_datumTransfer(chart, false, -1);
	SPI_finish();
	PG_RETURN_DATUM(chart);
}
