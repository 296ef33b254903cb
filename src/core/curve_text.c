/*
 * curve_text.c
 *		Parser for the text form of loss curves.
 *
 *		curve = '[' [ loss { ',' loss } ] ']'
 *		loss  = decimal number | null | NaN
 *
 * with white space allowed around every token and the words in any case.  All
 * JSON arrays of numbers and nulls are curves.  Texts end with a NUL byte, and
 * the decimal point must be '.' in the process's locale (PostgreSQL sees to
 * that), since strtof() does the rounding.
 */
#include "curve_text.h"

#include <stdlib.h>

#include "loss.h"

static inline bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *
skip_space(const char *p)
{
	while (is_space(*p))
		p++;
	return p;
}

static const char *
skip_digits(const char *p)
{
	while (is_digit(*p))
		p++;
	return p;
}

/* Does the token spell the word, whatever the case of its letters? */
static bool
is_word(const char *token, size_t length, const char *word)
{
	size_t i;

	for (i = 0; i < length; i++)
	{
		if (word[i] == '\0' || (token[i] | 0x20) != word[i])
			return false;
	}
	return word[length] == '\0';
}

/* The end of the decimal number that starts at p, or NULL if there is none. */
static const char *
decimal_end(const char *p)
{
	const char *digits;
	const char *fraction;

	if (*p == '+' || *p == '-')
		p++;
	digits = p;
	p = skip_digits(p);
	if (*p == '.')
	{
		fraction = p + 1;
		p = skip_digits(fraction);
		if (fraction - digits == 1 && p == fraction)
			return NULL;
	}
	else if (p == digits)
		return NULL;

	if (*p == 'e' || *p == 'E')
	{
		p++;
		if (*p == '+' || *p == '-')
			p++;
		if (!is_digit(*p))
			return NULL;
		p = skip_digits(p);
	}
	return p;
}

/*
 * Parse one loss, the token of the given length.  The byte after the token
 * must not continue a number (it is a separator or the final NUL).
 */
CurveTextStatus
metaprobe_loss_text_parse(const char *token, size_t length, float *loss)
{
	size_t sign = length > 0 && (token[0] == '-' || token[0] == '+');

	if (length > 0 && decimal_end(token) == token + length)
	{
		if (!metaprobe_loss_from_double(strtof(token, NULL), loss))
			return CURVE_TEXT_OUT_OF_RANGE;
		return CURVE_TEXT_OK;
	}
	if (is_word(token, length, "null") || is_word(token, length, "nan"))
	{
		*loss = metaprobe_missing_loss();
		return CURVE_TEXT_OK;
	}
	if (is_word(token + sign, length - sign, "infinity") ||
		is_word(token + sign, length - sign, "inf"))
		return CURVE_TEXT_INFINITE;
	return CURVE_TEXT_SYNTAX;
}

/* An upper bound for the number of losses in the text, at most the limit. */
int
metaprobe_curve_text_capacity(const char *text)
{
	int capacity = 1;

	for (; *text && capacity < LOSS_CURVE_MAX_EPOCHS; text++)
		capacity += (*text == ',');
	return capacity;
}

/*
 * Parse a curve into losses, which has room for
 * metaprobe_curve_text_capacity(text) of them.  On failure *error tells where.
 */
CurveTextStatus
metaprobe_curve_text_parse(const char *text, float *losses, int *n_epochs,
						   CurveTextError *error)
{
	const char	   *p = skip_space(text);
	const char	   *token = p;
	CurveTextStatus status = CURVE_TEXT_SYNTAX;
	int				n = 0;

	if (*p != '[')
		goto failed;
	token = p = skip_space(p + 1);
	if (*p != ']')
	{
		for (;;)
		{
			while (*p && *p != ',' && *p != ']' && !is_space(*p))
				p++;
			if (n == LOSS_CURVE_MAX_EPOCHS)
			{
				status = CURVE_TEXT_TOO_LONG;
				goto failed;
			}
			status = metaprobe_loss_text_parse(token, p - token, &losses[n]);
			if (status != CURVE_TEXT_OK)
				goto failed;
			n++;
			status = CURVE_TEXT_SYNTAX;
			token = p = skip_space(p);
			if (*p != ',')
				break;
			token = p = skip_space(p + 1);
		}
		if (*p != ']')
			goto failed;
	}
	token = p = skip_space(p + 1);
	if (*p != '\0')
	{
		p += strlen(p);
		goto failed;
	}
	*n_epochs = n;
	return CURVE_TEXT_OK;

failed:
	error->position = token - text;
	error->length = p - token;
	error->epoch = n;
	return status;
}
