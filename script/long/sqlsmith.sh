# random queries by sqlsmith: no crash, no internal error (MINUTES, 30; SEED)
# shellcheck shell=bash

# sqlsmith runs as an ordinary user who owns the tables of test/sql/values.sql, in
# turns of a minute with seeds of their own, after each of which the server's log
# is looked through and emptied.

need_for_sqlsmith() {
	need sqlsmith has sqlsmith
}

smith_log=''

# The server of its own that sqlsmith may hurt.  Errors come with their SQLSTATE and
# the file that raised them; functions are counted.
start_smith_server() {
	smith_log=$work/server.log
	need_installed_tree && start_server &&
		quietly smith-database prepare_smith_database
}

prepare_smith_database() {
	server_command psql -X -q -d postgres -v ON_ERROR_STOP=1 \
		-c "ALTER SYSTEM SET log_line_prefix = '%p %e '" \
		-c "ALTER SYSTEM SET log_error_verbosity = verbose" \
		-c "ALTER SYSTEM SET track_functions = 'all'" \
		-c "ALTER SYSTEM SET work_mem = '1MB'" \
		-c "ALTER SYSTEM SET temp_file_limit = '1GB'" \
		-c "SELECT pg_reload_conf()" \
		-c "CREATE ROLE smith LOGIN" -c "CREATE DATABASE smith OWNER smith" &&
		PGUSER=smith server_command psql -X -q -d smith -v ON_ERROR_STOP=1 -o /dev/null \
			-c "CREATE EXTENSION metaprobe" -f "$work/run/test/sql/values.sql" \
			-f "$work/run/test/sql/sqlsmith.sql"
}

# smith_turn SEED SECONDS: sqlsmith ends by itself only if it cannot go on.
smith_turn() {
	local target="host=$PGHOST port=$PGPORT user=smith dbname=smith"
	as_user timeout "$2" sqlsmith --target="$target" --exclude-catalog --verbose --seed="$1" \
		>"$work/sqlsmith.log" 2>&1 </dev/null
}

# The internal errors in the log: for each its message, then the function and file that
# raised it.
smith_internal_errors() {
	awk '
		/^[0-9]+ [0-9A-Z]+ (ERROR|FATAL|PANIC):/ { message = "" }
		/^[0-9]+ XX[0-9A-Z]* (ERROR|FATAL|PANIC):/ { message = $0; sub(/^[^:]*: */, "", message) }
		/ LOCATION: / && message != "" { print message " (" $4 " " $5 ")"; message = "" }
	' "$smith_log"
}

# Of these, the ones that metaprobe raised; sqlsmith knows how to provoke the others in
# the server alone.
raised_by_metaprobe() {
	local sources
	sources=$(find "$root/src" -name '*.c' -printf '%f\n' | paste -sd '|')
	grep -E " ($sources):[0-9]+\\)$"
}

smith_crashes() {
	grep -aE 'PANIC|TRAP:|terminated by signal|server process .* was terminated' "$smith_log"
}

# The queries of the last turn: sqlsmith prints a character for each.
smith_queries() {
	grep -E '^[.eStC]+$' "$work/sqlsmith.log" | tr -d '\n' | wc -c
}

smith_function_calls() {
	server_command psql -X -At -d smith -c "SELECT count(*) || ' functions of metaprobe ' ||
		coalesce(sum(calls), 0) || ' times' FROM pg_stat_user_functions
		JOIN pg_depend ON classid = 'pg_catalog.pg_proc'::regclass AND objid = funcid AND deptype = 'e'"
}

part_sqlsmith() {
	local seed=${SEED:-$RANDOM} minutes=${MINUTES:-30} turn queries=0 found
	start_smith_server || return
	say "seed: $seed (SEED=$seed repeats this run)"
	for turn in $(seq 1 "$minutes"); do
		smith_turn "$((seed + turn))" 60
		queries=$((queries + $(smith_queries)))
		if found=$(smith_crashes); then
			say "$found"
			count 0 1
			return
		fi
		smith_internal_errors >>"$work/internal-errors.log"
		if found=$(smith_internal_errors | raised_by_metaprobe); then
			say "turn $turn, seed $((seed + turn)):" "$found"
			count 0 1
		else
			count 1 0
		fi
		: >"$smith_log"
	done
	say "$queries queries called $(smith_function_calls)"
	say "Internal errors that the server raised:" "$(sort "$work/internal-errors.log" | uniq -c)"
}
