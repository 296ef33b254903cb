# unit tests of src/core with many more random cases (EFFORT, 10 times as many as usual)
# shellcheck shell=bash

part_core() {
	core_builds "${EFFORT:-10}"
}
