/*
 * distance_kernels.h
 *		The source of the distances' kernels, for one width of vectors.
 *
 * Included by distance.c for each variant, with
 *		WIDTH		the lanes of a vector, a divisor of METAPROBE_LANES
 *		VARIANT(f)	the name of function f in this variant
 *		TARGET		the attributes of its functions
 *
 * Each lane is computed as a scalar would be, so that the width does not
 * change a bit, provided the file is compiled without FMA contraction and
 * without -ffast-math.
 *
 * Where is_complete is true no loss of either run is missing, and looking for
 * missing ones is left out.  It is a constant wherever these functions are
 * inlined.
 */

#define N_LANES METAPROBE_LANES
#define N_VECTORS (N_LANES / WIDTH)
#define Losses VARIANT(Losses)
#define Lanes VARIANT(Lanes)
#define LaneMask VARIANT(LaneMask)

typedef float	Losses __attribute__((vector_size(WIDTH * sizeof(float))));
typedef double	Lanes __attribute__((vector_size(WIDTH * sizeof(double))));
typedef int64_t LaneMask __attribute__((vector_size(WIDTH * sizeof(int64_t))));

TARGET ALWAYS_INLINE Lanes
VARIANT(load_lanes)(const float *losses)
{
#if WIDTH == 4
	/* what gcc makes of the other form takes five instructions */
	return _mm256_cvtps_pd(_mm_loadu_ps(losses));
#else
	Losses vector;

	memcpy(&vector, losses, sizeof(vector));
	return __builtin_convertvector(vector, Lanes);
#endif
}

/* Fill a block of lanes with the last epochs, fewer than lanes. */
TARGET ALWAYS_INLINE void
VARIANT(fill_block)(float *block, const float *losses, int n, bool with_zeroes)
{
	const float filler = with_zeroes ? 0 : metaprobe_missing_loss();

#if WIDTH == 4
	const __m128i places = _mm_setr_epi32(0, 1, 2, 3);
	__m128i		  within = _mm_cmpgt_epi32(_mm_set1_epi32(n), places);

	_mm_storeu_ps(block, _mm_blendv_ps(_mm_set1_ps(filler),
									   _mm_maskload_ps(losses, within),
									   _mm_castsi128_ps(within)));
#else
	for (int i = 0; i < N_LANES; i++)
		block[i] = i < n ? losses[i] : filler;
#endif
}

/* The values where the mask is set, +0 elsewhere. */
TARGET ALWAYS_INLINE Lanes
VARIANT(keep_lanes)(Lanes values, LaneMask mask)
{
	return (Lanes) ((LaneMask) values & mask);
}

