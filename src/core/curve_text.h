/*
 * curve_text.h
 *		Parser for the text form of loss curves: [2.3026,1.91,null,0.4]
 */
#ifndef METAPROBE_CORE_CURVE_TEXT_H
#define METAPROBE_CORE_CURVE_TEXT_H

#include <stddef.h>

typedef enum CurveTextStatus
{
	CURVE_TEXT_OK,
	CURVE_TEXT_SYNTAX,		 /* not a list of losses */
	CURVE_TEXT_INFINITE,	 /* a loss is written as infinity */
	CURVE_TEXT_OUT_OF_RANGE, /* a loss rounds to infinity */
	CURVE_TEXT_TOO_LONG		 /* more than LOSS_CURVE_MAX_EPOCHS */
} CurveTextStatus;

/* Where parsing stopped: the bytes [position, position + length) of the text. */
typedef struct CurveTextError
{
	size_t position;
	size_t length;
	int	   epoch;
} CurveTextError;

extern int			   metaprobe_curve_text_capacity(const char *text);
extern CurveTextStatus metaprobe_curve_text_parse(const char *text,
												  float *losses, int *n_epochs,
												  CurveTextError *error);
extern CurveTextStatus metaprobe_loss_text_parse(const char *token,
												 size_t length, float *loss);

#endif /* METAPROBE_CORE_CURVE_TEXT_H */
