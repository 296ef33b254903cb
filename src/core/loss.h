/*
 * loss.h
 *		What a single loss is, for every part of metaprobe.
 *
 * A loss is a float.  A missing epoch is one NaN pattern, and zero is always
 * positive, so that two equal curves are equal byte for byte.  Whatever enters
 * a curve passes through metaprobe_loss_from_double() or the text parser,
 * which see to that.
 */
#ifndef METAPROBE_CORE_LOSS_H
#define METAPROBE_CORE_LOSS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define LOSS_CURVE_MAX_EPOCHS 16000

/* The loss of an epoch for which none was recorded. */
static inline float
metaprobe_missing_loss(void)
{
	const uint32_t quiet_nan = 0x7fc00000;
	float		   missing;

	memcpy(&missing, &quiet_nan, sizeof(missing));
	return missing;
}

static inline bool
metaprobe_loss_is_missing(float loss)
{
	return loss != loss;
}

/*
 * Round a double to a loss: NaN becomes a missing epoch and -0 becomes +0.
 * Returns false, and stores nothing, if the value is infinite or too large for
 * a float.
 */
static inline bool
metaprobe_loss_from_double(double value, float *loss)
{
	float rounded = (float) value;

	if (rounded != rounded)
		*loss = metaprobe_missing_loss();
	else if (isinf(rounded))
		return false;
	else
		*loss = rounded + 0.0f; /* -0 + 0 is +0 */
	return true;
}

extern int metaprobe_losses_compare(const float *a, int n, const float *b,
									int m);

#endif /* METAPROBE_CORE_LOSS_H */
