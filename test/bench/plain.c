/*
 * plain.c
 *		What a C programmer writes first: the distances to all probes, and of
 *		them the k smallest.  No probe is left out by a bound.
 *
 * nearest_by_*: float32.  A block of 16 probes, their losses side by side so
 * that they fill vector registers, meets four rows at a time, and all rows of a
 * tile while it is in the cache.  Values are squares, sums or negated products.
 *
 * nearest_by_dtw: the dynamic programme in double precision, within a band.
 *
 * plain.py compiles it for the machine at hand and runs a thread for each CPU.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define LANES 8
#define BLOCK (2 * LANES) /* probes */
#define ROWS 4
#define TILE 32 /* rows */

typedef float Lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t Mask __attribute__((vector_size(LANES * sizeof(float))));
typedef Lanes	StoredLanes __attribute__((aligned(sizeof(float))));

typedef struct Candidate
{
	float	value;
	int32_t probe;
} Candidate;

/* Quickselect: the k smallest to the front, the largest of them last. */
static void
keep_smallest(Candidate *items, int n, int k)
{
	int low = 0;
	int high = n - 1;

	while (low < high)
	{
		float pivot = items[(low + high) / 2].value;
		int	  i = low;
		int	  j = high;

		while (i <= j)
		{
			while (items[i].value < pivot)
				i++;
			while (items[j].value > pivot)
				j--;
			if (i <= j)
			{
				Candidate swap = items[i];

				items[i++] = items[j];
				items[j--] = swap;
			}
		}
		if (k - 1 <= j)
			high = j;
		else if (k - 1 >= i)
			low = i;
		else
			break;
	}
}

/*
 * A value that k of them do not exceed, though seldom many more: the k-th
 * smallest of the minima of groups.
 */
static float
bound_of_nearest(const Lanes *values, int n, int k, Candidate *scratch)
{
	int group = n * LANES / (4 * k);
	int n_minima = 0;

	group = group < 1 ? 1 : group > n ? n : group;
	for (int first = 0; first + group <= n; first += group)
	{
		Lanes minima = values[first];

		for (int i = first + 1; i < first + group; i++)
		{
			Mask less = values[i] < minima;

			minima = (Lanes) (((Mask) values[i] & less) |
							  ((Mask) minima & ~less));
		}
		for (int lane = 0; lane < LANES; lane++)
			scratch[n_minima++].value = minima[lane];
	}
	keep_smallest(scratch, n_minima, k);
	return scratch[k - 1].value;
}

/* The k smallest of the values of n Lanes, in no order. */
static void
select_nearest(const Lanes *values, int n, int k, Candidate *scratch,
			   int32_t *neighbours, float *nearest)
{
	float bound = bound_of_nearest(values, n, k, scratch);
	int	  found = 0;

	for (int i = 0; i < n; i++)
	{
		Mask	within = values[i] <= bound;
		int32_t any = 0;

		for (int lane = 0; lane < LANES; lane++)
			any |= within[lane];
		if (!any)
			continue;
		for (int lane = 0; lane < LANES; lane++)
		{
			scratch[found].value = values[i][lane];
			scratch[found].probe = i * LANES + lane;
			found -= within[lane];
		}
	}
	keep_smallest(scratch, found, k);
	for (int i = 0; i < k; i++)
	{
		neighbours[i] = scratch[i].probe;
		nearest[i] = scratch[i].value;
	}
}

static inline Lanes
absolute(Lanes x)
{
	return (Lanes) ((Mask) x & 0x7fffffff);
}

/* What the three functions sum up. */
#define SQUARE(x, p) (((x) - (p)) * ((x) - (p)))
#define DIFFERENCE(x, p) absolute((x) - (p))
#define PRODUCT(x, p) (-((x) * (p)))

/* The sums of some rows by one block. */
#define DEFINE_SUMS(name, term)                                              \
	static inline void name(Lanes sums[ROWS][2], const float *const *x,      \
							const StoredLanes *p, int n_epochs)              \
	{                                                                        \
		Lanes zero = {0};                                                    \
                                                                             \
		for (int r = 0; r < ROWS; r++)                                       \
			sums[r][0] = sums[r][1] = zero;                                  \
		for (int e = 0; e < n_epochs; e++)                                   \
		{                                                                    \
			Lanes p0 = p[2 * e];                                             \
			Lanes p1 = p[2 * e + 1];                                         \
                                                                             \
			_Pragma("GCC unroll 4") for (int r = 0; r < ROWS; r++)           \
			{                                                                \
				Lanes loss = x[r][e] - zero;                                 \
                                                                             \
				sums[r][0] += term(loss, p0);                                \
				sums[r][1] += term(loss, p1);                                \
			}                                                                \
		}                                                                    \
	}

DEFINE_SUMS(sum_squares, SQUARE)
DEFINE_SUMS(sum_differences, DIFFERENCE)
DEFINE_SUMS(sum_products, PRODUCT)

typedef void (*SumFunction)(Lanes sums[ROWS][2], const float *const *x,
							const StoredLanes *p, int n_epochs);

