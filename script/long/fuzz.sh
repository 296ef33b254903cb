# libFuzzer on all that reads bytes of others (MINUTES, 10, for each target; SEED)
# shellcheck shell=bash

need_for_fuzz() {
	need_for_fuzzing
}

# What the corpora grew to is left in FUZZ_CORPUS, if that names a directory; a sample of
# small files from it belongs into the repository.
part_fuzz() {
	fuzz_all "$((${MINUTES:-10} * 60))" || return
	[ -z "${FUZZ_CORPUS:-}" ] || cp -r "$work/fuzz-corpus/." "$FUZZ_CORPUS"
}
