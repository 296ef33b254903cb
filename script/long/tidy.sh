# clang-tidy with all checks of .clang-tidy, the analyzer included
#
# shellcheck shell=bash

need_for_tidy() {
	need clang-tidy-14 has_clang_tidy
}

part_tidy() {
	check_tidy
}
