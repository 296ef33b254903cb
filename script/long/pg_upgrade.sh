# pg_upgrade from PostgreSQL 15 to 17 and from 17 to 18, with values of all kinds stored
#
# shellcheck shell=bash
# In the roots of script/lib/roots.sh, into which the older server comes from the
# release before.  UPGRADES="trixie:bookworm:15:17" does that one alone.

# shellcheck source=script/lib/roots.sh
. "$root/script/lib/roots.sh"

read -ra upgrades <<<"${UPGRADES:-trixie:bookworm:15:17 forky:trixie:17:18}"

need_for_pg_upgrade() {
	need_roots
}

# install_servers RELEASE OLDER OLD NEW: the older release's packages are taken where
# the newer one has none of that name.
install_servers() {
	local release=$1 older=$2 directory=$roots/$1
	shift 2
	echo "deb $mirror $older main" | as_root tee "$directory/etc/apt/sources.list.d/older.list" >/dev/null
	printf 'Package: *\nPin: release n=%s\nPin-Priority: 100\n' "$older" |
		as_root tee "$directory/etc/apt/preferences.d/older" >/dev/null
	as_root mkdir -p "$directory/etc/postgresql-common/createcluster.d"
	echo 'create_main_cluster = false' |
		as_root tee "$directory/etc/postgresql-common/createcluster.d/zz-metaprobe.conf" >/dev/null
	quietly "update-$release" in_root "$release" apt-get -q update &&
		quietly "servers-$release" in_root "$release" env DEBIAN_FRONTEND=noninteractive \
			apt-get -q -y install --no-install-recommends gcc libc6-dev make \
			"postgresql-$1" "postgresql-server-dev-$1" "postgresql-$2" "postgresql-server-dev-$2"
}

part_pg_upgrade() {
	local entry release older old new status
	copy_for_roots
	for entry in "${upgrades[@]}"; do
		IFS=: read -r release older old new <<<"$entry"
		say "-- PostgreSQL $old to $new, on $release"
		count_command make_root "$release" && count_command install_servers "$release" "$older" "$old" "$new" ||
			continue
		copy_into_root "$release" metaprobe-tree
		copy_into_root "$release" metaprobe-released
		status=0
		logged "pg_upgrade-$release" in_root "$release" /tmp/metaprobe-tree/test/pg_upgrade \
			"$old" "$new" /tmp/metaprobe-released || status=$?
		count_tap "$status" "$work/pg_upgrade-$release.log"
	done
}
