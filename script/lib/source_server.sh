# shellcheck shell=bash
# A PostgreSQL server with assertions, that Valgrind understands: built of the
# distribution's own source package and kept, since that takes minutes, in
# METAPROBE_CACHE (/var/tmp/metaprobe-USER).

need_for_source_server() {
	need xz-utils has xz
	need bzip2 has bzip2
	need bison has bison # from PostgreSQL 17 on the source has no parsers ready
	need flex has flex
	need perl has prove
	need libipc-run-perl perl -MIPC::Run -e 1
	need valgrind has valgrind # its header, too
}

source_server=''	# where it is
source_config=''	# its pg_config

# Private lists of source packages, from where this system has its others.
source_apt() {
	local command=$1 lists=$source_server/apt
	shift
	mkdir -p "$lists/lists/partial" "$lists/archives/partial"
	apt-get indextargets --format \
		'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(REPO_URI) $(RELEASE) main' \
		'Created-By: Packages' 'Origin: Debian' | sort -u >"$lists/sources.list"
	"$command" -q -o Dir::Etc::sourcelist="$lists/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::lists="$lists/lists" -o Dir::Cache="$lists" -o APT::Sandbox::User= "$@"
}

# Downloads the source of the installed server's version; a mirror may have
# dropped that, then of another of its major version.
fetch_source() {
	local package version
	package=postgresql-$(server_major "$PG_CONFIG")
	source_apt apt-get update || return
	for version in $(dpkg-query -W -f '${Version}\n' "$package") \
		$(source_apt apt-cache showsrc "$package" | sed -n 's/^Version: //p' | sort -rV); do
		if source_apt apt-get --download-only source "$package=$version"; then
			mkdir -p source && tar -C source --strip-components=1 -xf "${package}_"*.orig.tar.*
			return
		fi
	done
	return 1
}

build_source() {
	cd source &&
		./configure -q --prefix="$source_server/server" --enable-cassert --enable-debug \
			--enable-tap-tests --without-readline --without-zlib --without-icu \
			CFLAGS=-O2 CPPFLAGS=-DUSE_VALGRIND &&
		make -s -j"$(nproc)" && make -s install && make -s -C contrib install &&
		make -s -C src/test/isolation install
}

# make_source_server DIRECTORY
make_source_server() {
	source_server=$1
	cd "$source_server" && fetch_source && build_source && touch "$source_server/complete"
}

# Sets the two variables above; builds the server if it is not there yet.
need_source_server() {
	source_server=${METAPROBE_CACHE:-/var/tmp/metaprobe-$run_user}/asserts-$(server_major "$PG_CONFIG")
	source_config=$source_server/server/bin/pg_config
	[ ! -e "$source_server/complete" ] || return 0
	say "Building a server with assertions in $source_server"
	as_user mkdir -p "$source_server" &&
		quietly source-server as_user env root="$root" PG_CONFIG="$PG_CONFIG" bash -c '
			. "$root/script/lib/packages.sh"
			. "$root/script/lib/source_server.sh"
			make_source_server "$1"' - "$source_server"
}

# source_tests NAME RUNNER...: the regression tests, on that server run by RUNNER
# with its data and socket in NAME.  TESTS="loss_curve probe_suite" runs only these.
source_tests() {
	local name=$1 status=0 PG_CONFIG=$source_config data=$work/$1-data tests=()
	shift
	[ -z "${TESTS:-}" ] || tests=("REGRESS=$TESTS" ISOLATION=)
	copy_tree "$name" && quietly "$name-build" build_tree "$name" &&
		quietly "$name-install" as_user make -s -C "$work/$name" PG_CONFIG="$PG_CONFIG" install &&
		quietly "$name-initdb" server_command initdb --no-sync -A trust -U postgres -E UTF8 \
			--locale=C.UTF-8 -D "$data" || return
	as_user "$@" "$source_server/server/bin/postgres" -D "$data" -c listen_addresses= \
		-c unix_socket_directories="$data" -c fsync=off >"$work/$name-server.log" 2>&1 &
	wait_for_source_server "$data"
	logged "$name" as_user env PGHOST="$data" PGPORT=5432 PGUSER=postgres \
		make -s -C "$work/$name" PG_CONFIG="$PG_CONFIG" installcheck TAP_TESTS= \
		"${tests[@]}" || status=$?
	server_command pg_ctl -s -w -t 600 -D "$data" -m fast stop
	count_regress "$status" "$work/$name.log" ||
		head -n 200 "$work/$name/regression.diffs" "$work/$name/output_iso/regression.diffs" 2>/dev/null
	count_command no_crash "$work/$name-server.log"
}

wait_for_source_server() {
	local i
	for i in $(seq 300); do
		! server_command pg_isready -q -h "$1" || return 0
		sleep 1
	done
	return 1
}

no_crash() {
	! grep -aE 'PANIC|TRAP:|terminated by signal' "$1"
}
