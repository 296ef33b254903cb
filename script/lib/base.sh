# shellcheck shell=bash
# Messages, privileges, and the private directory that everything happens in.

# A line for each argument.
say() {
	printf '%s\n' "$@"
}

die() {
	printf '%s: %s\n' "$program" "$*" >&2
	exit 1
}

# Runs a command as root: apt-get and `make install` need that, nothing else.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

may_become_root() {
	[ "$(id -u)" -eq 0 ] || type -P sudo >/dev/null
}

# Ends the command, unless as_root can work; says what for.
require_root() {
	may_become_root || die "this needs root, or a user with sudo: $*"
}

# Runs a command as the user whom hand_over_workdir has chosen.  HOME is the
# private directory, so that nobody's .psqlrc or .proverc has a say, and so is
# TMPDIR, where failed tests leave what they made.
as_user() {
	local changed=("HOME=$work" "TMPDIR=$work")
	if [ "$(id -u)" -eq 0 ]; then
		runuser -u "$run_user" -- env "${changed[@]}" "$@"
	else
		env "${changed[@]}" "$@"
	fi
}

# quietly NAME COMMAND...: the output goes to NAME.log, and is shown (its end)
# only when the command fails; the status is the command's.
quietly() {
	local log="$work/$1.log" status=0
	shift
	"$@" >"$log" 2>&1 </dev/null || status=$?
	if [ "$status" -ne 0 ]; then
		say "--- failed (status $status): $*"
		tail -n 80 "$log"
		say "---"
	fi
	return "$status"
}

# Undoing, last in first out, on every way out of the command.
exit_actions=()

at_exit() {
	exit_actions=("$1" "${exit_actions[@]}")
}

leave() {
	local status=$? action
	trap - EXIT
	trap '' INT TERM HUP
	set +e
	for action in "${exit_actions[@]}"; do
		"$action"
	done
	exit "$status"
}

trap leave EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Makes $work, where all happens and which goes away at the end.  A socket's
# path may have 107 bytes (tests have theirs in directories below), and root's
# own TMPDIR may be closed to others.
open_workdir() {
	local base=${TMPDIR:-/tmp}
	if [ "$(id -u)" -eq 0 ] || [ "${#base}" -gt 50 ]; then
		base=/tmp
	fi
	work=$(mktemp -d "$base/metaprobe.XXXXXX")
	at_exit remove_workdir
	cd "$work" || exit
}

remove_workdir() {
	cd /
	rm -rf "$work"
}

# PostgreSQL does not run as root, so root hands over to postgres, the user
# that Debian's package makes (or to nobody, for a server built by hand).
hand_over_workdir() {
	run_user=$(id -un)
	if [ "$(id -u)" -eq 0 ]; then
		run_user=postgres
		id postgres >/dev/null 2>&1 || run_user=nobody
		chown "$run_user" "$work"
	fi
}
