/*
 * summary_kernels.h
 *		The source of the kernel that bounds the distance of a single curve, for
 *		one width of vectors.
 *
 * Included by summary_bound.c for each variant, with
 *		WIDTH		the lanes of a vector, a divisor of SUMMARY_SEGMENTS
 *		VARIANT(f)	the name of function f in this variant
 *		TARGET		the attributes of its functions
 *
 * A lane is a segment, so a row of levels fills a vector, or two, and nothing
 * is to be summed across lanes before the end.  Each lane is computed as a
 * scalar would be: the width does not change a bit.
 */

#define Lanes VARIANT(Lanes)
#define LaneBits VARIANT(LaneBits)
#define Codes VARIANT(Codes)
#define Bytes VARIANT(Bytes)

typedef float	 Lanes __attribute__((vector_size(WIDTH * sizeof(float))));
typedef int32_t	 LaneBits __attribute__((vector_size(WIDTH * sizeof(float))));
typedef uint16_t Codes __attribute__((vector_size(WIDTH * sizeof(uint16_t))));
typedef uint8_t	 Bytes __attribute__((vector_size(WIDTH)));

#define load(vector, from) memcpy(&(vector), from, sizeof(vector))
#define chosen(mask, a, b) \
	((Lanes) (((mask) & (LaneBits) (a)) | (~(mask) & (LaneBits) (b))))

/* The values above zero; zero for others and NaN. */
#define positive(values) ((LaneBits) (values) & ((values) > 0))

/* How far values are outside of ranges; 0 if either is unknown. */
#define gaps(values, low, high) \
	((Lanes) (positive((low) - (values)) | positive((values) - (high))))

/* As coordinate_of(). */
TARGET ALWAYS_INLINE Lanes
VARIANT(coordinates_of)(const uint16_t *codes)
{
	Codes	 loaded;
	LaneBits code;
	LaneBits bits;

	load(loaded, codes);
	code = __builtin_convertvector(loaded, LaneBits);
	bits = ((code & (SIGN - 1)) + (EXPONENT_SHIFT << DIGITS))
		   << (FLOAT_DIGITS - DIGITS);
	bits |= (code & SIGN) << 16;
	bits &= (code & (SIGN - 1)) != 0;
	bits |= (code == UNKNOWN) & NAN_BITS;
	return (Lanes) bits;
}

/* The parts of segments in a distance, or in its square, by mean and rest. */
TARGET ALWAYS_INLINE Lanes
VARIANT(parts_by_box)(const SummaryQuery *query, Metric metric, int segment,
					  Lanes mean, Lanes rest)
{
	const int second = SUMMARY_SEGMENTS + segment;
	Lanes	  values;
	Lanes	  weights;
	Lanes	  by_mean;
	Lanes	  by_rest;

	load(values, query->coordinates + segment);
	by_mean = gaps(values, mean, mean);
	load(values, query->coordinates + second);
	by_rest = gaps(values, rest, rest);
	if (metric == METRIC_L2)
		return by_mean * by_mean + by_rest * by_rest;
	load(weights, query->l1_weights + segment);
	by_mean *= weights;
	load(weights, query->l1_weights + second);
	by_rest *= weights;
	return chosen(by_mean > by_rest, by_mean, by_rest);
}

/* The levels of a row, from this segment on. */
TARGET ALWAYS_INLINE Lanes
VARIANT(levels_of)(const SummaryQuery *query, const uint8_t *summary, int row,
				   int segment)
{
	const uint8_t *bytes = summary + query->places[row];
	int32_t		   bits =
		(int32_t) ((bytes[0] | (uint32_t) bytes[1] << 8 |
					(uint32_t) bytes[2] << 16 | (uint32_t) bytes[3] << 24) >>
				   query->shifts[row]);
	LaneBits masks;
	Lanes	 units;

	load(masks, level_masks + segment);
	load(units, level_units + segment);
	return __builtin_convertvector(bits & masks, Lanes) * units;
}

/*
 * Likewise by the segments' levels, of which the first and the last are open
 * to one side.
 */
TARGET ALWAYS_INLINE Lanes
VARIANT(parts_by_levels)(const SummaryQuery *query, Metric metric, int segment,
						 Lanes first, Lanes step, const uint8_t *summary)
{
	Lanes sums = {0};

	for (int row = 0; row < query->n_rows[segment + WIDTH - 1]; row++)
	{
		Lanes levels = VARIANT(levels_of)(query, summary, row, segment);
		Lanes means;
		Lanes epochs;
		Lanes below;
		Lanes above;
		Lanes outside;

		load(means, query->means[row] + segment);
		load(epochs, query->epochs[row] + segment);
		below = first + levels * step - means;
		above = means - (first + (levels + 1) * step);
		outside = (Lanes) ((positive(below) & (levels > 0)) |
						   (positive(above) & (levels < N_LEVELS - 1)));
		sums += epochs * (metric == METRIC_L2 ? outside * outside : outside);
	}
	return sums;
}

/* The larger parts of both, of WIDTH segments. */
TARGET ALWAYS_INLINE Lanes
VARIANT(parts_of)(const SummaryQuery *query, Metric metric, int segment,
				  const CurveSummary *summary)
{
	Lanes	 mean = VARIANT(coordinates_of)(summary->coordinates + segment);
	Lanes	 rest = VARIANT(coordinates_of)(summary->coordinates +
											SUMMARY_SEGMENTS + segment);
	Bytes	 loaded;
	LaneBits code;
	Lanes	 roots;
	Lanes	 step;
	Lanes	 first;
	Lanes	 by_box;
	Lanes	 by_levels;

	/* as lay_grid() */
	load(loaded, summary->grids + segment);
	load(roots, query->roots + segment);
	code = __builtin_convertvector(loaded, LaneBits);
	step = rest / roots *
		   (LEAST_STEP +
			STEPS_APART * __builtin_convertvector(code / N_SHIFTS, Lanes));
	first = mean / roots -
			0.5f * __builtin_convertvector(code % N_SHIFTS, Lanes) * step;

	by_box = VARIANT(parts_by_box)(query, metric, segment, mean, rest);
	by_levels = VARIANT(parts_by_levels)(query, metric, segment, first, step,
										 (const uint8_t *) summary);
	return chosen(by_levels > by_box, by_levels, by_box);
}

TARGET ALWAYS_INLINE void
VARIANT(set_parts)(const SummaryQuery *query, Metric metric,
				   const CurveSummary *summary, float *parts)
{
	for (int segment = 0; segment < SUMMARY_SEGMENTS; segment += WIDTH)
	{
		Lanes of_these = VARIANT(parts_of)(query, metric, segment, summary);

		memcpy(parts + segment, &of_these, sizeof(of_these));
	}
}

/* For each metric by itself, so that the compiler sees which it is. */
TARGET static void
VARIANT(set_parts_by)(const SummaryQuery *query, Metric metric,
					  const CurveSummary *summary, float *parts)
{
	if (metric == METRIC_L2)
		VARIANT(set_parts)(query, METRIC_L2, summary, parts);
	else
		VARIANT(set_parts)(query, METRIC_L1, summary, parts);
}

#undef WIDTH
#undef VARIANT
#undef TARGET
#undef Lanes
#undef LaneBits
#undef Codes
#undef Bytes
#undef load
#undef chosen
#undef positive
#undef gaps
