/*
 * loss.c
 *		The order of loss curves.
 */
#include "loss.h"

/*
 * Compare curves of n and m epochs: by the first epoch that differs, a missing
 * one last, then by length.  Zero exactly if they are equal byte for byte.
 */
int
metaprobe_losses_compare(const float *a, int n, const float *b, int m)
{
	int joint = n < m ? n : m;

	for (int i = 0; i < joint; i++)
	{
		if (a[i] < b[i])
			return -1;
		if (a[i] > b[i])
			return 1;
		if (a[i] == b[i])
			continue;
		if (metaprobe_loss_is_missing(a[i]) != metaprobe_loss_is_missing(b[i]))
			return metaprobe_loss_is_missing(a[i]) ? 1 : -1;
	}
	return (n > m) - (n < m);
}
