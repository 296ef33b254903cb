# the same under Valgrind, with PostgreSQL's own suppressions; hours (TESTS)
# shellcheck shell=bash

# shellcheck source=script/lib/source_server.sh
. "$root/script/lib/source_server.sh"

need_for_valgrind() {
	need_for_source_server
}

part_valgrind() {
	need_source_server || return
	as_user mkdir "$work/valgrind-logs"
	source_tests valgrind valgrind --quiet --leak-check=no --trace-children=yes --num-callers=30 \
		--suppressions="$source_server/source/src/tools/valgrind.supp" \
		--error-markers=VALGRINDERROR-BEGIN,VALGRINDERROR-END \
		--log-file="$work/valgrind-logs/%p.log"
	say "$(find "$work/valgrind-logs" -name '*.log' | wc -l) processes were watched."
	count_command no_valgrind_error
}

no_valgrind_error() {
	! grep -h -A40 VALGRINDERROR-BEGIN "$work"/valgrind-logs/*.log
}
