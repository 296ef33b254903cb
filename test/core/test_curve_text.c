/*
 * test_curve_text.c
 *		Unit tests of the parser for the text form of loss curves.
 */
#include "test.h"

#include <float.h>
#include <regex.h>

#include "curve_text.h"
#include "loss.h"
#include "random.h"

#define MISSING metaprobe_missing_loss()

/* Parse into memory of exactly the capacity announced, to be freed. */
static CurveTextStatus
parse(const char *text, float **losses, int *n, CurveTextError *error)
{
	int capacity = metaprobe_curve_text_capacity(text);

	*n = -1;
	*losses = allocate(capacity * sizeof(float));
	return metaprobe_curve_text_parse(text, *losses, n, error);
}

static void
assert_parses(const char *text, const float *expected, int n_expected)
{
	CurveTextError error;
	float		  *losses;
	int			   n;

	if (parse(text, &losses, &n, &error) != CURVE_TEXT_OK || n != n_expected)
		fail_msg("%s: not read as %d losses", text, n_expected);
	for (int i = 0; i < n; i++)
	{
		if (!same_float(losses[i], expected[i]))
			fail_msg("%s: epoch %d reads as %.9g, not %.9g", text, i,
					 losses[i], expected[i]);
	}
	assert_that(n <= metaprobe_curve_text_capacity(text), n);
	free(losses);
}

static void
assert_fails(const char *text, CurveTextStatus status, size_t position,
			 size_t length, int epoch)
{
	CurveTextError	error = {999, 999, 999};
	float		   *losses;
	int				n;
	CurveTextStatus got = parse(text, &losses, &n, &error);

	if (got != status || error.position != position ||
		error.length != length || error.epoch != epoch)
		fail_msg("\"%s\": got status %d at %zu + %zu, epoch %d; expected "
				 "status %d at %zu + %zu, epoch %d",
				 text, got, error.position, error.length, error.epoch, status,
				 position, length, epoch);
	free(losses);
}

static void
lists_are_curves(void **state)
{
	(void) state;
	assert_parses("[]", NULL, 0);
	assert_parses(" [ ] ", NULL, 0);
	assert_parses("[1]", (float[]){1}, 1);
	assert_parses("[1,2,3]", (float[]){1, 2, 3}, 3);
	assert_parses("\t[\n1\v,\f2\r, 3 ] \n", (float[]){1, 2, 3}, 3);
	assert_parses("[null]", (float[]){MISSING}, 1);
	assert_parses("[2.5,null,0.5]", (float[]){2.5f, MISSING, 0.5f}, 3);
	assert_parses("[null,Null,NULL,nUlL]",
				  (float[]){MISSING, MISSING, MISSING, MISSING}, 4);
	assert_parses("[nan,NaN,NAN]", (float[]){MISSING, MISSING, MISSING}, 3);
}

static void
numbers_take_every_decimal_form(void **state)
{
	(void) state;
	assert_parses("[+1,-1,007]", (float[]){1, -1, 7}, 3);
	assert_parses("[.5,5.,-.5,+5.0]", (float[]){0.5f, 5, -0.5f, 5}, 4);
	assert_parses("[1e3,1E3,1e+3,1e-3]", (float[]){1000, 1000, 1000, 0.001f},
				  4);
	assert_parses("[.5e1,5.e-1,-2.5E0]", (float[]){5, 0.5f, -2.5f}, 3);
	assert_parses("[1e0000000000001]", (float[]){10}, 1);
	assert_parses("[2.3026,1.91]", (float[]){2.3026f, 1.91f}, 2);
}

static void
numbers_round_once_to_the_nearest_float(void **state)
{
	(void) state;
	assert_parses("[16777217,16777219]", (float[]){16777216, 16777220}, 2);
	assert_parses("[0.1,0.1000000014901161193847656250]",
				  (float[]){0.1f, 0.1f}, 2);
	/* just above the middle of two floats; as a double it is that middle */
	assert_parses("[1.00000005960464477539062500001]",
				  (float[]){1 + FLT_EPSILON}, 1);
	assert_parses("[1.000000059604644775390625]", (float[]){1}, 1);
	assert_parses("[3.4028235e38,-3.4028235e38]", (float[]){FLT_MAX, -FLT_MAX},
				  2);
	assert_parses("[3.40282356e38]", (float[]){FLT_MAX}, 1);
	assert_parses("[1.4e-45,1.17549421e-38]",
				  (float[]){0x1p-149f, 0x1.fffffcp-127f}, 2);
}

