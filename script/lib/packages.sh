# shellcheck shell=bash
# Finds a PostgreSQL server to build for, and installs what is missing.

oldest_major=15
missing=()
wanted=()
later_names=()
server_modules=()
cluster_conf=/etc/postgresql-common/createcluster.d/zz-metaprobe.conf

# need PACKAGE CHECK...: PACKAGE is missing if the command CHECK fails.
need() {
	local package=$1
	shift
	[[ " ${missing[*]} " != *" $package "* ]] || return 0
	"$@" >/dev/null 2>&1 || missing+=("$package")
}

# name_later NAME COMMAND: instead of the package NAME the one that the command prints,
# which may need the lists of packages: a fresh system has none yet.
name_later() {
	later_names+=("$1 $2")
}

name_missing() {
	local entry name command i
	for entry in "${later_names[@]}"; do
		read -r name command <<<"$entry"
		for i in "${!missing[@]}"; do
			[ "${missing[i]}" != "$name" ] || missing[i]=$("$command")
		done
	done
}

# The same for a package that not every release has, and that we can do without.
want() {
	local package=$1
	shift
	[[ " ${wanted[*]} " != *" $package "* ]] || return 0
	"$@" >/dev/null 2>&1 || wanted+=("$package")
}

python=/usr/bin/python3	# Debian's own, which its packages are for

# need_python MODULE...
need_python() {
	local module
	need python3 test -x "$python"
	for module in "$@"; do
		need "python3-$module" "$python" -c "import $module"
	done
}

want_python() {
	want "python3-$1" "$python" -c "import $1"
}

# want_server_module NAME LIBRARY: Debian's package of another extension, for the
# server's version, which is known only once the server is chosen (add_wanted).
want_server_module() {
	server_modules+=("$1 $2")
}

has() {
	command -v "$1" >/dev/null
}

# What a build needs beside the server.
need_build_tools() {
	need gcc has gcc
	need libc6-dev test -e /usr/include/stdio.h
	need make has make
}

server_major() {
	"$1" --version 2>/dev/null | sed -n 's/^PostgreSQL \([0-9]*\).*/\1/p'
}

# Is this pg_config that of a whole server: new enough, with its headers?
is_whole_server() {
	local config=$1 major
	major=$(server_major "$config") || return 1
	[ "${major:-0}" -ge "$oldest_major" ] &&
		[ -x "$("$config" --bindir)/postgres" ] &&
		[ -f "$("$config" --pgxs)" ] &&
		[ -f "$("$config" --includedir-server)/postgres.h" ]
}

debian_pg_configs() {
	find /usr/lib/postgresql/*/bin -name pg_config 2>/dev/null | sort -rV
}

# Sets PG_CONFIG to a whole server that is there: the caller's choice, else
# the one in PATH, else Debian's newest.  Fails if there is none.
find_server() {
	local config
	if [ -n "${PG_CONFIG:-}" ]; then
		is_whole_server "$PG_CONFIG" ||
			die "PG_CONFIG=$PG_CONFIG is not that of a PostgreSQL" \
				"$oldest_major or newer with server headers"
		return 0
	fi
	for config in $(command -v pg_config) $(debian_pg_configs); do
		if is_whole_server "$config"; then
			PG_CONFIG=$config
			return 0
		fi
	done
	return 1
}

# The major version to install: that of a server which only lacks its
# headers, else the distribution's.
wanted_major() {
	local major
	major=$(find /usr/lib/postgresql/*/bin -name postgres 2>/dev/null |
		cut -d / -f 5 | sort -rn | head -n 1)
	if [ "${major:-0}" -lt "$oldest_major" ]; then
		major=$(apt-cache depends postgresql |
			sed -n 's/.* postgresql-\([0-9]*\)$/\1/p' | head -n 1)
	fi
	[ "${major:-0}" -ge "$oldest_major" ] ||
		die "this system offers PostgreSQL '${major:-none}'," \
			"and metaprobe needs $oldest_major or newer"
	echo "$major"
}

need_server() {
	local major
	major=$(wanted_major)
	PG_CONFIG=/usr/lib/postgresql/$major/bin/pg_config
	need "postgresql-$major" test -x "/usr/lib/postgresql/$major/bin/postgres"
	need "postgresql-server-dev-$major" is_whole_server "$PG_CONFIG"
}

apt_get() {
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

# Debian's server package makes a cluster `main` on port 5432 and starts it.
# Ours is a private one, so that is switched off while we install.
forbid_main_cluster() {
	at_exit allow_main_cluster
	as_root mkdir -p "${cluster_conf%/*}"
	echo 'create_main_cluster = false' | as_root tee "$cluster_conf" >/dev/null
}

allow_main_cluster() {
	[ -e "$cluster_conf" ] || return 0
	as_root rm -f "$cluster_conf"
	as_root rmdir --ignore-fail-on-non-empty "${cluster_conf%/*}"
}

# Only Debian's servers have Debian's modules.
add_server_modules() {
	local bindir=${PG_CONFIG%/*} home module name library
	[ ! -x "$PG_CONFIG" ] || bindir=$("$PG_CONFIG" --bindir)
	[[ $bindir == /usr/lib/postgresql/*/bin ]] || return 0
	home=${bindir%/bin}
	for module in "${server_modules[@]}"; do
		read -r name library <<<"$module"
		want "postgresql-${home##*/}-$name" test -e "$home/lib/$library"
	done
	server_modules=()
}

# Moves the wanted packages that there are to the missing ones.
add_wanted() {
	local package
	add_server_modules
	for package in "${wanted[@]}"; do
		if apt-cache show "$package" >/dev/null 2>&1; then
			missing+=("$package")
		fi
	done
	wanted=()
}

# Installs a whole server, unless there is one, and the packages that `need`
# and `want` found missing.  Leaves PG_CONFIG set.
install_missing() {
	local server=there
	find_server || server=missing
	# What we can do without is no reason to ask for root.
	[ "$server" = missing ] || [ "${#missing[@]}" -gt 0 ] || ! may_become_root || add_wanted
	[ "$server" = missing ] || [ "${#missing[@]}" -gt 0 ] || return 0

	has apt-get ||
		die "no apt-get here: please install PostgreSQL $oldest_major or newer" \
			"with its server headers ($server), and: ${missing[*]:-nothing else}"
	require_root "to install PostgreSQL ($server) and: ${missing[*]:-nothing else}"
	quietly apt-update apt_get update ||
		say "apt-get update failed: going on with the lists that are here."
	[ "$server" = there ] || need_server
	name_missing
	add_wanted
	say "Installing ${missing[*]} (a minute or two)"
	forbid_main_cluster
	quietly apt-install apt_get install --no-install-recommends "${missing[@]}" ||
		die "could not install ${missing[*]}"
	allow_main_cluster
}
