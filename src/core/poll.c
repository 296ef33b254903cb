/*
 * poll.c
 *		The hook behind metaprobe_poll(); unset without a host.
 */
#include "poll.h"

#include <stddef.h>

void (*metaprobe_poll_hook)(void) = NULL;
