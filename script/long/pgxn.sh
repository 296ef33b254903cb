# The distribution for PGXN: installed by the pgxn client, and tried
#
# shellcheck shell=bash

need_for_pgxn() {
	need zip has zip
	need unzip has unzip
	need pgxnclient has pgxn
}

# What the zip holds is all there is to build and test from.
unpack_distribution() {
	as_user "$work/dist/script/dist" "$work" &&
		as_user unzip -q -d "$work/unpacked" "$work"/metaprobe-*.zip
}

# The client reads META.json, unpacks, builds and installs.
install_distribution() {
	local runner=as_root
	! owns_server_directories || runner='env'
	"$runner" pgxn install --yes --nosudo --pg_config "$PG_CONFIG" "$(echo "$work"/metaprobe-*.zip)"
}

part_pgxn() {
	local status=0
	copy_tree dist
	count_command quietly pgxn-zip unpack_distribution || return
	count_command quietly pgxn-install install_distribution
	[ -n "${PGHOST:-}" ] || start_server || return
	logged pgxn-regress as_user make -s -C "$work"/unpacked/metaprobe-* PG_CONFIG="$PG_CONFIG" \
		installcheck ISOLATION= TAP_TESTS= REGRESS='loss_curve classification' || status=$?
	count_regress "$status" "$work/pgxn-regress.log"
}
