# shellcheck shell=bash
# Private copies of the source tree.  Nothing is built in the checkout, so it
# may be root's or read-only, and stays clean.

# copy_tree NAME: the sources, without what a build left there, as $work/NAME
# of the user that will run things.
copy_tree() {
	local version
	version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$root/metaprobe.control")
	mkdir "$work/$1"
	tar -C "$root" -cf - --exclude=./.git \
		--exclude='*.o' --exclude='*.so' --exclude='*.bc' \
		--exclude="./metaprobe--$version.sql" --exclude=./test/core/build \
		--exclude=./test/fuzz/build \
		--exclude=./results --exclude='./regression.*' \
		--exclude=tmp_check --exclude=output_iso . |
		tar -C "$work/$1" --no-same-owner -xf -
	if [ "$(id -u)" -eq 0 ]; then
		chown -R "$run_user" "$work/$1"
	fi
}

# build_tree NAME MAKE-ARGUMENT...
build_tree() {
	local name=$1
	shift
	as_user make -s -j"$(nproc)" -C "$work/$name" PG_CONFIG="$PG_CONFIG" "$@"
}

# Can this user write where the server looks for extensions?
owns_server_directories() {
	[ -w "$("$PG_CONFIG" --pkglibdir)" ] && [ -w "$("$PG_CONFIG" --sharedir)/extension" ]
}

# Installs a built copy there: as root, or as whoever owns these directories.
install_tree() {
	local runner=as_root
	! owns_server_directories || runner='env'
	"$runner" make -s -C "$work/$1" PG_CONFIG="$PG_CONFIG" install
}
