# 64 clients that tag, record, change and refresh at once, for MINUTES (10), beside pgvector
# shellcheck shell=bash
# test/t/035_load.pl for longer, with more clients: there is what is checked.

need_for_load() {
	need perl has prove
	need libipc-run-perl perl -MIPC::Run -e 1
	want_server_module pgvector vector.so
}

part_load() {
	local status=0
	need_installed_tree || return
	METAPROBE_LOAD_SECONDS=$((${MINUTES:-10} * 60)) METAPROBE_LOAD_CLIENTS=${CLIENTS:-64} \
		installcheck load REGRESS= ISOLATION= TAP_TESTS=1 PROVE_TESTS=test/t/035_load.pl \
		PROVE_FLAGS=--verbose || status=$?
	count_prove "$status" "$work/load.log" ||
		tail -n 60 "$work/run/tmp_check/log/regress_log_035_load" | cut -c 1-500
}
