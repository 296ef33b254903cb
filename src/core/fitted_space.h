/*
 * fitted_space.h
 *		The space in which a fitted suite measures distances.
 *
 * A curve is mapped there in three steps.  Its losses are scaled, each by the
 * same odd function.  Epochs without a loss before the last one observed are
 * filled in: between observed ones along a line, before the first one with its
 * value.  Then a lower triangular matrix is applied, if there is one.
 *
 * Row i of a triangle has nothing to the right of column i, so the first m
 * coordinates depend on the first m epochs alone: a curve that ends after m
 * epochs has these, with the very same bits, and the others are missing.
 *
 * Points are floats, a missing coordinate is a missing loss, and a distance
 * between points is that of two curves under METRIC_L2.
 */
#ifndef METAPROBE_CORE_FITTED_SPACE_H
#define METAPROBE_CORE_FITTED_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Odd functions, since some losses are negative. */
typedef enum LossScale
{
	SCALE_RAW,
	SCALE_SQRT,
	SCALE_CBRT,
	SCALE_LOG /* log(1 + 1000 x) for x >= 0 */
} LossScale;

#define N_SCALES (SCALE_LOG + 1)

/* So many epochs a space has at most; its matrix then takes 4 MB. */
#define FITTED_MAX_EPOCHS 1000

/* No entry of a matrix may be larger, so that no coordinate overflows. */
#define FITTED_MAX_ENTRY 1e200

typedef struct FittedSpace
{
	LossScale	  scale;
	int			  n_epochs;
	const double *matrix; /* the triangle, see below; NULL: none */
} FittedSpace;

/*
 * A triangle of n rows is stored by columns, each from the diagonal downwards.
 */
static inline size_t
metaprobe_triangle_size(int n)
{
	return (size_t) n * (n + 1) / 2;
}

static inline size_t
metaprobe_triangle_place(int n, int row, int column)
{
	return (size_t) column * n - (size_t) column * (column - 1) / 2 +
		   (row - column);
}

extern int	metaprobe_fitted_scale(const FittedSpace *space,
								   const float *losses, int n_losses,
								   double *scaled);
extern void metaprobe_fitted_apply(const FittedSpace *space,
								   const double *scaled, int n, float *point,
								   double *room);
extern void metaprobe_fitted_map(const FittedSpace *space, const float *losses,
								 int n_losses, float *point, double *room);

/* Scaled and filled curves, in rows, of which some teach a matrix. */
typedef struct ScaledCurves
{
	const double  *scaled; /* n_curves rows of n_epochs */
	const int32_t *ends;   /* how much of each row there is */
	const int32_t *labels; /* of each curve, ascending */
	int			   n_curves;
	int			   n_epochs;
	int			   n_parts; /* curve i is in part i % n_parts ... */
	int			   except;	/* ... and this part is left out; -1: none */
} ScaledCurves;

extern void	  metaprobe_within_covariance(const ScaledCurves *curves,
										  double *covariance, double *room);
extern double metaprobe_whitening(const double *covariance, int n_epochs,
								  double shrinkage, double *matrix,
								  double *room);

#endif /* METAPROBE_CORE_FITTED_SPACE_H */
