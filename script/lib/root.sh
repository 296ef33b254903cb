# shellcheck shell=bash
# Clean roots: a Debian release of its own in a folder, made by debootstrap and
# kept for the next time.  What is done in one leaves this machine alone.
#
# Needs root.  METAPROBE_ROOTS is the folder that they are kept in.

roots=${METAPROBE_ROOTS:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/metaprobe/roots}
debian_mirror=${METAPROBE_MIRROR:-http://deb.debian.org/debian}

# What a part that works in roots needs installed.
need_roots() {
	need debootstrap has debootstrap
	need util-linux has unshare
}

# Why there can be no root here; nothing if there can.
without_roots() {
	if [ "$(id -u)" -ne 0 ]; then
		echo 'only root can make a clean root'
	elif ! unshare --mount --pid --fork true 2>/dev/null; then
		echo 'no namespaces here, as in a container without privileges'
	fi
}

# in_root DIRECTORY COMMAND...: in namespaces of its own, so that nothing stays
# mounted, nor runs on, when the command has ended.
in_root() {
	local directory=$1
	shift
	unshare --mount --pid --fork --kill-child --mount-proc="$directory/proc" \
		chroot "$directory" /usr/bin/env -i HOME=/root TERM=dumb LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" </dev/null
}

# apt_in_root DIRECTORY ARGUMENT...
apt_in_root() {
	local directory=$1
	shift
	in_root "$directory" apt-get -q -y "$@"
}

# The release's own root, made if there is none yet.  It is only to be copied.
make_root() {
	local kept=$roots/$1
	[ ! -e "$kept.made" ] || return 0
	rm -rf "$kept"
	mkdir -p "$roots" &&
		debootstrap --variant=minbase "$1" "$kept" "$debian_mirror" &&
		# no daemon may start at installation
		printf '#!/bin/sh\nexit 101\n' >"$kept/usr/sbin/policy-rc.d" &&
		chmod +x "$kept/usr/sbin/policy-rc.d" &&
		apt_in_root "$kept" update &&
		: >"$kept.made"
}

# prepare_root NAME RELEASE PACKAGE...: a root with these packages as $work/NAME,
# which goes away with $work.  It is kept as well, under NAME, for the next time.
prepare_root() {
	local name=$1 release=$2 kept=$roots/$2-$1
	shift 2
	make_root "$release" || return
	if [ ! -e "$kept.made" ]; then
		rm -rf "$kept"
		cp -a "$roots/$release" "$kept" &&
			apt_in_root "$kept" install --no-install-recommends "$@" &&
			apt_in_root "$kept" clean &&
			: >"$kept.made" || return
	fi
	# Packages named since it was made are few.
	cp -a "$kept" "$work/$name" &&
		apt_in_root "$work/$name" install --no-install-recommends "$@"
}