static void
zeros_and_underflow_are_plus_zero(void **state)
{
	(void) state;
	assert_parses("[0,-0,+0,-0.0,-.0e9]", (float[]){0, 0, 0, 0, 0}, 5);
	assert_parses("[1e-60,-1e-60,-1e-999999999]", (float[]){0, 0, 0}, 3);
}

static void
what_is_no_list_is_refused(void **state)
{
	(void) state;
	assert_fails("", CURVE_TEXT_SYNTAX, 0, 0, 0);
	assert_fails("  ", CURVE_TEXT_SYNTAX, 2, 0, 0);
	assert_fails("1", CURVE_TEXT_SYNTAX, 0, 0, 0);
	assert_fails(" {1}", CURVE_TEXT_SYNTAX, 1, 0, 0);
	assert_fails("null", CURVE_TEXT_SYNTAX, 0, 0, 0);
	assert_fails("[", CURVE_TEXT_SYNTAX, 1, 0, 0);
	assert_fails("[ ", CURVE_TEXT_SYNTAX, 2, 0, 0);
	assert_fails("[1", CURVE_TEXT_SYNTAX, 2, 0, 1);
	assert_fails("[1 ", CURVE_TEXT_SYNTAX, 3, 0, 1);
	assert_fails("[1,", CURVE_TEXT_SYNTAX, 3, 0, 1);
	assert_fails("[1,]", CURVE_TEXT_SYNTAX, 3, 0, 1);
	assert_fails("[1, ]", CURVE_TEXT_SYNTAX, 4, 0, 1);
	assert_fails("[,1]", CURVE_TEXT_SYNTAX, 1, 0, 0);
	assert_fails("[,]", CURVE_TEXT_SYNTAX, 1, 0, 0);
	assert_fails("[1,,2]", CURVE_TEXT_SYNTAX, 3, 0, 1);
	assert_fails("[1 2]", CURVE_TEXT_SYNTAX, 3, 0, 1);
	assert_fails("[1]x", CURVE_TEXT_SYNTAX, 3, 1, 1);
	assert_fails("[1]]", CURVE_TEXT_SYNTAX, 3, 1, 1);
	assert_fails("[1] [2, 3]", CURVE_TEXT_SYNTAX, 4, 6, 1);
	assert_fails("[],", CURVE_TEXT_SYNTAX, 2, 1, 0);
	assert_fails("[[1]]", CURVE_TEXT_SYNTAX, 1, 2, 0);
}

static void
what_is_no_loss_is_refused(void **state)
{
	static const char *const words[] = {
		"a",		"nul",		  "nulls",	   "nulll", "-null", "+null",
		"-nan",		"nan(1)",	  "n",		   "na",	"nann",	 "true",
		"0x10",		"0x1p3",	  "1e",		   "1e+",	"1e-",	 "1.e+",
		".",		"+",		  "-",		   "-.",	".e5",	 "--1",
		"+-1",		"1-",		  "1..2",	   "1.2.3", "1e5.5", "1e5e5",
		"1;2",		"1_000",	  "\"1\"",	   "1f",	"1d",	 "infi",
		"in",		"--inf",	  "i",		   "[",		"[1",	 "\x01",
		"\xc2\xa0", "\xd9\xa1",	  "1\xc2\xa0", "{}",	"/",	 ":",
		"e5",		"NUL\x0c\x0c"};

	(void) state;
	for (int i = 0; i < LENGTH_OF(words); i++)
	{
		char   text[64];
		size_t length = strcspn(words[i], "\x0c");

		snprintf(text, sizeof(text), "[1, %s ,null]", words[i]);
		assert_fails(text, CURVE_TEXT_SYNTAX, 4, length, 1);
	}
}

static void
infinity_is_refused_by_name(void **state)
{
	(void) state;
	assert_fails("[inf]", CURVE_TEXT_INFINITE, 1, 3, 0);
	assert_fails("[1,-Infinity]", CURVE_TEXT_INFINITE, 3, 9, 1);
	assert_fails("[1, null, +INF ,x]", CURVE_TEXT_INFINITE, 10, 4, 2);
	assert_fails("[iNFINITY", CURVE_TEXT_INFINITE, 1, 8, 0);
}

