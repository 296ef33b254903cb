# shellcheck shell=bash
# Other Debian releases, each unpacked into a directory of its own, where the
# tests run as on a machine with that release.  The machine itself stays as it is.
#
# The directories are kept for the next run.  Whatever is mounted in them is seen
# by the processes inside alone and gone with the last of them, so that
# `rm -rf /var/cache/metaprobe` removes them safely.

roots=${METAPROBE_ROOTS:-/var/cache/metaprobe/roots}
mirror=${METAPROBE_MIRROR:-http://deb.debian.org/debian}

need_roots() {
	need debootstrap has debootstrap
	need util-linux has unshare
	require_root "to unpack Debian releases into $roots"
}

# How apt reaches the mirror from here (a proxy, say) is so in a root too.
apt_access() {
	apt-config dump | grep -E '^Acquire::(http|https|Check-|Max-ValidTime|Retries|ForceIPv)' || true
}

apt_proxy() {
	apt-config dump | sed -n 's/^Acquire::http::Proxy "\(.*\)";$/\1/p' | head -n 1
}

# make_root RELEASE [NAME]: unless it is there.  debootstrap of an older release does not
# know a newer one by name: then it unpacks it as it does the rolling one.
make_root() {
	local release=$1 directory=$roots/${2:-$1} script=/usr/share/debootstrap/scripts/$1 proxy
	if [ ! -e "$directory" ]; then
		say "Unpacking Debian's $release into $directory (a minute or two)"
		proxy=$(apt_proxy)
		[ -e "$script" ] || script=${script%/*}/sid
		as_root mkdir -p "$roots"
		as_root rm -rf --one-file-system "$directory.part"
		quietly "debootstrap-$release" as_root env ${proxy:+"http_proxy=$proxy"} \
			unshare --mount debootstrap --variant=minbase "$release" "$directory.part" "$mirror" "$script" &&
			as_root mv "$directory.part" "$directory" || return
		# What can be unpacked anew need not survive a crash.
		echo force-unsafe-io | as_root tee "$directory/etc/dpkg/dpkg.cfg.d/unsafe-io" >/dev/null
	fi
	apt_access | as_root tee "$directory/etc/apt/apt.conf.d/00access" >/dev/null
	as_root cp -L /etc/resolv.conf /etc/hosts "$directory/etc"
}

# in_root RELEASE COMMAND...: with processes and mounts of its own, which end with
# the command, and shared memory that everybody may use.  Not by chroot, in which
# no user may make a namespace, as a test with a small disk does.
in_root() {
	local directory=$roots/$1
	shift
	# shellcheck disable=SC2016	# the inner shell's parameters
	as_root unshare --mount --pid --fork --kill-child --mount-proc="$directory/proc" \
		bash -c 'mount -t tmpfs -o mode=1777 tmpfs "$0/dev/shm" && mount --rbind "$0" "$0" && cd "$0" &&
			pivot_root . . && umount --lazy . && exec "$@"' \
		"$directory" env -i HOME=/root LC_ALL=C.UTF-8 LANG=C.UTF-8 \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# The sources, and those of released versions, which are in a repository that is
# not copied.
copy_for_roots() {
	[ ! -e "$work/metaprobe-tree" ] || return 0
	copy_tree metaprobe-tree
	"$root/test/released_sources" "$work/metaprobe-released"
}

# copy_into_root RELEASE NAME: the directory $work/NAME, as /tmp/NAME there.
copy_into_root() {
	local target=$roots/$1/tmp/$2
	as_root rm -rf --one-file-system "$target"
	as_root mkdir "$target"
	as_root tar -C "$work/$2" -cf - . | as_root tar -C "$target" --no-same-owner -xf -
}
