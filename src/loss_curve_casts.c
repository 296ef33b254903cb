/*
 * loss_curve_casts.c
 *		Casts between loss_curve, arrays of numbers and jsonb.
 *
 * A NULL element, or a null in jsonb, is a missing epoch both ways.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "compat.h"
#include "core/curve_text.h"
#include "loss_curve.h"

/* Rounds once, from all digits, where a detour by double would round twice. */
static float
loss_from_numeric(Numeric number, int epoch)
{
	char *digits = DatumGetCString(
		DirectFunctionCall1(numeric_out, PointerGetDatum(number)));
	float loss;

	if (metaprobe_loss_text_parse(digits, strlen(digits), &loss) !=
		CURVE_TEXT_OK)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("loss of epoch %d is infinite or out of range "
							   "for type real",
							   epoch),
						errhint("Clip the loss, or record the epoch as "
								"null.")));
	pfree(digits);
	return loss;
}

/* A value of any type of number as the loss of an epoch. */
float
loss_curve_loss_of_type(Datum value, Oid type, int epoch)
{
	switch (type)
	{
		case FLOAT8OID:
			return loss_curve_loss(DatumGetFloat8(value), epoch);
		case FLOAT4OID:
			return loss_curve_loss(DatumGetFloat4(value), epoch);
		case NUMERICOID:
			return loss_from_numeric(DatumGetNumeric(value), epoch);
		case INT4OID:
			return loss_curve_loss(DatumGetInt32(value), epoch);
		case INT8OID:
			return loss_curve_loss((float) DatumGetInt64(value), epoch);
		case INT2OID:
			return loss_curve_loss(DatumGetInt16(value), epoch);
		default:
			ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
							errmsg("a loss cannot be of type %s",
								   format_type_be(type))));
	}
}

/* One function for arrays of real, double precision, integer and numeric. */
PG_FUNCTION_INFO_V1(loss_curve_from_array);
Datum
loss_curve_from_array(PG_FUNCTION_ARGS)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
	Oid		   type = ARR_ELEMTYPE(array);
	LossCurve *curve;
	Datum	  *elements;
	bool	  *nulls;
	int		   n;
	int16	   typlen;
	bool	   typbyval;
	char	   typalign;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("cannot cast an array of %d dimensions to loss_curve",
						ARR_NDIM(array)),
				 errhint("A curve is made of a one-dimensional array, one "
						 "element per epoch.")));

	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	loss_curve_check_length(ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)));
	deconstruct_array(array, type, typlen, typbyval, typalign, &elements,
					  &nulls, &n);

	curve = loss_curve_create(n);
	for (int i = 0; i < n; i++)
		curve->losses[i] = nulls[i] ?
							   metaprobe_missing_loss() :
							   loss_curve_loss_of_type(elements[i], type, i);
	PG_RETURN_LOSS_CURVE(loss_curve_finish(curve));
}

/* The losses as an array of real or double precision. */
static ArrayType *
array_of_losses(const LossCurve *curve, Oid type)
{
	int	   n = curve->n_epochs;
	int	   lower_bound = 1;
	Datum *elements = palloc(n * sizeof(Datum));
	bool  *nulls = palloc(n * sizeof(bool));
	int16  typlen;
	bool   typbyval;
	char   typalign;

	if (n == 0)
		return construct_empty_array(type);

	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	for (int i = 0; i < n; i++)
	{
		nulls[i] = metaprobe_loss_is_missing(curve->losses[i]);
		elements[i] = type == FLOAT4OID ? Float4GetDatum(curve->losses[i]) :
										  Float8GetDatum(curve->losses[i]);
	}
	return construct_md_array(elements, nulls, 1, &n, &lower_bound, type,
							  typlen, typbyval, typalign);
}

PG_FUNCTION_INFO_V1(loss_curve_to_real_array);
Datum
loss_curve_to_real_array(PG_FUNCTION_ARGS)
{
	PG_RETURN_ARRAYTYPE_P(array_of_losses(PG_GETARG_LOSS_CURVE(0), FLOAT4OID));
}

PG_FUNCTION_INFO_V1(loss_curve_to_double_array);
Datum
loss_curve_to_double_array(PG_FUNCTION_ARGS)
{
	PG_RETURN_ARRAYTYPE_P(array_of_losses(PG_GETARG_LOSS_CURVE(0), FLOAT8OID));
}

/* Count the elements of a jsonb array that can be a curve. */
static int
jsonb_curve_length(Jsonb *jsonb)
{
	if (!JB_ROOT_IS_ARRAY(jsonb) || JB_ROOT_IS_SCALAR(jsonb))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("cannot cast jsonb %s to loss_curve",
							   JB_ROOT_IS_OBJECT(jsonb) ? "object" : "scalar"),
						errhint("A curve is a jsonb array of numbers and "
								"nulls.")));
	loss_curve_check_length(JB_ROOT_COUNT(jsonb));
	return JB_ROOT_COUNT(jsonb);
}

PG_FUNCTION_INFO_V1(loss_curve_from_jsonb);
Datum
loss_curve_from_jsonb(PG_FUNCTION_ARGS)
{
	Jsonb	  *jsonb = PG_GETARG_JSONB_P(0);
	int		   n = jsonb_curve_length(jsonb);
	LossCurve *curve = loss_curve_create(n);

	for (int i = 0; i < n; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(&jsonb->root, i);

		if (element->type == jbvNull)
			curve->losses[i] = metaprobe_missing_loss();
		else if (element->type == jbvNumeric)
			curve->losses[i] = loss_from_numeric(element->val.numeric, i);
		else
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("loss of epoch %d is not a number in jsonb", i),
					 errhint("A curve is a jsonb array of numbers and "
							 "nulls.")));
		pfree(element);
	}
	PG_RETURN_LOSS_CURVE(loss_curve_finish(curve));
}

/* The text form is JSON, and its digits are the shortest exact ones. */
PG_FUNCTION_INFO_V1(loss_curve_to_jsonb);
Datum
loss_curve_to_jsonb(PG_FUNCTION_ARGS)
{
	LossCurve	  *curve = PG_GETARG_LOSS_CURVE(0);
	StringInfoData text;

	initStringInfo(&text);
	loss_curve_append_text(&text, curve->losses, curve->n_epochs);
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data)));
}
