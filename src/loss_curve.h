/*
 * loss_curve.h
 *		The type loss_curve as the PostgreSQL side sees it.
 */
#ifndef METAPROBE_LOSS_CURVE_H
#define METAPROBE_LOSS_CURVE_H

#include "fmgr.h"
#include "lib/stringinfo.h"

#include "core/loss.h"

#define LOSS_CURVE_VERSION 1

/* flags */
#define LOSS_CURVE_HAS_MISSING 0x01

/*
 * On disk and in memory.  All bytes are determined by the losses, so curves
 * are equal exactly if their bytes are.
 */
typedef struct LossCurve
{
	int32  vl_len_; /* varlena header, do not touch directly */
	uint16 n_epochs;
	uint8  flags;
	uint8  version;
	float  losses[FLEXIBLE_ARRAY_MEMBER];
} LossCurve;

#define LOSS_CURVE_SIZE(n) (offsetof(LossCurve, losses) + (n) * sizeof(float))

#define DatumGetLossCurve(datum) loss_curve_from_datum(datum)
#define PG_GETARG_LOSS_CURVE(n) DatumGetLossCurve(PG_GETARG_DATUM(n))
#define PG_RETURN_LOSS_CURVE(curve) PG_RETURN_POINTER(curve)

extern LossCurve *loss_curve_from_datum(Datum datum);
extern LossCurve *loss_curve_create(int n_epochs);
extern LossCurve *loss_curve_finish(LossCurve *curve);
extern LossCurve *loss_curve_copy_losses(const float *losses, int n_epochs);
extern bool		  loss_curve_length_is_valid(int64 n_epochs, Node *escontext);
extern void		  loss_curve_check_length(int64 n_epochs);
extern float	  loss_curve_loss(double value, int64 epoch);
extern float	  loss_curve_loss_of_type(Datum value, Oid type, int epoch);
extern int		  loss_curve_compare(const LossCurve *a, const LossCurve *b);
extern void		  loss_curve_append_text(StringInfo text, const float *losses,
										 int n_epochs);
extern LossCurve *loss_curve_parse(const char *text, Node *escontext);

#endif /* METAPROBE_LOSS_CURVE_H */
