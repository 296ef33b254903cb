# shellcheck shell=bash
# The parts of script/test: for each, what it needs installed, and how it runs.
# A part must go on after a failure: run_part calls it where errors do not end
# the script.

# shellcheck source=script/lib/fuzz.sh
. "$root/script/lib/fuzz.sh"

need_for_format() {
	want clang-format-14 has_clang_format
	want clang-tidy-14 has_clang_tidy
	want shellcheck has shellcheck
}

need_for_build() {
	need clang has_clang
}

need_for_core() {
	need clang has_clang
	need libcmocka-dev test -e /usr/include/cmocka.h
	need perl has prove
}

need_for_regress() {
	:
}

need_for_isolation() {
	:
}

need_for_tap() {
	want zip has zip
	want unzip has unzip
	need perl has prove
	need libipc-run-perl perl -MIPC::Run -e 1
	want_server_module cron pg_cron.so
	want_server_module jit llvmjit.so # a package of its own from 18 on
	want_python psycopg
	want_python torch
	want_python jinja2
	want_python yaml
}

need_for_citus() {
	need perl has prove
	need libipc-run-perl perl -MIPC::Run -e 1
}

need_for_fuzz() {
	need_for_fuzzing
}

need_for_python() {
	need_python numpy psycopg
}

need_for_examples() {
	need_python numpy psycopg sklearn torch
}

need_for_report() {
	need_python psycopg
	want_python jsonschema
	want npm has npm
	want chromium has chromium
}

# What another version of clang-format wants would be noise.
clang_format() {
	if has clang-format-14; then
		echo clang-format-14
	elif clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
		echo clang-format
	else
		return 1
	fi
}

has_clang_format() {
	clang_format
}

clang_tidy() {
	if has clang-tidy-14; then
		echo clang-tidy-14
	elif clang-tidy --version 2>/dev/null | grep -q 'version 14\.'; then
		echo clang-tidy
	else
		return 1
	fi
}

has_clang_tidy() {
	clang_tidy
}

# Debian's server headers bring a clang of their own, under its version's name.
second_compiler() {
	type -P clang || find /usr/bin -name 'clang-[0-9]*' | sort -V | tail -n 1
}

has_clang() {
	[ -n "$(second_compiler)" ]
}

# The tree for the checkers, made once.
need_format_tree() {
	[ -e "$work/format" ] || copy_tree format
}

check_format() {
	local formatter
	formatter=$(clang_format) || { say 'Skipped: no clang-format 14 here' && return; }
	need_format_tree
	count_command quietly check-format as_user make -s -C "$work/format" \
		PG_CONFIG="$PG_CONFIG" CLANG_FORMAT="$formatter" check-format
}

# check_tidy FLAG...
check_tidy() {
	local tidy
	tidy=$(clang_tidy) || { say 'Skipped: no clang-tidy 14 here' && return; }
	need_format_tree
	count_command quietly check-tidy as_user make -s -C "$work/format" \
		PG_CONFIG="$PG_CONFIG" CLANG_TIDY="$tidy" TIDY_FLAGS="$*" check-tidy
}

