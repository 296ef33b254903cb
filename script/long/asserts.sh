# regression and isolation tests on a server with assertions, built of its source (TESTS)
# shellcheck shell=bash

# shellcheck source=script/lib/source_server.sh
. "$root/script/lib/source_server.sh"

need_for_asserts() {
	need_for_source_server
}

part_asserts() {
	need_source_server && source_tests asserts env
}
