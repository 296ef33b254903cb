# a tag table of ROWS (10000000) curves: all tagged, then 1 % changed and refreshed
# shellcheck shell=bash
# Needs some 2 kB of disk a row while it runs.

need_for_refresh() {
	:
}

part_refresh() {
	local status=0
	need_server_running || return
	server_command createdb refresh
	run_psql -d refresh -c 'CREATE EXTENSION metaprobe'
	logged refresh run_psql -d refresh -v rows="${ROWS:-10000000}" -v data="$work/run/test/data/mnist" \
		-f "$work/run/test/load/big_table.sql" || status=$?
	count_tap "$status" "$work/refresh.log"
	server_command dropdb refresh
}
