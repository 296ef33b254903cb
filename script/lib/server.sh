# shellcheck shell=bash
# A private throw-away server: its data and its socket are in $work, it listens
# on no port, and only the user who runs it (and root) can reach it.

server_command() {
	local command=$1
	shift
	as_user "$("$PG_CONFIG" --bindir)/$command" "$@"
}

# Leaves PGHOST, PGPORT and PGUSER set for the clients.
start_server() {
	quietly initdb server_command initdb --no-sync -A trust -U postgres \
		-E UTF8 --locale=C.UTF-8 -D "$work/data" || return
	cat >>"$work/data/postgresql.conf" <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$work'
		fsync = off
	CONF
	at_exit stop_server
	quietly pg_ctl server_command pg_ctl -w -s -D "$work/data" \
		-l "$work/server.log" start || {
		tail -n 20 "$work/server.log"
		return 1
	}
	export PGHOST=$work PGPORT=5432 PGUSER=postgres
}

stop_server() {
	[ -e "$work/data/postmaster.pid" ] || return 0
	server_command pg_ctl -w -s -D "$work/data" -m fast stop
}

# prepare_server DATABASE: all of it in one, for a command that shows what the
# extension does.  What else it needs is named before (need, want); the sources
# are then in $work/tree.
prepare_server() {
	open_workdir
	need_build_tools
	install_missing
	owns_server_directories || require_root "to install into $("$PG_CONFIG" --pkglibdir)"
	hand_over_workdir
	copy_tree tree
	say "Building metaprobe for $("$PG_CONFIG" --version) in a private copy"
	quietly build build_tree tree
	quietly install install_tree tree
	say "Starting a private server in $work"
	start_server
	server_command createdb "$1"
	export PGDATABASE=$1 PGCLIENTENCODING=UTF8
}

# In that database.
run_psql() {
	server_command psql -X -q -v ON_ERROR_STOP=1 -P pager=off "$@"
}
