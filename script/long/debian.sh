# The Debian package: built in a clean root, and installed and tried in another
# shellcheck shell=bash
# METAPROBE_RELEASE chooses the Debian release, bookworm unless it is set.

# shellcheck source=script/lib/root.sh
. "$root/script/lib/root.sh"

release=${METAPROBE_RELEASE:-bookworm}

need_for_debian() {
	need_roots
}

# The build-dependencies that packaging/debian/control names, and what checks
# the package.
build_packages() {
	sed -n '/^Build-Depends:/,/^[^ ]/ s/^ \([a-z0-9-]*\).*/\1/p' \
		"$root/packaging/debian/control" | sed 's/^debhelper-compat$/debhelper/'
	printf '%s\n' build-essential fakeroot lintian
}

# A source tree with debian/ in it, in the root of that name.
put_source() {
	local tree=$work/$1/build/metaprobe
	copy_tree "source-$1" &&
		mkdir -p "$work/$1/build" &&
		mv "$work/source-$1" "$tree" &&
		cp -a "$tree/packaging/debian" "$tree/debian" &&
		chown -R root: "$work/$1/build" &&
		in_root "$work/$1" sh -c 'cd /build/metaprobe && pg_buildext updatecontrol'
}

# The regression tests run at the end of it, on a server of the root's own.
build_package() {
	in_root "$work/builder" sh -c 'cd /build/metaprobe &&
		DEB_BUILD_OPTIONS=parallel='"$(nproc)"' dpkg-buildpackage -us -uc -b'
}

# Errors of lintian fail, warnings are shown.
check_package() {
	in_root "$work/builder" sh -c 'cd /build &&
		lintian --allow-root --no-tag-display-limit --fail-on error *.changes'
}

# The package that was built, dbgsym aside.
built_package() {
	find "$work/builder/build" -maxdepth 1 -name 'postgresql-*-metaprobe_*.deb'
}

# In a root that has nothing of the build, as autopkgtest does it.
install_package() {
	copy_tree installed-tree &&
		mkdir -p "$work/user/try" &&
		cp "$(built_package)" "$work/user/try/metaprobe.deb" &&
		cp -a "$work/installed-tree" "$work/user/try/metaprobe" &&
		cp -a "$root/packaging/debian" "$work/user/try/metaprobe/debian" &&
		chown -R root: "$work/user/try" &&
		apt_in_root "$work/user" install --no-install-recommends /try/metaprobe.deb
}

try_package() {
	in_root "$work/user" sh -c 'cd /try/metaprobe && debian/tests/classify'
}

# Nothing of it may stay behind.
remove_package() {
	apt_in_root "$work/user" purge "postgresql-*-metaprobe" &&
		! in_root "$work/user" sh -c \
			'find /usr /etc /var/lib -path "*metaprobe*" ! -path "/var/lib/apt/*" ! -path "/var/lib/dpkg/*" | grep .'
}

# One test: its output is shown if it fails, and then what follows is left out.
debian_step() {
	local name=debian-$1
	shift
	if quietly "$name" "$@"; then
		count 1 0
	else
		count 0 1
		return 1
	fi
}

part_debian() {
	local why packages
	why=$(without_roots)
	if [ -n "$why" ]; then
		part_skipped="skipped: $why"
		say "$part_skipped"
		return
	fi
	mapfile -t packages < <(build_packages)
	debian_step builder prepare_root builder "$release" "${packages[@]}" || return
	debian_step source put_source builder || return
	debian_step build build_package || return
	grep -hE '^(ok|not ok|test|# All|All) .*' "$work/debian-build.log" | tail -n 3
	debian_step lintian check_package
	grep -E '^[EWI]:' "$work/debian-lintian.log"
	debian_step user prepare_root user "$release" postgresql-common || return
	debian_step install install_package || return
	debian_step classify try_package
	cat "$work/debian-classify.log"
	debian_step purge remove_package
}
