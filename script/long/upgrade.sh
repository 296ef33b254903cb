# All tests of every released version with the newest library, as after a package's upgrade
#
# shellcheck shell=bash
# The released SQL stays in use until ALTER EXTENSION UPDATE.  The tests are those of
# the release, out of git; the server is a private copy where it is the default version.
# What the library has come to answer otherwise on purpose, as CHANGELOG.md says, is in
# test/released/VERSION.patch, which changes these tests.

need_for_upgrade() {
	need_for_tap
	need patch has patch
}

# The functions below have $work and $PG_CONFIG of the release.

# The newest library, where the released version is the default one.
install_for_release() {
	PG_CONFIG=$(as_user "$root/test/private_server" "$work/server" "$PG_CONFIG") &&
		as_user make -s -C "$newest" PG_CONFIG="$PG_CONFIG" install &&
		sed -i "s/^default_version = .*/default_version = '$1'/" \
			"$("$PG_CONFIG" --sharedir)/extension/metaprobe.control"
}

# expect_changes VERSION
expect_changes() {
	local changes=$root/test/released/$1.patch
	[ ! -e "$changes" ] || patch --silent --fuzz=0 --strip=1 --directory="$work/tree" <"$changes"
}

# release_tests NAME MAKE-ARGUMENT...
release_tests() {
	local name=$1
	shift
	logged "$name" as_user make -s -C "$work/tree" PG_CONFIG="$PG_CONFIG" installcheck "$@"
}

# Those with a server, which has the name that start_server gives it.
release_server_tests() {
	local status=0 PGHOST PGPORT PGUSER
	start_server || return
	release_tests regress ISOLATION= TAP_TESTS= || status=$?
	count_regress "$status" "$work/regress.log" || head -n 400 "$work/tree/regression.diffs"
	status=0
	release_tests isolation REGRESS= TAP_TESTS= || status=$?
	count_regress "$status" "$work/isolation.log" || head -n 400 "$work/tree/output_iso/regression.diffs"
	stop_server
}

# The TAP tests of before know the version that the control file had.
release_tap_tests() {
	local status=0
	release_tests tap REGRESS= ISOLATION= TAP_TESTS=1 PROVE_FLAGS="--jobs $(nproc)" || status=$?
	count_prove "$status" "$work/tap.log"
}

test_release() {
	local version=$1 newest=$work/newest work=$work/$1 PG_CONFIG=$PG_CONFIG
	expect_changes "$version" || { count 0 1 && return; }
	chown -R "$run_user" "$work"
	count_command quietly install install_for_release "$version" || return
	release_server_tests || count 0 1
	release_tap_tests
}

stop_release_servers() {
	local all=$work work
	for work in "$all"/*/; do
		stop_server
	done
}

part_upgrade() {
	local directory version
	"$root/test/released_sources" "$work/sources"
	copy_tree newest && quietly build build_tree newest || return
	at_exit stop_release_servers
	for directory in "$work"/sources/*/; do
		[ -d "$directory" ] || continue
		version=$(basename "$directory")
		say "-- metaprobe $version"
		mkdir "$work/$version"
		cp -r "$directory" "$work/$version/tree"
		test_release "$version"
	done
	if [ -z "${version:-}" ]; then
		part_skipped='skipped: the sources of released versions are not here'
	fi
}
