/*
 * fitted_kernels.h
 *		The source of the loops that map curves into fitted spaces.
 *
 * Included by fitted_space.c for each variant, with
 *		VARIANT(f)	the name of function f in this variant
 *		TARGET		the attributes of its functions
 *
 * Plain loops for the vectoriser: no iteration depends on another, so that the
 * width of vectors does not change a bit.
 */

/* y += factor * x */
TARGET static void
VARIANT(add_multiple)(double *restrict y, double	factor,
					  const double *restrict x, int n)
{
	for (int i = 0; i < n; i++)
		y[i] += factor * x[i];
}

/*
 * The first n coordinates of the triangle times x: every sum from the first
 * column to the last.  Some columns at a time, so that sums are loaded and
 * stored less often.
 */
TARGET static void
VARIANT(multiply_triangle)(const double *restrict triangle, int n_rows,
						   const double *restrict x, double *restrict y, int n)
{
	int j = 0;

	for (int i = 0; i < n; i++)
		y[i] = 0;
	for (; j + 4 <= n; j += 4)
	{
		const double *a = triangle;
		const double *b = a + (n_rows - j);
		const double *c = b + (n_rows - j - 1);
		const double *d = c + (n_rows - j - 2);

		y[j] += a[0] * x[j];
		y[j + 1] += a[1] * x[j];
		y[j + 1] += b[0] * x[j + 1];
		y[j + 2] += a[2] * x[j];
		y[j + 2] += b[1] * x[j + 1];
		y[j + 2] += c[0] * x[j + 2];
		for (int i = 3; i < n - j; i++)
		{
			double sum = y[j + i];

			sum += a[i] * x[j];
			sum += b[i - 1] * x[j + 1];
			sum += c[i - 2] * x[j + 2];
			sum += d[i - 3] * x[j + 3];
			y[j + i] = sum;
		}
		triangle = d + (n_rows - j - 3);
	}
	for (; j < n; j++)
	{
		for (int i = 0; i < n - j; i++)
			y[j + i] += triangle[i] * x[j];
		triangle += n_rows - j;
	}
}

TARGET static void
VARIANT(widen)(const float *restrict losses, double *restrict x, int n)
{
	for (int i = 0; i < n; i++)
		x[i] = losses[i];
}

TARGET static void
VARIANT(take_cube_roots)(double *x, int n)
{
	for (int i = 0; i < n; i++)
		x[i] = cube_root(x[i]);
}

TARGET static void
VARIANT(take_logarithms)(double *x, int n)
{
	for (int i = 0; i < n; i++)
		x[i] = signed_logarithm(x[i]);
}

/* Coordinates as floats, never -0.  Returns whether all are finite. */
TARGET static bool
VARIANT(narrow)(const double *restrict y, float *restrict point, int n)
{
	const uint32_t infinity = 0x7f800000;
	uint32_t	   n_infinite = 0;

	for (int i = 0; i < n; i++)
		point[i] = (float) y[i] + 0.0f;
	for (int i = 0; i < n; i++)
	{
		uint32_t bits;

		memcpy(&bits, &point[i], sizeof(bits));
		n_infinite += (bits & infinity) == infinity;
	}
	return n_infinite == 0;
}

static const FittedKernels VARIANT(kernels) = {
	VARIANT(add_multiple),	  VARIANT(multiply_triangle), VARIANT(widen),
	VARIANT(take_cube_roots), VARIANT(take_logarithms),	  VARIANT(narrow)};

#undef VARIANT
#undef TARGET
