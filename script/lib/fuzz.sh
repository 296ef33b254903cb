# shellcheck shell=bash
# Fuzzing by libFuzzer in server processes of their own (test/fuzz), for a part of
# script/test that is short and one of script/test-long that is not.

need_for_fuzzing() {
	need clang has clang
	need clang-runtime has_fuzzer_runtime
	name_later clang-runtime clang_runtime
}

# The package of clang's version, for which the lists of packages are asked if clang is
# still to be installed.
clang_runtime() {
	local major
	major=$(clang -dumpversion 2>/dev/null | cut -d . -f 1)
	say "libclang-rt-${major:-$(apt-cache depends clang | sed -n 's/.* clang-\([0-9]*\)$/\1/p' | head -n 1)}-dev"
}

has_fuzzer_runtime() {
	compgen -G "$(clang -print-resource-dir)/lib/*/libclang_rt.fuzzer_no_main*.a" >/dev/null
}

# What takes values, and every function that reads the state of an aggregate.
fuzz_targets() {
	say curve_text curve_binary suite_text suite_binary moments_binary neighbours_binary
	sed -n 's/^\tDESERIALFUNC = \([a-z_]*\),\?$/\1/p' "$root"/src/*.sql | sort -u
}

fuzz_library=''
fuzz_preload=''

# fuzz_backend DATA DATABASE: a server process in single-user mode, so that a crash
# ends nothing but the target.
fuzz_backend() {
	as_user env LD_PRELOAD="$fuzz_preload" ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
		UBSAN_OPTIONS=print_stacktrace=1 \
		"$("$PG_CONFIG" --bindir)/postgres" --single -D "$1" "$2"
}

# Makes a data directory where metaprobe's functions are those of the library with
# the sanitizers; targets work on copies of it.
prepare_fuzzing() {
	local build=$work/run/test/fuzz/build
	need_installed_tree &&
		quietly fuzz-build as_user make -s -j"$(nproc)" -C "$work/run/test/fuzz" \
			PG_CONFIG="$PG_CONFIG" || return
	fuzz_library=$build/fuzz
	fuzz_preload=$(make -s -C "$work/run/test/fuzz" preload)
	quietly fuzz-initdb server_command initdb --no-sync -A trust -U postgres \
		-E UTF8 --locale=C.UTF-8 -D "$work/fuzz-data" || return
	say 'fsync = off' 'log_checkpoints = off' 'shared_buffers = 16MB' |
		as_user tee -a "$work/fuzz-data/postgresql.conf" >/dev/null
	quietly fuzz-database make_fuzz_database
}

# Two processes, since one cannot load both libraries of metaprobe.
make_fuzz_database() {
	fuzz_backend "$work/fuzz-data" postgres <<-SQL &&
		CREATE DATABASE fuzz
	SQL
		fuzz_backend "$work/fuzz-data" fuzz <<-SQL &&
			CREATE EXTENSION metaprobe
			UPDATE pg_proc SET probin = '$fuzz_library' WHERE probin = '\$libdir/metaprobe'
		SQL
		fuzz_backend "$work/fuzz-data" fuzz <<-SQL
			CREATE FUNCTION fuzz(text, text[]) RETURNS void LANGUAGE c AS '$fuzz_library', 'fuzz'
		SQL
}

# fuzz_target NAME SECONDS: its output goes to fuzz-NAME.log.
fuzz_target() {
	local name=$1 seconds=$2 data=$work/fuzz-data-$1 corpus=$work/fuzz-corpus/$1
	local arguments="'-max_total_time=$seconds', '-max_len=4096', '-timeout=60',
		'-rss_limit_mb=4000', '-print_final_stats=1', '-artifact_prefix=$work/fuzz-corpus/$1-'"
	case $name in
		*_text) arguments="$arguments, '-dict=$work/run/test/fuzz/${name%_text}.dict'" ;;
	esac
	[ -z "${SEED:-}" ] || arguments="$arguments, '-seed=$SEED'"
	as_user cp -r "$work/fuzz-data" "$data"
	as_user mkdir -p "$corpus"
	[ ! -d "$root/test/fuzz/corpus/$name" ] ||
		as_user cp -r "$work/run/test/fuzz/corpus/$name" "$work/fuzz-corpus"
	tr -d '\n' <<<"SELECT fuzz('$name', ARRAY[$arguments, '$corpus'])" |
		fuzz_backend "$data" fuzz >"$work/fuzz-$name.log" 2>&1
	rm -rf "$data"
}

# report_fuzz_target NAME: counts it, and says what it found.
report_fuzz_target() {
	local log=$work/fuzz-$1.log runs coverage
	runs=$(sed -n 's/^Done \([0-9]*\) runs in .*/\1/p' "$log")
	coverage=$(grep -ao 'cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1)
	say "$1: ${runs:-no end of the} runs, ${coverage:-no coverage}, $(sed -n 's/^INFO: Seed: /seed /p' "$log")"
	if [ -n "$runs" ]; then
		count 1 0
	else
		tail -n 60 "$log"
		count 0 1
	fi
}

# fuzz_all SECONDS: all targets, as many at once as there are CPUs.
fuzz_all() {
	local name
	prepare_fuzzing || return
	for name in $(fuzz_targets); do
		while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
			wait -n || true
		done
		fuzz_target "$name" "$1" &
	done
	wait
	for name in $(fuzz_targets); do
		report_fuzz_target "$name"
	done
}
