/*
 * elementary.c
 *		Exponential, logarithm and cube root with the same bits everywhere.
 *
 * An argument is reduced to a small rest, about which a Taylor series of a few
 * terms is exact to far more than a double's precision; what the reduction
 * took away comes from a table of values in two parts, a leading one and what
 * it leaves out, so that hardly more than the last addition rounds.
 *
 * Sources:
 * P. T. P. Tang, Table-driven implementation of the exponential function in
 * IEEE floating-point arithmetic, ACM TOMS 15 (1989);
 * P. T. P. Tang, Table-driven implementation of the logarithm function in
 * IEEE floating-point arithmetic, ACM TOMS 16 (1990);
 * J.-M. Muller, Elementary functions, 3rd edition, 2016, chapters 4 and 11.
 */
#include "elementary.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1023

/* A number as the sum of two doubles, the first of which is about all. */
typedef struct TwoParts
{
	double leading;
	double trailing;
} TwoParts;

static inline uint64_t
bits_of(double x)
{
	uint64_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

static inline double
double_of(uint64_t bits)
{
	double x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* 2^n, for n from -1022 to 1023. */
static inline double
power_of_two(int n)
{
	return double_of((uint64_t) (n + EXPONENT_BIAS) << MANTISSA_BITS);
}

/* --- exponential --- */

#define EXP_STEPS 32 /* per power of two */

/* 2^(j / 32) */
static const TwoParts exp_table[EXP_STEPS] = {
	{0x1.0000000000000p+0, 0x0.0p+0},
	{0x1.059b0d3158574p+0, 0x1.d73e2a475b465p-55},
	{0x1.0b5586cf9890fp+0, 0x1.8a62e4adc610bp-54},
	{0x1.11301d0125b51p+0, -0x1.6c51039449b3ap-54},
	{0x1.172b83c7d517bp+0, -0x1.19041b9d78a76p-55},
	{0x1.1d4873168b9aap+0, 0x1.e016e00a2643cp-54},
	{0x1.2387a6e756238p+0, 0x1.9b07eb6c70573p-54},
	{0x1.29e9df51fdee1p+0, 0x1.612e8afad1255p-55},
	{0x1.306fe0a31b715p+0, 0x1.6f46ad23182e4p-55},
	{0x1.371a7373aa9cbp+0, -0x1.63aeabf42eae2p-54},
	{0x1.3dea64c123422p+0, 0x1.ada0911f09ebcp-55},
	{0x1.44e086061892dp+0, 0x1.89b7a04ef80d0p-59},
	{0x1.4bfdad5362a27p+0, 0x1.d4397afec42e2p-56},
	{0x1.5342b569d4f82p+0, -0x1.07abe1db13cadp-55},
	{0x1.5ab07dd485429p+0, 0x1.6324c054647adp-54},
	{0x1.6247eb03a5585p+0, -0x1.383c17e40b497p-54},
	{0x1.6a09e667f3bcdp+0, -0x1.bdd3413b26456p-54},
	{0x1.71f75e8ec5f74p+0, -0x1.16e4786887a99p-55},
	{0x1.7a11473eb0187p+0, -0x1.41577ee04992fp-55},
	{0x1.82589994cce13p+0, -0x1.d4c1dd41532d8p-54},
	{0x1.8ace5422aa0dbp+0, 0x1.6e9f156864b27p-54},
	{0x1.93737b0cdc5e5p+0, -0x1.75fc781b57ebcp-57},
	{0x1.9c49182a3f090p+0, 0x1.c7c46b071f2bep-56},
	{0x1.a5503b23e255dp+0, -0x1.d2f6edb8d41e1p-54},
	{0x1.ae89f995ad3adp+0, 0x1.7a1cd345dcc81p-54},
	{0x1.b7f76f2fb5e47p+0, -0x1.5584f7e54ac3bp-56},
	{0x1.c199bdd85529cp+0, 0x1.11065895048ddp-55},
	{0x1.cb720dcef9069p+0, 0x1.503cbd1e949dbp-56},
	{0x1.d5818dcfba487p+0, 0x1.2ed02d75b3707p-55},
	{0x1.dfc97337b9b5fp+0, -0x1.1a5cd4f184b5cp-54},
	{0x1.ea4afa2a490dap+0, -0x1.e9c23179c2893p-54},
	{0x1.f50765b6e4540p+0, 0x1.9d3e12dd8a18bp-54},
};

/* ln(2) / 32, whose leading part has 37 bits: products with 16 bits are exact */
static const TwoParts exp_step = {0x1.62e42fefa0000p-6, 0x1.cf79abc9e3b3ap-45};
static const double	  exp_steps_per_unit = 0x1.71547652b82fep+5;

/* x = (32 * power + step) * ln(2) / 32 + a rest, of which this is e^rest - 1 */
typedef struct ReducedExp
{
	int	   power;
	int	   step;
	double growth;
} ReducedExp;

/*
 * The rest is at most ln(2) / 64 in size, and the first term left out below
 * 2^-57.
 */
static inline ReducedExp
reduce_exp(double x)
{
	const double shifter = 0x1.8p52; /* adding it rounds to whole numbers */
	double		 n = (x * exp_steps_per_unit + shifter) - shifter;
	double		 coarse = x - n * exp_step.leading;
	double		 fine = n * exp_step.trailing;
	double		 rest = coarse - fine;
	double		 series;
	ReducedExp	 reduced;

	series = 1.0 / 120 + rest * (1.0 / 720);
	series = 1.0 / 24 + rest * series;
	series = 1.0 / 6 + rest * series;
	series = 0.5 + rest * series;
	reduced.growth = coarse + (rest * rest * series - fine);
	reduced.step = (int) n & (EXP_STEPS - 1);
	reduced.power = ((int) n - reduced.step) / EXP_STEPS;
	return reduced;
}

double
metaprobe_exp(double x)
{
	ReducedExp		reduced;
	const TwoParts *step;
	double			result;

	if (!(x <= 0x1.62e42fefa39efp+9)) /* the largest with a finite result */
		return x > 0 ? INFINITY : x;
	if (x < -0x1.74910d52d3051p+9) /* the least with one above 0 */
		return 0;

	reduced = reduce_exp(x);
	step = &exp_table[reduced.step];
	result = step->leading + (step->trailing + step->leading * reduced.growth);
	if (reduced.power > EXPONENT_BIAS)
		return 2 * result * power_of_two(EXPONENT_BIAS);
	if (reduced.power < 1 - EXPONENT_BIAS)
		return result * power_of_two(reduced.power + 64) * 0x1p-64;
	return result * power_of_two(reduced.power);
}

/* e^x - 1, which is accurate where e^x is about 1 */
double
metaprobe_expm1(double x)
{
	/* 1/2!, 1/3!, ... */
	static const double factors[] = {1.0 / 2,		   1.0 / 6,
									 1.0 / 24,		   1.0 / 120,
									 1.0 / 720,		   1.0 / 5040,
									 1.0 / 40320,	   1.0 / 362880,
									 1.0 / 3628800,	   1.0 / 39916800.,
									 1.0 / 479001600., 1.0 / 6227020800.};
	const int			n_factors = sizeof(factors) / sizeof(factors[0]);
	ReducedExp			reduced;
	const TwoParts	   *step;
	double				scale;
	double				leading;
	double				sum;
	double				lost;

	if (!(x < 40)) /* 1 is less than half a unit of e^x */
		return metaprobe_exp(x);
	if (x < -40)
		return -1;
	if (x > -0.25 && x < 0.25)
	{
		double series = factors[n_factors - 1];

		for (int i = n_factors - 2; i >= 0; i--)
			series = factors[i] + x * series;
		return x == 0 ? x : x + x * x * series; /* -0 stays -0 */
	}

	reduced = reduce_exp(x);
	step = &exp_table[reduced.step];
	scale = power_of_two(reduced.power);
	/* the larger one first, so that what the sum loses is known exactly */
	leading = scale * step->leading;
	sum = leading - 1;
	lost = leading > 1 ? (leading - sum) - 1 : leading - (sum + 1);
	return sum +
		   (lost + scale * (step->trailing + step->leading * reduced.growth));
}

/* --- logarithm --- */

#define LOG_STEP_BITS 6

/* ln(1 + j / 64); leading parts are multiples of 2^-42 */
static const TwoParts log_table[(1 << LOG_STEP_BITS) + 1] = {
	{0x0.0p+0, 0x0.0p+0},
	{0x1.fc0a8b0fc0000p-7, 0x1.f1e7cf6d3a69cp-50},
	{0x1.f829b0e780000p-6, 0x1.980267c7e09e4p-45},
	{0x1.77458f6330000p-5, -0x1.181dce586af09p-44},
	{0x1.f0a30c0118000p-5, -0x1.d599e83368e91p-45},
	{0x1.341d7961bc000p-4, 0x1.1d09299837610p-44},
	{0x1.6f0d28ae58000p-4, -0x1.4b4641b664613p-44},
	{0x1.a926d3a4ac000p-4, 0x1.563650bd22a9cp-44},
	{0x1.e27076e2b0000p-4, -0x1.a342c2af0003cp-45},
	{0x1.0d77e7cd08000p-3, 0x1.cb2cd2ee2f482p-44},
	{0x1.29552f8200000p-3, -0x1.5b967f4471dfcp-44},
	{0x1.44d2b6ccb8000p-3, -0x1.70cc16135783cp-46},
	{0x1.5ff3070a7a000p-3, -0x1.8586f183bebf2p-44},
	{0x1.7ab890210e000p-3, -0x1.bdb9072534a58p-45},
	{0x1.9525a9cf46000p-3, -0x1.297137d9f158fp-44},
	{0x1.af3c94e80c000p-3, -0x1.a4e633fcd9066p-52},
	{0x1.c8ff7c79aa000p-3, -0x1.7794f689f8434p-45},
	{0x1.e27076e2b0000p-3, -0x1.a342c2af0003cp-44},
	{0x1.fb9186d5e4000p-3, -0x1.d572aab993c87p-47},
	{0x1.0a324e2739000p-2, 0x1.c6bee7ef4030ep-47},
	{0x1.1675cababa000p-2, 0x1.8380e731f55c4p-44},
	{0x1.22941fbcf8000p-2, -0x1.a6976f5eb0963p-44},
	{0x1.2e8e2bae12000p-2, -0x1.67b1e99b72bd8p-45},
	{0x1.3a64c55694000p-2, 0x1.7a71cbcd735d0p-44},
	{0x1.4618bc21c6000p-2, -0x1.3d82f484c84ccp-46},
	{0x1.51aad872e0000p-2, -0x1.f4bd8db0a7cc1p-44},
	{0x1.5d1bdbf581000p-2, -0x1.8d6bdc9c7c238p-44},
	{0x1.686c81e9b1000p-2, 0x1.2bb110af84054p-44},
	{0x1.739d7f6bbd000p-2, 0x1.a7389314feb50p-52},
	{0x1.7eaf83b82b000p-2, -0x1.e4da62d0c25adp-49},
	{0x1.89a3386c14000p-2, 0x1.2d5ad38c40882p-45},
	{0x1.947941c211000p-2, 0x1.beae9337451f4p-44},
	{0x1.9f323ecbfa000p-2, -0x1.ed03525ca2643p-44},
	{0x1.a9cec9a9a1000p-2, -0x1.ed9cadec02b43p-44},
	{0x1.b44f77bcc9000p-2, -0x1.3ae68224aa2cep-47},
	{0x1.beb4d9da72000p-2, -0x1.21021e78b2151p-44},
	{0x1.c8ff7c79aa000p-2, -0x1.7794f689f8434p-44},
	{0x1.d32fe7e00f000p-2, -0x1.0aa7884dcd050p-44},
	{0x1.dd46a04c1c000p-2, 0x1.282fb989a9274p-44},
	{0x1.e744261d68000p-2, 0x1.e1f8df68dbcf3p-44},
	{0x1.f128f5faf0000p-2, 0x1.bb2cd720ec44cp-44},
	{0x1.faf588f78f000p-2, 0x1.8f6cd7d9f2754p-45},
	{0x1.02552a5a5d000p-1, 0x1.fd8d38d2bafddp-46},
	{0x1.0723e5c1ce000p-1, -0x1.7f6350d38edddp-46},
	{0x1.0be72e4252800p-1, 0x1.415b4c4bdd99fp-44},
	{0x1.109f39e2d5000p-1, -0x1.b4810e09b27a4p-44},
	{0x1.154c3d2f4d800p-1, -0x1.0b2b38662e34dp-44},
	{0x1.19ee6b467c800p-1, 0x1.6ecc5cbdd7782p-45},
	{0x1.1e85f5e704000p-1, 0x1.a07bd8b34be7cp-46},
	{0x1.23130d7bec000p-1, -0x1.7afa4392f1ba7p-46},
	{0x1.2795e1289b000p-1, 0x1.1aeb783f3db97p-45},
	{0x1.2c0e9ed449000p-1, -0x1.74468563ce45dp-45},
	{0x1.307d7334f1000p-1, 0x1.7c3f6b2143eadp-46},
	{0x1.34e289d9ce000p-1, 0x1.d316eb92d885dp-45},
	{0x1.393e0d3562800p-1, 0x1.0cd4e221301b7p-44},
	{0x1.3d9026a715800p-1, -0x1.055bfbd9c2f53p-45},
	{0x1.41d8fe8467000p-1, 0x1.5732325e617a3p-44},
	{0x1.4618bc21c6000p-1, -0x1.3d82f484c84ccp-45},
	{0x1.4a4f85db04000p-1, -0x1.44fdd840b8591p-45},
	{0x1.4e7d811b75800p-1, 0x1.d84e584c2b22cp-44},
	{0x1.52a2d265bc800p-1, -0x1.2a88c41ba8752p-44},
	{0x1.56bf9d5b3f000p-1, 0x1.cca08e310b9b2p-44},
	{0x1.5ad404c35a000p-1, -0x1.a609acaab41fcp-46},
	{0x1.5ee02a9241800p-1, -0x1.8a8f29f6a02dcp-45},
	{0x1.62e42fefa3800p-1, 0x1.ef35793c76730p-45},
};

/* ln(2); so are its multiples up to 2^10 */
static const TwoParts log_of_two = {0x1.62e42fefa3800p-1,
									0x1.ef35793c76730p-45};

/*
 * The logarithm of a number within 1/16 of 1.  With u = 2f / (2 + f) it is
 * u + u^3/12 + u^5/80 + ...; the rounding of u is made up for by what it leaves
 * of its equation, u (2 + f) = 2f, when u and f are cut into halves whose
 * products are exact.
 */
static double
log_near_one(double x)
{
	const uint64_t upper_half = UINT64_C(0xfffffffff0000000);
	double		   f = x - 1;
	double		   inverse = 1 / (2 + f);
	double		   u = 2 * f * inverse;
	double		   v = u * u;
	double		   series;
	double		   u_upper = double_of(bits_of(u) & upper_half);
	double		   f_upper = double_of(bits_of(f) & upper_half);
	double		   u_rest;

	series = 1.0 / 2304 + v * (1.0 / 11264);
	series = 1.0 / 448 + v * series;
	series = 1.0 / 80 + v * series;
	series = 1.0 / 12 + v * series;
	u_rest =
		((2 * (f - u_upper) - u_upper * f_upper) - u_upper * (f - f_upper)) *
		inverse;
	return u_upper + (u_rest + u * v * series);
}

double
metaprobe_log(double x)
{
	uint64_t bits;
	uint64_t mantissa;
	int		 power = 0;
	int		 step;
	double	 near;
	double	 u;
	double	 v;
	double	 series;

	if (!(x > 0))
		return x == 0 ? -INFINITY : NAN;
	if (x == INFINITY)
		return x;
	if (x > 0.9375 && x < 1.0625)
		return log_near_one(x);
	if (x < 0x1p-1022)
	{
		x *= 0x1p54;
		power = -54;
	}

	/* x = 2^power * y, and 1 + step / 64 is near y */
	bits = bits_of(x);
	mantissa = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
	power += (int) (bits >> MANTISSA_BITS) - EXPONENT_BIAS;
	step =
		(int) (((mantissa >> (MANTISSA_BITS - LOG_STEP_BITS - 1)) + 1) >> 1);
	near = 1 + step * (1.0 / (1 << LOG_STEP_BITS));
	x = double_of(bits_of(1) | mantissa);

	/* ln(y / near) = u + u^3/12 + ..., where |u| is at most 2^-7 */
	u = 2 * (x - near) / (x + near);
	v = u * u;
	series = 1.0 / 80 + v * (1.0 / 448);
	series = 1.0 / 12 + v * series;
	return (power * log_of_two.leading + log_table[step].leading) +
		   (u + (u * v * series +
				 (power * log_of_two.trailing + log_table[step].trailing)));
}

/* --- cube root --- */

/*
 * A guess t that has 17 bits, so that t^3 is exact, and the series of the cube
 * root about t^3 for the rest.  The guess is right to 2^-13; the first term
 * left out is below 2^-63.
 */
double
metaprobe_cbrt(double x)
{
	static const double roots[] = {1, 0x1.428a2f98d728bp+0,
								   0x1.965fea53d6e3dp+0}; /* of 1, 2, 4 */
	double				size = fabs(x);
	double				scale = 1;
	uint64_t			bits;
	int					exponent;
	double				guess;
	double				cube;
	double				excess;
	double				series;

	if (!(size > 0 && size < INFINITY))
		return x;
	if (size < 0x1p-1022)
	{
		size *= 0x1p54;
		scale = 0x1p-18;
	}

	/* size = 2^(exponent - 1023) * y, and 1023 is a multiple of 3 */
	bits = bits_of(size);
	exponent = (int) (bits >> MANTISSA_BITS);
	scale *= power_of_two(exponent / 3 - EXPONENT_BIAS / 3);
	size =
		double_of((bits & ((UINT64_C(1) << MANTISSA_BITS) - 1)) | bits_of(1));

	/* a near-best cubic for the root of y, from 1 to 2 */
	guess = 0.555790960269 +
			size * (0.580826391138 +
					size * (-0.158662460053 + size * 0.0221486992082));
	guess *= roots[exponent % 3];
	size *= 1 << exponent % 3;
	guess = double_of((bits_of(guess) + (UINT64_C(1) << 35)) &
					  ~((UINT64_C(1) << 36) - 1));

	cube = guess * guess * guess;
	excess = (size - cube) / cube;
	series = 5.0 / 81 - excess * (10.0 / 243);
	series = 1.0 / 9 - excess * series;
	series = excess * (1.0 / 3 - excess * series);
	return copysign((guess + guess * series) * scale, x);
}