# Every script that a user runs, with what it sources; then what those choose by
# name, which knows the variables of script/lib.
check_shell() {
	has shellcheck || { say 'Skipped: no shellcheck here' && return; }
	need_format_tree
	cd "$work/format" || return
	mapfile -t scripts < <(grep -rlE '^#!/bin/(ba)?sh' --include='*' \
		script report examples test packaging | sort)
	count_command quietly shellcheck as_user shellcheck -x -S warning "${scripts[@]}"
	count_command quietly shellcheck-parts as_user shellcheck -x -S warning -e SC2154,SC2034 \
		script/lib/*.sh script/long/*.sh
	cd "$work" || return
}

# The analyzer's checks take longer: script/long/tidy.sh.
part_format() {
	check_format
	check_tidy '--checks=-clang-analyzer-*'
	check_shell
	if [ "$((part_passed + part_failed))" -eq 0 ]; then
		part_skipped='skipped: no clang-format 14, no clang-tidy 14 and no shellcheck here'
	fi
}

# warning_free COMPILER MAKE-ARGUMENT...
warning_free() {
	local name
	name=build-$(basename "$1")
	shift
	copy_tree "$name" && quietly "$name" build_tree "$name" WERROR=1 "$@" &&
		! grep -i 'warning:' "$work/$name.log"
}

part_build() {
	gcc --version | head -n 1
	"$(second_compiler)" --version | head -n 1
	count_command warning_free gcc CC=gcc with_llvm=no
	count_command warning_free "$(second_compiler)" CC="$(second_compiler)" with_llvm=no
}

# core_tests EFFORT NAME MAKE-ARGUMENT...: with so many times the usual number of
# random cases.
core_tests() {
	local effort=$1 name=core-$2 status=0
	shift 2
	say "$*"
	copy_tree "$name"
	logged "$name" as_user env METAPROBE_EFFORT="$effort" \
		make -s -j"$(nproc)" -C "$work/$name/test/core" \
		PROVE_FLAGS="--comments --jobs $(nproc)" check "$@" || status=$?
	count_prove "$status" "$work/$name.log"
}

# core_builds EFFORT
core_builds() {
	core_tests "$1" gcc CC=gcc
	core_tests "$1" clang CC="$(second_compiler)"
	core_tests "$1" sanitized CC=gcc SANITIZE=1 CFLAGS='-O1 -g'
}

# script/test-long has the same for longer.
part_core() {
	core_builds 0.25
}

# The compiler of the build that is installed and tested: the server's, or the
# one that CC names.  clang makes no bitcode, as in the part "build".
compiler_options=()

choose_compiler() {
	local compiler=${CC:-}
	[ "$compiler" != clang ] || compiler=$(second_compiler)
	[ -z "$compiler" ] || compiler_options=("CC=$compiler")
	[[ $compiler != *clang* ]] || compiler_options+=(with_llvm=no)
	# The server's may have options.
	read -r compiler _ <<<"${compiler:-$("$PG_CONFIG" --cc)}"
	say "Compiler: $("$compiler" --version | head -n 1)"
}

# The parts below share one installed build, and the next two one server.
need_installed_tree() {
	[ ! -e "$work/run" ] || return "$run_tree_status"
	run_tree_status=1
	choose_compiler
	copy_tree run && quietly build build_tree run "${compiler_options[@]}" &&
		quietly install install_tree run && run_tree_status=0
	return "$run_tree_status"
}

need_server_running() {
	need_installed_tree || return
	[ -n "${PGHOST:-}" ] || start_server
}

# prepare_parts NAME...: what several of them share, and each finds ready.  Where that
# fails, those parts do.
prepare_parts() {
	local names=" $* "
	if [[ $names =~ \ (regress|isolation|python|examples|report)\  ]]; then
		need_server_running || true
	elif [[ $names =~ \ (tap|citus|fuzz)\  ]]; then
		need_installed_tree || true
	fi
	if [[ $names == *' format '* ]]; then
		need_format_tree
	fi
}

# installcheck NAME MAKE-ARGUMENT...: PGXS's own target, with only the kind of
# tests that the arguments leave.
installcheck() {
	local name=$1
	shift
	logged "$name" as_user make -s -C "$work/run" PG_CONFIG="$PG_CONFIG" installcheck "$@"
}

# show_regress_failure DIRECTORY: the differences, and what the server says of
# crashes.
show_regress_failure() {
	[ ! -e "$1/regression.diffs" ] || head -n 400 "$1/regression.diffs"
	grep -aE 'PANIC|TRAP|terminated by signal' "$work/server.log"
}

part_regress() {
	local status=0
	need_server_running || return
	installcheck regress ISOLATION= TAP_TESTS= || status=$?
	count_regress "$status" "$work/regress.log" || show_regress_failure "$work/run"
}

part_isolation() {
	local status=0
	need_server_running || return
	installcheck isolation REGRESS= TAP_TESTS= || status=$?
	count_regress "$status" "$work/isolation.log" ||
		show_regress_failure "$work/run/output_iso"
}

# These start servers of their own.
part_tap() {
	local status=0
	compgen -G "$root/test/t/*.pl" >/dev/null && need_installed_tree || return
	# The copy that is tested has no repository.
	"$root/test/released_sources" "$work/released"
	METAPROBE_RELEASED=$work/released installcheck tap REGRESS= ISOLATION= TAP_TESTS=1 \
		PROVE_FLAGS="--jobs $(nproc)" || status=$?
	count_prove "$status" "$work/tap.log" || show_tap_failures tap
}

# Every file starts three servers, so they run one by one; in a copy of the tree, since
# PGXS clears the directory of the tests that it starts, and part tap may be in its own.
part_citus() {
	local status=0
	if [ ! -e "$("$PG_CONFIG" --pkglibdir)/citus.so" ]; then
		part_skipped='skipped: this server has no Citus'
		say "This server has no Citus (no $("$PG_CONFIG" --pkglibdir)/citus.so)."
		return
	fi
	need_installed_tree || return
	as_user mkdir "$work/run-citus"
	as_user tar -C "$work/run" --exclude=./tmp_check -c . | as_user tar -C "$work/run-citus" -x
	logged citus as_user make -s -C "$work/run-citus" PG_CONFIG="$PG_CONFIG" installcheck \
		REGRESS= ISOLATION= TAP_TESTS=1 PROVE_TESTS='test/citus/*.pl' || status=$?
	count_prove "$status" "$work/citus.log" || show_tap_failures citus run-citus
}

# show_tap_failures NAME [TREE]: the logs, in that tree, of the test files that prove's
# summary in NAME.log names.
show_tap_failures() {
	local name log
	sed -n 's|^test/[a-z]*/\(.*\)\.pl *(Wstat:.*|\1|p' "$work/$1.log" |
		while read -r name; do
			log=$work/${2:-run}/tmp_check/log/regress_log_$name
			say "--- end of ${log##*/}"
			tail -n 60 "$log" | cut -c 1-500
		done
}

# script/test-long has the same for longer.
part_fuzz() {
	fuzz_all 6
}

# These use the shared server, and start servers of their own to kill them.
part_python() {
	local status=0
	need_server_running || return
	logged python as_user env PYTHONDONTWRITEBYTECODE=1 PG_CONFIG="$PG_CONFIG" \
		"$python" -m unittest discover -s "$work/run/test/python" || status=$?
	count_unittest "$status" "$work/python.log"
}

# The digits with one seed, and a few runs trained anew.
run_examples() {
	local examples=$work/run/examples database=$1
	run_psql -d "$database" -c 'CREATE EXTENSION metaprobe' &&
		as_user env PYTHONPATH="$work/run/clients/python" "$python" \
			"$examples/digits/story.py" --conninfo "dbname=$database" --seeds 1 &&
		run_psql -d "$database" -f "$examples/digits/sql/report.sql" &&
		as_user mkdir "$work/examples" &&
		as_user "$python" "$examples/runs/make_runs.py" --runs 1 --into "$work/examples" &&
		run_psql -d "$database" -v data="$work/examples" \
			-f "$examples/runs/sql/load.sql" -f "$examples/runs/sql/curves.sql"
}

part_examples() {
	local status=0
	need_server_running || return
	server_command createdb examples
	count_command quietly examples run_examples examples
	logged examples-checks run_psql -d examples -At -f "$work/run/test/sql/examples.sql" || status=$?
	count_tap "$status" "$work/examples-checks.log"
}

# Its tests install what they need from npm, and are skipped where they cannot.
part_report() {
	local status=0
	need_server_running || return
	logged report as_user env PYTHONDONTWRITEBYTECODE=1 "$python" -m unittest discover -v \
		-s "$work/run/test/report" || status=$?
	if [ "$status" -eq 0 ] && ! grep -q '\.\.\. ok$' "$work/report.log"; then
		part_skipped='skipped: what it needs is missing, see above'
		return
	fi
	count_unittest "$status" "$work/report.log"
}