static void
overflow_is_refused(void **state)
{
	(void) state;
	assert_fails("[1e39]", CURVE_TEXT_OUT_OF_RANGE, 1, 4, 0);
	assert_fails("[0, -3.5e38]", CURVE_TEXT_OUT_OF_RANGE, 4, 7, 1);
	assert_fails("[null,1e999999999999]", CURVE_TEXT_OUT_OF_RANGE, 6, 14, 1);
	/* half way to what would be the next float */
	assert_fails("[340282356779733661637539395458142568448]",
				 CURVE_TEXT_OUT_OF_RANGE, 1, 39, 0);
	assert_parses("[340282356779733661637539395458142568447]",
				  (float[]){FLT_MAX}, 1);
}

/* A list of n times the same loss, closed by the end given. */
static char *
long_list(int n, const char *loss, const char *end)
{
	size_t step = strlen(loss) + 1;
	char  *text = allocate(n * step + strlen(end) + 2);

	text[0] = '[';
	for (int i = 0; i < n; i++)
		sprintf(text + 1 + i * step, "%s,", loss);
	strcpy(text + n * step, end);
	return text;
}

static void
length_is_limited(void **state)
{
	int			   limit = LOSS_CURVE_MAX_EPOCHS;
	char		  *fits = long_list(limit, "0.5", "]");
	char		  *too_long = long_list(limit + 1, "0.5", "]");
	char		  *far_too_long = long_list(2 * limit, "1", ",x]");
	CurveTextError error;
	float		  *losses;
	int			   n;

	(void) state;
	assert_int_equal(parse(fits, &losses, &n, &error), CURVE_TEXT_OK);
	assert_int_equal(n, limit);
	free(losses);
	assert_fails(too_long, CURVE_TEXT_TOO_LONG, 1 + 4 * (size_t) limit, 3,
				 limit);
	assert_fails(far_too_long, CURVE_TEXT_TOO_LONG, 1 + 2 * (size_t) limit, 1,
				 limit);
	free(fits);
	free(too_long);
	free(far_too_long);
}

static void
capacity_bounds_the_losses(void **state)
{
	char *far_too_long = long_list(2 * LOSS_CURVE_MAX_EPOCHS, "1", "]");

	(void) state;
	assert_true(metaprobe_curve_text_capacity("[1]") >= 1);
	assert_true(metaprobe_curve_text_capacity("[1,2,3]") >= 3);
	assert_int_equal(metaprobe_curve_text_capacity(far_too_long),
					 LOSS_CURVE_MAX_EPOCHS);
	free(far_too_long);
}

static void
a_loss_is_read_up_to_its_length(void **state)
{
	float loss;

	(void) state;
	assert_int_equal(metaprobe_loss_text_parse("1.5,2", 3, &loss),
					 CURVE_TEXT_OK);
	assert_same_float(loss, 1.5f, 0);
	assert_int_equal(metaprobe_loss_text_parse("null]", 4, &loss),
					 CURVE_TEXT_OK);
	assert_same_float(loss, MISSING, 1);
	assert_int_equal(metaprobe_loss_text_parse("", 0, &loss),
					 CURVE_TEXT_SYNTAX);
	assert_int_equal(metaprobe_loss_text_parse("nullify", 7, &loss),
					 CURVE_TEXT_SYNTAX);
	assert_int_equal(metaprobe_loss_text_parse("-inf ", 4, &loss),
					 CURVE_TEXT_INFINITE);
	assert_int_equal(metaprobe_loss_text_parse("1e40 ", 4, &loss),
					 CURVE_TEXT_OUT_OF_RANGE);
}

static int
print_spaces(Random *random, char *text)
{
	int n = random_chance(random, 0.8) ? 0 : random_below(random, 4);

	for (int i = 0; i < n; i++)
		text[i] = " \t\n\v\f\r"[random_below(random, 6)];
	return n;
}

/* Print a curve with white space at random; text has 32 bytes per loss. */
static void
print_curve(Random *random, const float *losses, int n, char *text)
{
	text += print_spaces(random, text);
	*text++ = '[';
	text += print_spaces(random, text);
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			*text++ = ',';
		text += print_spaces(random, text);
		if (isnan(losses[i]))
			text += sprintf(text, "%s",
							random_chance(random, 0.5) ? "null" : "NaN");
		else
			text += sprintf(text, "%.9g", losses[i]);
		text += print_spaces(random, text);
	}
	*text++ = ']';
	text += print_spaces(random, text);
	*text = '\0';
}

