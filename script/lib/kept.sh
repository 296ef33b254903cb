# shellcheck shell=bash
# The server that `script/demo --keep` leaves: its private directory and its
# pg_config stand, a line each, in a state file of the user who started it.

state_file=${XDG_STATE_HOME:-${HOME:-/tmp}/.local/state}/metaprobe/demo-server
kept_work=''
kept_config=''

# Sets the two above.  Fails if there is no kept server, or if its directory
# is gone, or is not one that we made.
find_kept_server() {
	[ -f "$state_file" ] || return 1
	{ read -r kept_work && read -r kept_config; } <"$state_file" || return 1
	[[ $kept_work == /*/metaprobe.?????? ]] && [ -O "$kept_work/kept" ]
}

# Runs a function with that server as the current one.
with_kept_server() {
	local work=$kept_work PG_CONFIG=$kept_config run_user
	run_user=$(stat -c %U "$work/data")
	cd "$work" || return
	"$@"
}

kept_server_runs() {
	find_kept_server &&
		with_kept_server server_command pg_ctl -D "$kept_work/data" status \
			>/dev/null 2>&1
}

# Also clears up after a server that a reboot has stopped.
drop_kept_server() {
	if find_kept_server; then
		! kept_server_runs || with_kept_server stop_server
		cd /
		rm -rf "$kept_work"
	fi
	rm -f "$state_file"
}

# Makes the current server the kept one: what would be undone at the end of
# this command stays, for --stop.
keep_server() {
	mkdir -p "$(dirname "$state_file")"
	: >"$work/kept"
	printf '%s\n%s\n' "$work" "$PG_CONFIG" >"$state_file"
	exit_actions=()
}