/* A tile of rows by all blocks. */
static inline __attribute__((always_inline)) void
compute_tile(SumFunction sum, const float *rows, int n_rows,
			 const float *blocks, int n_blocks, int n_epochs, Lanes *values)
{
	for (int block = 0; block < n_blocks; block++)
	{
		const StoredLanes *p =
			(const StoredLanes *) (blocks + (size_t) block * BLOCK * n_epochs);

		for (int row = 0; row < n_rows; row += ROWS)
		{
			const float *x[ROWS];
			Lanes		 sums[ROWS][2];

			for (int r = 0; r < ROWS; r++)
				x[r] = rows +
					   (size_t) (row + r < n_rows ? row + r : row) * n_epochs;
			sum(sums, x, p, n_epochs);
			for (int r = 0; r < ROWS; r++)
			{
				Lanes *place = values + ((size_t) (row + r) * n_blocks + block) * 2;

				place[0] = sums[r][0];
				place[1] = sums[r][1];
			}
		}
	}
}

static inline __attribute__((always_inline)) void
search(SumFunction sum, const float *rows, int64_t n_rows,
	   const float *blocks, int n_probes, int n_epochs, int k,
	   int32_t *neighbours, float *nearest)
{
	int		   n_blocks = (n_probes + BLOCK - 1) / BLOCK;
	size_t	   n_lanes = (size_t) n_blocks * 2;
	Lanes	  *values = aligned_alloc(sizeof(Lanes),
									  TILE * n_lanes * sizeof(Lanes));
	Candidate *scratch = malloc((n_lanes + 1) * LANES * sizeof(Candidate));

	for (int64_t first = 0; first < n_rows; first += TILE)
	{
		int n = n_rows - first < TILE ? (int) (n_rows - first) : TILE;

		compute_tile(sum, rows + first * n_epochs, n, blocks, n_blocks,
					 n_epochs, values);
		for (int row = 0; row < n; row++)
		{
			Lanes *mine = values + row * n_lanes;

			for (int i = n_probes; i < n_blocks * BLOCK; i++)
				mine[i / LANES][i % LANES] = INFINITY;
			select_nearest(mine, n_lanes, k, scratch,
						   neighbours + (first + row) * k,
						   nearest + (first + row) * k);
		}
	}
	free(values);
	free(scratch);
}

void
nearest_by_squares(const float *rows, int64_t n_rows, const float *blocks,
				   int n_probes, int n_epochs, int k, int32_t *neighbours,
				   float *nearest)
{
	search(sum_squares, rows, n_rows, blocks, n_probes, n_epochs, k,
		   neighbours, nearest);
}

void
nearest_by_differences(const float *rows, int64_t n_rows, const float *blocks,
					   int n_probes, int n_epochs, int k, int32_t *neighbours,
					   float *nearest)
{
	search(sum_differences, rows, n_rows, blocks, n_probes, n_epochs, k,
		   neighbours, nearest);
}

void
nearest_by_products(const float *rows, int64_t n_rows, const float *blocks,
					int n_probes, int n_epochs, int k, int32_t *neighbours,
					float *nearest)
{
	search(sum_products, rows, n_rows, blocks, n_probes, n_epochs, k,
		   neighbours, nearest);
}

/* The least sum of squares over all paths within the band. */
static double
dtw(const float *a, const float *b, int n, int band, double *lines)
{
	double *last = lines;
	double *line = lines + n + 1;

	for (int j = 0; j <= n; j++)
		last[j] = INFINITY;
	last[0] = 0;
	for (int i = 1; i <= n; i++)
	{
		int		from = i - band < 1 ? 1 : i - band;
		int		to = i + band > n ? n : i + band;
		double *swap;

		line[from - 1] = INFINITY;
		for (int j = from; j <= to; j++)
		{
			double difference = (double) a[i - 1] - b[j - 1];
			double least = last[j] < last[j - 1] ? last[j] : last[j - 1];

			if (line[j - 1] < least)
				least = line[j - 1];
			line[j] = difference * difference + least;
		}
		if (to < n)
			line[to + 1] = INFINITY;
		swap = last;
		last = line;
		line = swap;
	}
	return last[n];
}

typedef struct Exact
{
	double	value;
	int32_t probe;
} Exact;

static int
compare_exact(const void *a, const void *b)
{
	const Exact *x = a;
	const Exact *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return x->probe < y->probe ? -1 : x->probe > y->probe;
}

void
nearest_by_dtw(const float *rows, int64_t n_rows, const float *probes,
			   int n_probes, int n_epochs, int band, int k,
			   int32_t *neighbours, double *distances)
{
	double *lines = malloc(2 * (n_epochs + 1) * sizeof(double));
	Exact  *all = malloc(n_probes * sizeof(Exact));

	for (int64_t row = 0; row < n_rows; row++)
	{
		for (int p = 0; p < n_probes; p++)
		{
			all[p].value = sqrt(dtw(rows + row * n_epochs,
									probes + (size_t) p * n_epochs, n_epochs,
									band, lines));
			all[p].probe = p;
		}
		qsort(all, n_probes, sizeof(Exact), compare_exact);
		for (int i = 0; i < k; i++)
		{
			neighbours[row * k + i] = all[i].probe;
			distances[row * k + i] = all[i].value;
		}
	}
	free(lines);
	free(all);
}
