# The Debian package: built in a clean root, and installed and tried in another
#
# shellcheck shell=bash
# METAPROBE_RELEASE chooses the Debian release, bookworm unless it is set.
# script/lib/roots.sh says where the roots are kept.

# shellcheck source=script/lib/roots.sh
. "$root/script/lib/roots.sh"

debian_release=${METAPROBE_RELEASE:-bookworm}

need_for_debian() {
	need_roots
}

debian_apt() {
	in_root "$1" env DEBIAN_FRONTEND=noninteractive apt-get -q -y "${@:2}"
}

# debian_root NAME PACKAGE...: a root of that name with these packages, for this
# run alone.  One that has them is kept, to be copied the next time.  Both come of
# a root in which nothing was installed, as other parts do it in that of the release.
debian_root() {
	local name=$1 bare=$debian_release-bare kept=$debian_release-$1
	shift
	make_root "$debian_release" "$bare" || return
	if [ ! -e "$roots/$kept" ]; then
		as_root rm -rf --one-file-system "$roots/$kept.part" &&
			as_root cp -a "$roots/$bare" "$roots/$kept.part" &&
			# no daemon may start when it is installed
			printf '#!/bin/sh\nexit 101\n' | as_root tee "$roots/$kept.part/usr/sbin/policy-rc.d" >/dev/null &&
			as_root chmod +x "$roots/$kept.part/usr/sbin/policy-rc.d" &&
			debian_apt "$kept.part" update &&
			debian_apt "$kept.part" install --no-install-recommends "$@" &&
			as_root mv "$roots/$kept.part" "$roots/$kept" || return
	fi
	as_root rm -rf --one-file-system "$roots/$name" &&
		as_root cp -a "$roots/$kept" "$roots/$name" &&
		debian_apt "$name" update &&
		debian_apt "$name" install --no-install-recommends "$@"
}

debian_roots=(metaprobe-builder metaprobe-user)

remove_debian_roots() {
	local name
	for name in "${debian_roots[@]}"; do
		as_root rm -rf --one-file-system "${roots:?}/$name"
	done
}

# The build-dependencies that packaging/debian/control names, and what checks
# the package.
build_packages() {
	sed -n '/^Build-Depends:/,/^[^ ]/ s/^ \([a-z0-9-]*\).*/\1/p' \
		"$root/packaging/debian/control" | sed 's/^debhelper-compat$/debhelper/'
	printf '%s\n' build-essential fakeroot lintian
}

# put_source ROOT: the sources with debian/ in them, as /build/metaprobe there.
put_source() {
	local tree=$roots/$1/build/metaprobe
	rm -rf "$work/metaprobe-source"
	copy_tree metaprobe-source &&
		as_root mkdir -p "$roots/$1/build" &&
		as_root cp -a --no-preserve=ownership "$work/metaprobe-source" "$tree" &&
		as_root cp -a --no-preserve=ownership "$root/packaging/debian" "$tree/debian"
}

# The regression tests run at the end of it, on a server of the root's own.
build_package() {
	in_root metaprobe-builder sh -c "cd /build/metaprobe && pg_buildext updatecontrol &&
		DEB_BUILD_OPTIONS=parallel=$(nproc) dpkg-buildpackage -us -uc -b"
}

# Errors of lintian fail, warnings are shown.
check_package() {
	in_root metaprobe-builder sh -c 'cd /build && lintian --allow-root --fail-on error *.changes'
}

# In a root that has nothing of the build, as autopkgtest does it.
install_package() {
	local package
	package=$(find "$roots/metaprobe-builder/build" -maxdepth 1 -name 'postgresql-*-metaprobe_*.deb')
	as_root cp "$package" "$roots/metaprobe-user/build/metaprobe.deb" &&
		debian_apt metaprobe-user install --no-install-recommends /build/metaprobe.deb
}

try_package() {
	in_root metaprobe-user sh -c 'cd /build/metaprobe && debian/tests/classify'
}

# Nothing of it may stay behind.
remove_package() {
	debian_apt metaprobe-user purge 'postgresql-*-metaprobe' &&
		! in_root metaprobe-user find /usr /etc /var/lib -path '*metaprobe*' \
			! -path '/var/lib/apt/*' ! -path '/var/lib/dpkg/*' | grep .
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
	local packages
	mapfile -t packages < <(build_packages)
	at_exit remove_debian_roots
	debian_step builder debian_root metaprobe-builder "${packages[@]}" || return
	debian_step source put_source metaprobe-builder || return
	debian_step build build_package || return
	grep -cE '^(test .*|ok .*)' "$work/debian-build.log" | sed 's/$/ regression tests ran in the build/'
	debian_step lintian check_package
	grep -E '^[EWI]:' "$work/debian-lintian.log"
	debian_step user debian_root metaprobe-user postgresql-common || return
	put_source metaprobe-user
	debian_step install install_package || return
	debian_step classify try_package
	cat "$work/debian-classify.log"
	debian_step purge remove_package
}
