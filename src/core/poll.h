/*
 * poll.h
 *		How long computations let the host cancel them.
 *
 * Loops that can run for more than some milliseconds call metaprobe_poll().
 * The PostgreSQL side points the hook at its interrupt check, which may leave
 * by longjmp: the core owns no memory and no lock, so nothing is lost.
 */
#ifndef METAPROBE_CORE_POLL_H
#define METAPROBE_CORE_POLL_H

extern void (*metaprobe_poll_hook)(void);

static inline void
metaprobe_poll(void)
{
	if (metaprobe_poll_hook)
		metaprobe_poll_hook();
}

#endif /* METAPROBE_CORE_POLL_H */