TARGET ALWAYS_INLINE double
VARIANT(lane_total)(const Lanes *sums)
{
	const double *lanes = (const double *) sums;

	return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

/* Masks are -1 where set, so their sum is minus the count. */
TARGET ALWAYS_INLINE double
VARIANT(lane_count)(const LaneMask *sums)
{
	const int64_t *lanes = (const int64_t *) sums;

	return -(double) (lanes[0] + lanes[1] + lanes[2] + lanes[3]);
}

/* What differences add to lengthwise distances: their squares or sizes. */
TARGET ALWAYS_INLINE Lanes
VARIANT(norms)(Lanes differences, bool is_squared)
{
	const LaneMask no_sign = (LaneMask){0} + INT64_MAX;

	return is_squared ? differences * differences :
						VARIANT(keep_lanes)(differences, no_sign);
}

#define DifferenceSums VARIANT(DifferenceSums)
typedef struct DifferenceSums
{
	Lanes	 sums[N_VECTORS];
	LaneMask observed[N_VECTORS];
} DifferenceSums;

/*
 * Add the n epochs of curve a, against those of a batch of other curves,
 * each with sums of its own, so that one addition need not wait for the last.
 */
TARGET ALWAYS_INLINE void
VARIANT(add_differences)(DifferenceSums *s, const float *a,
						 const float *const *others, int batch, int n,
						 bool is_squared)
{
	FOR_EACH_VECTOR(i, v, n)
	{
		Lanes x = VARIANT(load_lanes)(a + i);

		for (int j = 0; j < batch; j++)
		{
			Lanes	 difference = x - VARIANT(load_lanes)(others[j] + i);
			LaneMask joint = difference == difference;
			Lanes	 norms = VARIANT(norms)(difference, is_squared);

			s[j].sums[v] += VARIANT(keep_lanes)(norms, joint);
			s[j].observed[v] += joint;
		}
	}
}

/* The sum scaled to the full length; NaN without a jointly observed epoch. */
TARGET ALWAYS_INLINE double
VARIANT(scaled_total)(const DifferenceSums *s, int full_length)
{
	double observed = VARIANT(lane_count)(s->observed);

	if (observed == 0)
		return NAN;
	return VARIANT(lane_total)(s->sums) * (full_length / observed);
}

TARGET ALWAYS_INLINE void
VARIANT(lengthwise)(const float *a, const float *const *others, int batch,
					int n, int full_length, bool is_squared, double *results)
{
	DifferenceSums s[MAX_BATCH];

	for (int j = 0; j < batch; j++)
		s[j] = (DifferenceSums){0};
	ADD_EPOCHS(VARIANT(add_differences), VARIANT(fill_block), s, a, others,
			   batch, n, is_squared, is_squared, false);
	for (int j = 0; j < batch; j++)
	{
		results[j] = VARIANT(scaled_total)(&s[j], full_length);
		if (is_squared)
			results[j] = sqrt(results[j]);
	}
}

/* The totals of a batch's sums, each as lane_total() has it. */
TARGET ALWAYS_INLINE void
VARIANT(lane_totals)(Lanes (*sums)[N_VECTORS], int batch, double *totals)
{
#if WIDTH == 4
	if (batch == 4)
	{
		__m256d pairs = _mm256_hadd_pd(sums[0][0], sums[1][0]);
		__m256d others = _mm256_hadd_pd(sums[2][0], sums[3][0]);

		_mm256_storeu_pd(
			totals,
			_mm256_add_pd(_mm256_permute2f128_pd(pairs, others, 0x20),
						  _mm256_permute2f128_pd(pairs, others, 0x31)));
		return;
	}
#endif
	for (int j = 0; j < batch; j++)
		totals[j] = VARIANT(lane_total)(sums[j]);
}

/* Between complete curves nothing but differences is summed. */
TARGET ALWAYS_INLINE void
VARIANT(lengthwise_complete)(const float *a, const float *const *others,
							 int batch, int n, int full_length,
							 bool is_squared, double *results)
{
	int	   rest = n % N_LANES;
	int	   whole = n - rest;
	double scale = full_length / (double) n;
	Lanes  sums[MAX_BATCH][N_VECTORS];
	float  last[N_LANES];
	float  others_last[N_LANES];
	double totals[MAX_BATCH];

	for (int j = 0; j < batch; j++)
	{
		for (int v = 0; v < N_VECTORS; v++)
			sums[j][v] = (Lanes){0};
	}
	FOR_EACH_VECTOR(i, v, whole)
	{
		Lanes x = VARIANT(load_lanes)(a + i);

		for (int j = 0; j < batch; j++)
		{
			Lanes difference = x - VARIANT(load_lanes)(others[j] + i);

			sums[j][v] += VARIANT(norms)(difference, is_squared);
		}
	}
	/* zeroes add nothing */
	VARIANT(fill_block)(last, a + whole, rest, true);
	for (int j = 0; j < batch; j++)
	{
		VARIANT(fill_block)(others_last, others[j] + whole, rest, true);
		for (int v = 0; v < N_VECTORS; v++)
		{
			Lanes difference = VARIANT(load_lanes)(last + v * WIDTH) -
							   VARIANT(load_lanes)(others_last + v * WIDTH);

			sums[j][v] += VARIANT(norms)(difference, is_squared);
		}
	}
	VARIANT(lane_totals)(sums, batch, totals);
	for (int j = 0; j < batch; j++)
		results[j] = is_squared ? sqrt(totals[j] * scale) : totals[j] * scale;
}

/* Sums of products over the jointly observed epochs. */
#define ProductSums VARIANT(ProductSums)
typedef struct ProductSums
{
	Lanes ab[N_VECTORS];
	Lanes aa[N_VECTORS];
	Lanes bb[N_VECTORS];
	Lanes from_a; /* what is first taken from each loss of a, and of b */
	Lanes from_b;
} ProductSums;

TARGET ALWAYS_INLINE void
VARIANT(add_products)(ProductSums *s, const float *a,
					  const float *const *others, int batch, int n,
					  bool is_complete)
{
	FOR_EACH_VECTOR(i, v, n)
	{
		for (int j = 0; j < batch; j++)
		{
			Lanes	 x = VARIANT(load_lanes)(a + i) - s[j].from_a;
			Lanes	 y = VARIANT(load_lanes)(others[j] + i) - s[j].from_b;
			LaneMask joint =
				is_complete ? (LaneMask){0} - 1 : (x == x) & (y == y);

			s[j].ab[v] += VARIANT(keep_lanes)(x * y, joint);
			s[j].aa[v] += VARIANT(keep_lanes)(x * x, joint);
			s[j].bb[v] += VARIANT(keep_lanes)(y * y, joint);
		}
	}
}

TARGET ALWAYS_INLINE double
VARIANT(one_minus_cosine)(const ProductSums *s)
{
	return one_minus_cosine(VARIANT(lane_total)(s->ab),
							VARIANT(lane_total)(s->aa),
							VARIANT(lane_total)(s->bb));
}

/* full_length is not needed: the scale cancels out */
TARGET ALWAYS_INLINE void
VARIANT(cosine)(const float *a, const float *const *others, int batch, int n,
				int full_length, bool is_complete, double *results)
{
	ProductSums s[MAX_BATCH] = {0};

	(void) full_length;
	ADD_EPOCHS(VARIANT(add_products), VARIANT(fill_block), s, a, others, batch,
			   n, is_complete, is_complete, is_complete);
	for (int j = 0; j < batch; j++)
		results[j] = VARIANT(one_minus_cosine)(&s[j]);
}

/* Sums of the jointly observed losses of both curves. */
#define LossSums VARIANT(LossSums)
typedef struct LossSums
{
	Lanes	 a[N_VECTORS];
	Lanes	 b[N_VECTORS];
	LaneMask observed[N_VECTORS];
} LossSums;

TARGET ALWAYS_INLINE void
VARIANT(add_losses)(LossSums *s, const float *a, const float *const *others,
					int batch, int n, bool is_complete)
{
	FOR_EACH_VECTOR(i, v, n)
	{
		for (int j = 0; j < batch; j++)
		{
			Lanes	 x = VARIANT(load_lanes)(a + i);
			Lanes	 y = VARIANT(load_lanes)(others[j] + i);
			LaneMask joint =
				is_complete ? (LaneMask){0} - 1 : (x == x) & (y == y);

			s[j].a[v] += VARIANT(keep_lanes)(x, joint);
			s[j].b[v] += VARIANT(keep_lanes)(y, joint);
			s[j].observed[v] += joint;
		}
	}
}

/*
 * Undefined if either curve is constant: the sum of so many equal floats is
 * exact in double, and so is their mean, so that nothing of them is left.
 */
TARGET ALWAYS_INLINE void
VARIANT(correlation)(const float *a, const float *const *others, int batch,
					 int n, int full_length, bool is_complete, double *results)
{
	LossSums	losses[MAX_BATCH] = {0};
	ProductSums s[MAX_BATCH] = {0};

	(void) full_length;
	ADD_EPOCHS(VARIANT(add_losses), VARIANT(fill_block), losses, a, others,
			   batch, n, is_complete, false, false);
	for (int j = 0; j < batch; j++)
	{
		double observed = VARIANT(lane_count)(losses[j].observed);

		s[j].from_a += VARIANT(lane_total)(losses[j].a) / observed;
		s[j].from_b += VARIANT(lane_total)(losses[j].b) / observed;
	}
	ADD_EPOCHS(VARIANT(add_products), VARIANT(fill_block), s, a, others, batch,
			   n, is_complete, false, false);
	for (int j = 0; j < batch; j++)
		results[j] = VARIANT(one_minus_cosine)(&s[j]);
}

#define InnerSums VARIANT(InnerSums)
typedef struct InnerSums
{
	Lanes from_a;
	Lanes from_others[MAX_BATCH];
	Lanes products[MAX_BATCH][N_VECTORS];
} InnerSums;

/* The mean of a curve without missing losses: as correlation() takes it. */
TARGET static double
VARIANT(mean)(const float *a, int n)
{
	LossSums losses = {0};

	ADD_EPOCHS(VARIANT(add_losses), VARIANT(fill_block), &losses, a, &a, 1, n,
			   true, false, false);
	return VARIANT(lane_total)(losses.a) /
		   VARIANT(lane_count)(losses.observed);
}

/*
 * Inner products of a curve with others, without missing losses, from which
 * something is taken first: as cosine() and correlation() take them.
 */
TARGET ALWAYS_INLINE void
VARIANT(add_inner)(InnerSums *s, const float *a, const float *const *others,
				   int batch, int n, bool is_complete)
{
	FOR_EACH_VECTOR(i, v, n)
	{
		Lanes x = VARIANT(load_lanes)(a + i) - s->from_a;

		for (int j = 0; j < batch; j++)
		{
			Lanes y = VARIANT(load_lanes)(others[j] + i) - s->from_others[j];
			Lanes product = x * y;

			if (!is_complete)
				product = VARIANT(keep_lanes)(product, product == product);
			s->products[j][v] += product;
		}
	}
}

TARGET ALWAYS_INLINE void
VARIANT(inner_batch)(const float *a, double from_a, const float *const *others,
					 const double *from_others, int batch, int n,
					 double *products)
{
	InnerSums s;

	s.from_a = (Lanes){0} + from_a;
	for (int j = 0; j < batch; j++)
	{
		s.from_others[j] = (Lanes){0} + from_others[j];
		for (int v = 0; v < N_VECTORS; v++)
			s.products[j][v] = (Lanes){0};
	}
	ADD_EPOCHS(VARIANT(add_inner), VARIANT(fill_block), &s, a, others, batch,
			   n, true, false, false);
	for (int j = 0; j < batch; j++)
		products[j] = VARIANT(lane_total)(s.products[j]);
}

TARGET static void
VARIANT(inner)(const float *a, double from_a, const float *const *others,
			   const double *from_others, int n_others, int n,
			   double *products)
{
	int j = 0;

	for (; j + MAX_BATCH <= n_others; j += MAX_BATCH)
		VARIANT(inner_batch)
	(a, from_a, others + j, from_others + j, MAX_BATCH, n, products + j);
	for (; j < n_others; j++)
		VARIANT(inner_batch)
	(a, from_a, others + j, from_others + j, 1, n, products + j);
}

/*
 * A kernel as a function: whole batches first.  Of those left a single one is
 * taken alone, more as a batch that is filled up with the last of them.
 */
#define KERNEL(name, metric, batch, flag) \
	TARGET static void VARIANT( \
		name)(const float *a, const float *const *others, int n_others, \
			  int n, int full_length, double *results) \
	{ \
		int j = 0; \
\
		for (; j + (batch) <= n_others; j += (batch)) \
			VARIANT(metric) \
		(a, others + j, batch, n, full_length, flag, results + j); \
		if (n_others - j > 1) \
		{ \
			const float *rest[MAX_BATCH]; \
			double		 found[MAX_BATCH]; \
\
			for (int i = 0; i < (batch); i++) \
				rest[i] = others[j + i < n_others ? j + i : n_others - 1]; \
			VARIANT(metric)(a, rest, batch, n, full_length, flag, found); \
			memcpy(results + j, found, (n_others - j) * sizeof(double)); \
		} \
		else if (j < n_others) \
			VARIANT(metric) \
		(a, others + j, 1, n, full_length, flag, results + j); \
	}

KERNEL(l2_any, lengthwise, 2, true)
KERNEL(l1_any, lengthwise, 2, false)
KERNEL(l2_complete, lengthwise_complete, MAX_BATCH, true)
KERNEL(l1_complete, lengthwise_complete, MAX_BATCH, false)
KERNEL(cosine_any, cosine, 1, false)
KERNEL(cosine_complete, cosine, 2, true)
KERNEL(correlation_any, correlation, 1, false)
KERNEL(correlation_complete, correlation, 2, true)

static const DistanceKernels VARIANT(kernels) = {
	{VARIANT(l2_any), VARIANT(l1_any), VARIANT(cosine_any),
	 VARIANT(correlation_any)},
	{VARIANT(l2_complete), VARIANT(l1_complete), VARIANT(cosine_complete),
	 VARIANT(correlation_complete)},
	VARIANT(mean),
	VARIANT(inner)};

#undef N_LANES
#undef N_VECTORS
#undef Losses
#undef Lanes
#undef LaneMask
#undef DifferenceSums
#undef ProductSums
#undef LossSums
#undef InnerSums
#undef KERNEL
#undef WIDTH
#undef VARIANT
#undef TARGET
