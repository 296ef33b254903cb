# shellcheck shell=bash
# Sourced by the commands in this folder, after `program` (their name, for
# messages) is set.  Gives them what script/lib/*.sh describe, and the plain
# environment that they need.
#
# In order: open_workdir, install_missing, hand_over_workdir, copy_tree,
# build_tree, install_tree, start_server.

set -euo pipefail
umask 022
export LC_ALL=C.UTF-8 LANG=C.UTF-8	# PostgreSQL's TAP modules unset the first
unset LANGUAGE CDPATH MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES

# A plain `su` keeps the user's PATH, which has no runuser and no ldconfig.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# PGHOST, PGOPTIONS, PGSERVICE and their like must not lead us to another
# server than our own.
for name in "${!PG@}"; do
	[ "$name" = PG_CONFIG ] || unset "$name"
done
unset name

# Everything runs in a directory of its own, so a relative path is made whole.
if [ -n "${PG_CONFIG:-}" ]; then
	PG_CONFIG=$(realpath -sm "$(type -P "$PG_CONFIG" || echo "$PG_CONFIG")")
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

program=${program:-metaprobe}
work=''
run_user=''

# shellcheck source=script/lib/base.sh
. "$root/script/lib/base.sh"
# shellcheck source=script/lib/packages.sh
. "$root/script/lib/packages.sh"
# shellcheck source=script/lib/tree.sh
. "$root/script/lib/tree.sh"
# shellcheck source=script/lib/server.sh
. "$root/script/lib/server.sh"
