/*
 * names.h
 *		The order of labels and ids.
 */
#ifndef METAPROBE_NAMES_H
#define METAPROBE_NAMES_H

/*
 * C order, whatever the collation of the database: by bytes, and the shorter
 * of two names first if it starts the longer.
 */
static inline int
metaprobe_compare_names(const char *a, int a_length, const char *b,
						int b_length)
{
	int order = memcmp(a, b, Min(a_length, b_length));

	if (order != 0)
		return order;
	return (a_length > b_length) - (a_length < b_length);
}

#endif /* METAPROBE_NAMES_H */
