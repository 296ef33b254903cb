/*
 * metaprobe.c
 *		What the library does when it is loaded.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "compat.h"
#include "core/poll.h"
#include "suite_source.h"

METAPROBE_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

static void
check_for_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

void
_PG_init(void)
{
	metaprobe_poll_hook = check_for_interrupts;
	metaprobe_define_default_suite();
	metaprobe_define_suite_cache_size();
	MarkGUCPrefixReserved("metaprobe");
}
