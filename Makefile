# metaprobe: build with the server's own PGXS, `make PG_CONFIG=/path/to/pg_config`

EXTENSION = metaprobe
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" metaprobe.control)

MODULE_big = metaprobe
OBJS = $(patsubst %.c,%.o,$(wildcard src/*.c src/core/*.c))

# The install script is the topics' declarations, in the order of their needs.
SQL_PARTS = src/metaprobe.sql \
	src/loss_curve.sql \
	src/loss_curve_casts.sql \
	src/loss_curve_operators.sql \
	src/loss_curve_distance.sql \
	src/loss_curve_within.sql \
	src/loss_curve_gist.sql \
	src/loss_curve_shape.sql \
	src/loss_curve_aggregate.sql \
	src/loss_log.sql \
	src/curve_statistics.sql \
	src/probe_suite.sql \
	src/probe_suite_operators.sql \
	src/probe_suite_aggregate.sql \
	src/probe_suite_fit.sql \
	src/classification.sql \
	src/knn_aggregate.sql \
	src/detector_quality.sql \
	src/loss_mixture.sql \
	src/compare_detectors.sql \
	src/tag_table.sql \
	src/refresh_tags.sql \
	src/chart.sql
DATA_built = metaprobe--$(EXTVERSION).sql
# Released versions stay installable, and lead to this one step by step.
DATA = $(wildcard released/metaprobe--*.sql)
DOCS = README.md

# Distances have the same bits everywhere: no fused multiply-add, neither in
# the library nor in the bitcode that JIT compiles for the very CPU (which is
# why it stands with the preprocessor's flags: bitcode gets no others of ours).
PG_CPPFLAGS = -Isrc -ffp-contract=off -DMETAPROBE_VERSION='"$(EXTVERSION)"'
ifdef WERROR
PG_CFLAGS += -Wall -Wextra -Werror -Wno-unused-parameter
ifneq (,$(findstring clang,$(CC)))
PG_CFLAGS += -Wno-ignored-attributes -Wno-ignored-optimization-argument \
	-Wno-unknown-warning-option
endif
endif
SHLIB_LINK += -lm

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=metaprobe
ISOLATION = $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=metaprobe
ENCODING = UTF8
PROVE_TESTS = $(wildcard test/t/*.pl)
EXTRA_CLEAN = metaprobe--$(EXTVERSION).sql

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# The mathematics' loops are written for the vectoriser, which errno keeps from
# taking several roots at once.
src/core/%.o: CFLAGS += -O3 -fno-math-errno

$(OBJS): $(wildcard src/*.h src/core/*.h)

metaprobe--$(EXTVERSION).sql: metaprobe.control $(SQL_PARTS)
	cat $(SQL_PARTS) > $@

C_SOURCES = $(wildcard src/*.[ch] src/core/*.[ch] test/core/*.[ch] test/fuzz/*.[ch])
CLANG_FORMAT ?= clang-format

CLANG_TIDY ?= clang-tidy

.PHONY: format check-format check-tidy dist
format:
	$(CLANG_FORMAT) -i $(C_SOURCES)

check-format:
	$(CLANG_FORMAT) --dry-run -Werror $(C_SOURCES)

# .clang-tidy says what for; TIDY_FLAGS=--checks=-clang-analyzer-* leaves out the
# analyzer, which takes most of the time.
TIDY_CPPFLAGS = -std=gnu11 $(filter-out -DMETAPROBE_VERSION%,$(CPPFLAGS)) \
	-DMETAPROBE_VERSION=\"$(EXTVERSION)\"
check-tidy:
	printf '%s\n' $(wildcard src/*.c src/core/*.c) | xargs -P 2 -n 8 \
		sh -c '$(CLANG_TIDY) --quiet $(TIDY_FLAGS) "$$@" -- $(TIDY_CPPFLAGS)' sh

# A distribution for PGXN, metaprobe-VERSION.zip, of the sources that are here.
dist:
	script/dist
