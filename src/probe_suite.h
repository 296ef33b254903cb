/*
 * probe_suite.h
 *		The type probe_suite as the PostgreSQL side sees it.
 */
#ifndef METAPROBE_PROBE_SUITE_H
#define METAPROBE_PROBE_SUITE_H

#include "fmgr.h"
#include "lib/stringinfo.h"

#include "core/classifier.h"
#include "core/fitted_space.h"

/*
 * Suites that have nothing that came later are of the first version, so that
 * every library reads them and they keep their bytes.
 */
#define PROBE_SUITE_VERSION 1
#define LIMITED_SUITE_VERSION 2 /* has max_novelty */
#define PROBE_SUITE_DEFAULT_K 20

/*
 * Limits.  A suite's losses are its probes times its longest curve; with these
 * its text form stays well below the 1 GB that a value may have.
 */
#define PROBE_SUITE_MAX_LOSSES (1 << 24)
#define PROBE_SUITE_MAX_PROBES (1 << 20)
#define PROBE_SUITE_MAX_NAME_BYTES (1 << 24)

/* What is chosen about a suite, apart from its probes. */
typedef struct SuiteSettings
{
	int		k;
	int		band; /* DTW_NO_BAND unless the metric is dtw */
	Metric	metric;
	Weights weights;
	double	max_novelty; /* 0: no limit */

	/* all zero unless fitted */
	LossScale	  scale;
	double		  shrinkage; /* that the matrix was learned with */
	const double *matrix;
	int			  n_entries; /* of the matrix */
	Calibration	  calibration;
} SuiteSettings;

/* One probe on its way into a suite. */
typedef struct Probe
{
	const char	*label; /* not NUL-terminated */
	const char	*id;	/* likewise, NULL if there is none */
	const float *losses;
	int			 label_length;
	int			 id_length;
	int			 n_epochs;
} Probe;

/*
 * On disk and in memory: this header, then the arrays that SuiteView points
 * to.  Probes stand in the order of (label, curve, id), labels and ids in C
 * order, so that the same probes and settings always make the same bytes.
 */
typedef struct ProbeSuite
{
	int32  vl_len_; /* varlena header, do not touch directly */
	uint8  version;
	uint8  metric;
	uint8  weights;
	uint8  parts; /* which it has besides, see below */
	uint64 hash;  /* of the content, by which values are told apart */
	int32  k;
	int32  band;
	int32  n_probes;
	int32  n_epochs; /* of the longest curve */
	int32  n_labels;
	int32  name_bytes; /* of all labels and ids together */
} ProbeSuite;

#define SUITE_HAS_MATRIX 1 /* of METRIC_FITTED only */
#define SUITE_HAS_CALIBRATION 2
#define SUITE_HAS_MAX_NOVELTY 4
#define SUITE_IS_FITTED (SUITE_HAS_MATRIX | SUITE_HAS_CALIBRATION)

/* What a suite of METRIC_FITTED has besides, or one that is calibrated. */
typedef struct SuiteFit
{
	double		shrinkage;	 /* 0 without a matrix */
	Calibration calibration; /* zeroes without one */
	int32		scale;
	int32		unused; /* 0 */
} SuiteFit;

/* Pointers into a suite. */
typedef struct SuiteView
{
	ProbeCurves	 curves;
	const int32 *probe_epochs;	/* each probe's number of epochs */
	const int32 *label_offsets; /* n_labels + 1, into names */
	const int32 *id_offsets;	/* n_probes, into names; -1 if none */
	const int32 *id_lengths;	/* n_probes */
	const char	*names;

	/* NULL if there is none */
	const SuiteFit *fit;
	const double   *matrix;
	const float	   *points; /* of METRIC_FITTED: the mapped probes */
	const double   *max_novelty;
} SuiteView;

#define DatumGetProbeSuite(datum) metaprobe_suite_from_datum(datum)
#define PG_GETARG_PROBE_SUITE(n) DatumGetProbeSuite(PG_GETARG_DATUM(n))
#define PG_RETURN_PROBE_SUITE(suite) PG_RETURN_POINTER(suite)

/* probe_suite.c */
extern ProbeSuite *metaprobe_suite_from_datum(Datum datum);
extern uint64	   metaprobe_suite_hash_of_datum(Datum datum);
extern bool		   metaprobe_suite_is_readable(const ProbeSuite *suite);
extern bool	  metaprobe_suite_size_is_valid(int64 n_probes, int64 n_epochs,
											int64 name_bytes, Node *escontext);
extern Size	  metaprobe_suite_view(const ProbeSuite *suite, SuiteView *view);
extern Probe  metaprobe_suite_probe(const SuiteView *view, int index);
extern Datum *metaprobe_suite_label_texts(const SuiteView *view);
extern int metaprobe_suite_find_label(const Datum *labels, int n, text *name);
extern Probe	  *metaprobe_suite_all_probes(const SuiteView *view);
extern FittedSpace metaprobe_suite_space(const SuiteView *view);
extern ProbeCurves metaprobe_suite_searched(const SuiteView *view);

/* probe_suite_build.c */
extern ProbeSuite *metaprobe_suite_build(const Probe *probes, int n_probes,
										 const SuiteSettings *settings,
										 Node				 *escontext);

/* probe_suite_hash.c */
extern uint64 metaprobe_suite_hash(const ProbeSuite *suite);

/* probe_suite_settings.c */
extern const char *const metaprobe_metric_names[N_METRICS];
extern const char *const metaprobe_weights_names[N_WEIGHTS];
extern const char *const metaprobe_scale_names[N_SCALES];
extern int metaprobe_metric_by_name(const char *name, Node *escontext);
extern int metaprobe_weights_by_name(const char *name, Node *escontext);
extern int metaprobe_scale_by_name(const char *name, Node *escontext);
extern SuiteSettings metaprobe_default_settings(int n_probes);
extern SuiteSettings metaprobe_suite_settings(const ProbeSuite *suite,
											  const SuiteView  *view);
extern bool metaprobe_settings_are_valid(const SuiteSettings *settings,
										 int n_probes, Node *escontext);
extern bool metaprobe_fit_is_valid(const SuiteSettings *settings, int n_epochs,
								   Node *escontext);

/* probe_suite_binary.c */
extern Datum	   metaprobe_probe_suite_send(PG_FUNCTION_ARGS);
extern bytea	  *metaprobe_suite_to_bytes(const ProbeSuite *suite);
extern ProbeSuite *metaprobe_suite_from_bytes(bytea *bytes);
extern void	 metaprobe_probe_write(StringInfo message, const Probe *probe,
								   bool for_client);
extern Probe metaprobe_probe_read(StringInfo message, bool from_client);

#endif /* METAPROBE_PROBE_SUITE_H */
