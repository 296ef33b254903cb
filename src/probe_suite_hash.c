/*
 * probe_suite_hash.c
 *		The content hash of probe suites.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "port/pg_bswap.h"

#include "compat.h"
#include "probe_suite.h"

/* Feed SHA-256; failures are those of the library behind it. */
static void
hash_bytes_of(pg_cryptohash_ctx *sha, const void *bytes, Size length)
{
	if (pg_cryptohash_update(sha, bytes, length) < 0)
		elog(ERROR, "could not update SHA-256: %s", pg_cryptohash_error(sha));
}

static void
hash_int(pg_cryptohash_ctx *sha, int32 value)
{
	uint32 big_endian = pg_hton32((uint32) value);

	hash_bytes_of(sha, &big_endian, sizeof(big_endian));
}

static void
hash_double(pg_cryptohash_ctx *sha, double value)
{
	uint64 bits;

	memcpy(&bits, &value, sizeof(bits));
	bits = pg_hton64(bits);
	hash_bytes_of(sha, &bits, sizeof(bits));
}

/* What the points of a fitted suite follow from. */
static void
hash_fit(pg_cryptohash_ctx *sha, const SuiteView *view)
{
	size_t n_entries = 0;

	if (view->matrix)
		n_entries = metaprobe_triangle_size(view->curves.n_epochs);
	hash_int(sha, view->fit->scale);
	hash_double(sha, view->fit->shrinkage);
	hash_double(sha, view->fit->calibration.offset);
	hash_double(sha, view->fit->calibration.power);
	hash_int(sha, n_entries);
	for (size_t i = 0; i < n_entries; i++)
		hash_double(sha, view->matrix[i]);
}

static void
hash_probe(pg_cryptohash_ctx *sha, const Probe *probe, uint32 *room)
{
	hash_int(sha, probe->label_length);
	hash_bytes_of(sha, probe->label, probe->label_length);
	hash_int(sha, probe->id ? probe->id_length : -1);
	if (probe->id)
		hash_bytes_of(sha, probe->id, probe->id_length);
	hash_int(sha, probe->n_epochs);
	for (int i = 0; i < probe->n_epochs; i++)
	{
		uint32 bits;

		memcpy(&bits, &probe->losses[i], sizeof(bits));
		room[i] = pg_hton32(bits);
	}
	hash_bytes_of(sha, room, probe->n_epochs * sizeof(uint32));
}

/*
 * The first 64 bits of the SHA-256 of settings and probes, in a form that does
 * not depend on the machine or on the layout.
 */
uint64
metaprobe_suite_hash(const ProbeSuite *suite)
{
	pg_cryptohash_ctx *sha = pg_cryptohash_create(PG_SHA256);
	uint8			   digest[PG_SHA256_DIGEST_LENGTH];
	uint32			  *room = palloc(suite->n_epochs * sizeof(uint32));
	uint64			   head;
	SuiteView		   view;

	metaprobe_suite_view(suite, &view);
	if (pg_cryptohash_init(sha) < 0)
		elog(ERROR, "could not start SHA-256: %s", pg_cryptohash_error(sha));
	hash_int(sha, suite->k);
	hash_int(sha, suite->metric);
	hash_int(sha, suite->weights);
	hash_int(sha, suite->band);
	hash_int(sha, suite->n_probes);
	for (int i = 0; i < suite->n_probes; i++)
	{
		Probe probe = metaprobe_suite_probe(&view, i);

		hash_probe(sha, &probe, room);
	}
	if (view.fit)
		hash_fit(sha, &view);
	if (view.max_novelty)
		hash_double(sha, *view.max_novelty);
	if (pg_cryptohash_final(sha, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not finish SHA-256: %s", pg_cryptohash_error(sha));
	pg_cryptohash_free(sha);
	pfree(room);

	memcpy(&head, digest, sizeof(head));
	return pg_ntoh64(head);
}
