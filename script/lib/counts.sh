# shellcheck shell=bash
# Reads how many tests passed and failed out of what their runners print, and
# adds that up: first for one part, then for all.

part_passed=0
part_failed=0

count() {
	part_passed=$((part_passed + $1))
	part_failed=$((part_failed + $2))
}

# logged NAME COMMAND...: the output is shown and kept in NAME.log.
logged() {
	local log="$work/$1.log"
	shift
	"$@" 2>&1 </dev/null | tee "$log"
}

# A run that failed without a failed test (it crashed, planned more tests than
# it ran), or without any test at all, counts as one failure.
count_run() {
	local status=$1 passed=$2 failed=$3
	if [ "$failed" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$passed" -eq 0 ]; }; then
		say "This run ended with status $status after $passed tests."
		failed=1
	fi
	count "$passed" "$failed"
	[ "$failed" -eq 0 ]
}

# One command, one test.
count_command() {
	if "$@"; then count 1 0; else count 0 1; fi
}

# count_prove STATUS LOG: "Files=7, Tests=123, ..." per run, and for each file
# with failures "(Wstat: 256 (exited 1) Tests: 20 Failed: 2)".  A file that
# broke off without a failed test is one failure.
count_prove() {
	local tests failures failed broken
	failures=$(sed -n 's/^.*(Wstat: .* Tests: [0-9]* Failed: \([0-9]*\)).*/\1/p' "$2")
	tests=$(sed -n 's/^Files=[0-9]*, Tests=\([0-9]*\),.*/\1/p' "$2" | add_up)
	failed=$(add_up <<<"$failures")
	broken=$(grep -cx 0 <<<"$failures") || true
	count_run "$1" "$((tests - failed))" "$((failed + broken))"
}

# count_regress STATUS LOG: before PostgreSQL 16 "test name ... ok   12 ms" or,
# in a parallel group, "     name ... FAILED   12 ms"; from 16 on TAP lines.
count_regress() {
	local passed failed
	passed=$(grep -cE '^(test| )? .*\.\.\. +ok( |$)|^ok +[0-9]+ ' "$2") || true
	failed=$(grep -cE '^(test| )? .*\.\.\. .*FAILED|^not ok +[0-9]+ ' "$2") || true
	count_run "$1" "$passed" "$failed"
}

# count_unittest STATUS LOG: "Ran 70 tests in 50.1s", and at the end "OK (skipped=1)"
# or "FAILED (failures=1, errors=2)"; of one test, several subtests may fail.
count_unittest() {
	local tests failed skipped
	tests=$(sed -n 's/^Ran \([0-9]*\) tests\? in .*/\1/p' "$2" | add_up)
	failed=$(outcomes 'failures|errors|unexpected successes' "$2")
	skipped=$(outcomes 'skipped' "$2")
	[ "$((tests - skipped))" -ge "$failed" ] || tests=$((failed + skipped))
	count_run "$1" "$((tests - skipped - failed))" "$failed"
}

# outcomes KINDS LOG: how many tests the last line counts as one of these.
outcomes() {
	grep -E '^(OK|FAILED)( \(|$)' "$2" | tail -n 1 | grep -oE "($1)=[0-9]+" |
		sed 's/.*=//' | add_up
}

# count_tap STATUS LOG: lines "ok 1 - ..." and "not ok 2 - ...".
count_tap() {
	local passed failed
	passed=$(grep -c '^ok ' "$2") || true
	failed=$(grep -c '^not ok ' "$2") || true
	count_run "$1" "$passed" "$failed"
}

add_up() {
	awk '{ sum += $1 } END { print sum + 0 }'
}

total_passed=0
total_failed=0
summary=()

# run_part NAME: counts what the function part_NAME counts, a part without a
# test as one failure.
run_part() {
	local start=$SECONDS
	part_passed=0 part_failed=0 part_skipped=''
	say "" "== $1"
	"part_$1" || true
	if [ "$((part_passed + part_failed))" -eq 0 ] && [ -z "$part_skipped" ]; then
		say "No test ran in this part."
		part_failed=1
	fi
	add_part "$part_passed" "$part_failed" "$(printf '%-10s %5d passed, %3d failed, %4d s%s' "$1" \
		"$part_passed" "$part_failed" "$((SECONDS - start))" "${part_skipped:+ ($part_skipped)}")"
}

# add_part PASSED FAILED SUMMARY
add_part() {
	total_passed=$((total_passed + $1))
	total_failed=$((total_failed + $2))
	summary+=("$3")
}

# Parts that run now: the name of each by its process, which leads a process group.
declare -A running_parts=()

# run_parts NAME...: parts that do not disturb each other, two at a time, since most
# wait for something or use one CPU alone.  What one prints comes when it is over.
run_parts() {
	local name
	if [ "$#" -eq 1 ] || [ "$(nproc)" -eq 1 ]; then
		for name in "$@"; do
			run_part "$name"
		done
		return
	fi
	at_exit end_running_parts
	for name in "$@"; do
		[ "${#running_parts[@]}" -lt 2 ] || wait_for_a_part
		start_part "$name"
	done
	while [ "${#running_parts[@]}" -gt 0 ]; do
		wait_for_a_part
	done
}

start_part() {
	set -m
	counted_part "$1" >"$work/part-$1.log" 2>&1 </dev/null &
	set +m
	running_parts[$!]=$1
}

# In a process of its own, whose counts go to a file.
counted_part() {
	total_passed=0 total_failed=0 summary=()
	run_part "$1"
	say "$total_passed $total_failed ${summary[0]}" >"$work/part-$1.counts"
}

wait_for_a_part() {
	local process name passed failed line
	wait -n -p process || true
	name=${running_parts[$process]}
	unset "running_parts[$process]"
	cat "$work/part-$name.log"
	read -r passed failed line <"$work/part-$name.counts" 2>/dev/null ||
		{ passed=0 failed=1 line="$name broke off" && say "$line"; }
	add_part "$passed" "$failed" "$line"
}

end_running_parts() {
	local process
	for process in "${!running_parts[@]}"; do
		kill -TERM -- "-$process" 2>/dev/null
	done
	wait
}

# The last lines of the command, and its status.
report_parts() {
	say "" "== All parts"
	printf '%s\n' "${summary[@]}"
	say "$total_passed passed, $total_failed failed"
	[ "$total_failed" -eq 0 ]
}