static void
nine_digits_bring_back_every_float(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(4000); round++)
	{
		float losses[100];
		char  text[100 * 32 + 32];
		int	  n = random_below(&random, LENGTH_OF(losses));

		random_curve(&random, round % N_CURVE_STYLES,
					 random_missing_share(&random), losses, n);
		print_curve(&random, losses, n, text);
		assert_parses(text, losses, n);
	}
}

/* A text that is nearly a curve: a short one with some bytes changed. */
static void
print_near_miss(Random *random, char *text)
{
	static const char alphabet[] = "[],.+-eE059 \tnulLaANiIfFtTyYx";
	float			  losses[4];
	int				  n = random_below(random, LENGTH_OF(losses));
	int				  changes = random_below(random, 4);

	random_curve(random, STYLE_INTEGERS, 0.3, losses, n);
	print_curve(random, losses, n, text);
	for (int i = 0; i < changes; i++)
	{
		size_t length = strlen(text);
		size_t place = random_below(random, (int) length + 1);
		char byte = alphabet[random_below(random, (int) sizeof(alphabet) - 1)];

		if (random_chance(random, 0.3) && place < length)
			memmove(text + place, text + place + 1, length - place);
		else if (random_chance(random, 0.5) && place < length)
			text[place] = byte;
		else
		{
			memmove(text + place + 1, text + place, length - place + 1);
			text[place] = byte;
		}
	}
}

/* The grammar again, as one regular expression. */
static void
compile_grammar(regex_t *grammar)
{
	static const char space[] = "[ \t\n\v\f\r]*";
	static const char loss[] =
		"([+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?|null|nan)";
	char pattern[1024];

	snprintf(pattern, sizeof(pattern), "^%s\\[%s(%s%s(,%s%s%s)*)?\\]%s$",
			 space, space, loss, space, space, loss, space, space);
	assert_int_equal(regcomp(grammar, pattern,
							 REG_EXTENDED | REG_ICASE | REG_NOSUB),
					 0);
}

static void
parser_takes_what_the_grammar_takes(void **state)
{
	Random	random = random_stream(__func__);
	regex_t grammar;
	int		n_curves = 0;

	(void) state;
	compile_grammar(&grammar);
	for (int round = 0; round < 50000; round++)
	{
		char			text[256];
		CurveTextError	error;
		float		   *losses;
		int				n;
		CurveTextStatus status;
		bool			is_curve;

		print_near_miss(&random, text);
		is_curve = regexec(&grammar, text, 0, NULL, 0) == 0;
		status = parse(text, &losses, &n, &error);
		free(losses);
		n_curves += is_curve;
		if (is_curve != (status == CURVE_TEXT_OK) &&
			!(is_curve && status == CURVE_TEXT_OUT_OF_RANGE))
			fail_msg("\"%s\": status %d, but grammar says %d", text, status,
					 is_curve);
		if (status != CURVE_TEXT_OK)
		{
			assert_that(error.position + error.length <= strlen(text), round);
			assert_that(error.epoch >= 0, round);
		}
	}
	regfree(&grammar);
	/* the test is worth little if it meets only one kind */
	assert_true(n_curves >= 5000 && n_curves <= 45000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_curves),
		cmocka_unit_test(numbers_take_every_decimal_form),
		cmocka_unit_test(numbers_round_once_to_the_nearest_float),
		cmocka_unit_test(zeros_and_underflow_are_plus_zero),
		cmocka_unit_test(what_is_no_list_is_refused),
		cmocka_unit_test(what_is_no_loss_is_refused),
		cmocka_unit_test(infinity_is_refused_by_name),
		cmocka_unit_test(overflow_is_refused),
		cmocka_unit_test(length_is_limited),
		cmocka_unit_test(capacity_bounds_the_losses),
		cmocka_unit_test(a_loss_is_read_up_to_its_length),
		cmocka_unit_test(nine_digits_bring_back_every_float),
		cmocka_unit_test(parser_takes_what_the_grammar_takes),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("curve_text", tests, NULL, NULL);
}
