/*
 * mixture.h
 *		Losses as a mixture of two normal distributions, clean and noise.
 */
#ifndef METAPROBE_CORE_MIXTURE_H
#define METAPROBE_CORE_MIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#define MIXTURE_MAX_ITERATIONS 1000

/* One of the two: its share of the losses, and their distribution. */
typedef struct MixtureComponent
{
	double weight;
	double mean;
	double stddev;
} MixtureComponent;

typedef struct LossMixture
{
	MixtureComponent clean; /* of the smaller mean */
	MixtureComponent noise;
	int				 iterations;
	double			 log_likelihood; /* natural, of all losses together */
} LossMixture;

extern bool	  metaprobe_mixture_fit(const double *losses, int64_t n,
									LossMixture *mixture);
extern double metaprobe_mixture_noise_posterior(const LossMixture *mixture,
												double			   loss);

#endif /* METAPROBE_CORE_MIXTURE_H */
