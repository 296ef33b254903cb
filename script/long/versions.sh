# Debian 12, 13 and the next release, in roots of their own: PostgreSQL 15, 17 and 18, gcc and clang
#
# shellcheck shell=bash
# RELEASES="trixie:17" runs those alone.  script/lib/roots.sh says where the roots
# are kept, and METAPROBE_MIRROR which mirror they come from.

# shellcheck source=script/lib/roots.sh
. "$root/script/lib/roots.sh"

read -ra releases <<<"${RELEASES:-bookworm:15 trixie:17 forky:18}"

need_for_versions() {
	need_roots
}

# script_test RELEASE COMPILER PART...: script/test there, whose tests count here.
script_test() {
	local release=$1 compiler=$2 name=$1-$2 status=0 passed failed
	shift 2
	say "-- $release, $compiler"
	logged "$name" in_root "$release" env CC="$compiler" METAPROBE_RELEASED=/tmp/metaprobe-released \
		/tmp/metaprobe-tree/script/test "$@" || status=$?
	read -r passed failed < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$work/$name.log" | tail -n 1)
	count_run "$status" "${passed:-0}" "${failed:-0}"
}

# The server is of the version that this release is for.
has_major() {
	grep -q "^Testing with PostgreSQL $2\b" "$work/$1-gcc.log" ||
		{ say "$1 does not have PostgreSQL $2" && false; }
}

part_versions() {
	local entry release major
	copy_for_roots
	for entry in "${releases[@]}"; do
		IFS=: read -r release major <<<"$entry"
		count_command make_root "$release" || continue
		copy_into_root "$release" metaprobe-tree
		copy_into_root "$release" metaprobe-released
		script_test "$release" gcc build core regress isolation tap python
		script_test "$release" clang regress isolation tap
		count_command has_major "$release" "$major"
	done
}
