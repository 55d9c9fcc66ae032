# vxp_query: "make help" lists the targets.  check, demo and lint install what a bare Debian machine lacks.
EXTENSION = vxp_query
MODULE_big = vxp_query
VXP_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" vxp_query.control)

VXP_C_FILES := $(sort $(wildcard src/*.c src/*/*.c))
OBJS = $(VXP_C_FILES:.c=.o)

# the parts of the install script, in the order of dependency
VXP_SQL_PARTS = src/vxp_query.sql \
	$(wildcard src/lineage/lineage.sql src/lineage/lineage_gist.sql src/lineage/lineage_gin.sql src/lineage/lineage_support.sql) \
	$(wildcard src/validity/version.sql src/validity/validity_fn.sql) \
	$(wildcard src/dql/dql_type.sql src/dql/dql_eval.sql src/catalog/catalog.sql src/catalog/catalog_type.sql src/catalog/catalog_versions.sql src/catalog/catalog_fn.sql src/catalog/catalog_verify.sql src/catalog/catalog_advise.sql) \
	$(wildcard src/dql/dql.sql src/dql/dql_write.sql src/dql/dql_answer.sql src/dql/dql_explain.sql) \
	$(wildcard src/catalog/catalog_derived.sql src/dql/dql_history.sql src/dql/dql_timeline.sql src/dql/dql_cohort.sql)
DATA_built = vxp_query--$(VXP_VERSION).sql
# the frozen script of this version is the same as what is built; those of other versions, and the updates, are installed as they are
VXP_FROZEN = sql/upgrade/vxp_query--$(VXP_VERSION).sql
DATA = $(filter-out $(VXP_FROZEN),$(wildcard sql/upgrade/vxp_query--*.sql))

PG_CPPFLAGS = -Isrc
PG_CFLAGS = -Wall -Wextra -Wvla -Wno-unused-parameter -Wno-sign-compare \
	-Werror=implicit-function-declaration \
	-Wno-missing-field-initializers -Wno-declaration-after-statement -fvisibility=hidden $(VXP_STANDARD) $(PROFILE)
REGRESS := $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS_OPTS = --inputdir=. --load-extension=vxp_query
ISOLATION := $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=vxp_query
EXTRA_CLEAN = vxp_query--$(VXP_VERSION).sql $(wildcard src/*.bc src/*/*.bc)

# Our own goals need no server, and PGXS has a "check" that only complains: so
# PGXS is included when none of ours is asked for, and pg_config is there.
VXP_GOALS := help check check-all check-collisions check-clients check-packages coverage fuzz soak freeze demo demo-stop lint compile-matrix docs bench dist
PG_CONFIG ?= pg_config
# walkers without a prototype in the headers of 15 mean no arguments from C23 on, which is what newer compilers take for granted
VXP_STANDARD := $(if $(findstring PostgreSQL 15,$(shell $(PG_CONFIG) --version 2>/dev/null)),-std=gnu17)
ifeq ($(filter $(VXP_GOALS),$(MAKECMDGOALS)),)
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
endif

ifneq ($(PGXS),)
include $(PGXS)

vxp_query--$(VXP_VERSION).sql: $(VXP_SQL_PARTS) vxp_query.control
	cat $(VXP_SQL_PARTS) > $@

# objects follow every header, and the server they were compiled for
$(OBJS): $(wildcard src/*/*.h) build/server
build/server: vxp-force
	@mkdir -p $(@D)
	@echo '$(VERSION) $(pkgincludedir) $(CC) $(CFLAGS)' | cmp -s - $@ || echo '$(VERSION) $(pkgincludedir) $(CC) $(CFLAGS)' > $@
.PHONY: vxp-force

all: ## build the extension (needs a server's headers; PG_CONFIG chooses the server)
install: ## install it into that server's folders (as root where they are root's)
uninstall: ## remove it from there
installcheck: ## run the tests on your running server, after install (PGHOST, PGPORT, PGUSER as for psql)
clean: vxp-clean ## remove all that was built, and the demo server
else

check: ## install what is missing, build, run all tests on throw-away servers
	@test/check.sh
check-all: ## the release gate: every server, compiler and tool (PART=name...: these parts; see docs/operations.md)
	@test/check_all.sh $(PART)
fuzz: ## replay the fuzz corpus, then search for SECONDS=60 each target
	@test/fuzz.sh $(or $(SECONDS),60)
coverage: ## which C lines the tests run: build/coverage, and a table
	@test/coverage.sh
soak: ## readers, writers and movers for SOAK_SECONDS=600, with kill -9 in the middle; then nothing may be wrong or lost
	@test/soak.sh
check-collisions: ## the tests of the lineage indexes with a library whose label hashes nearly all collide
	@test/collisions.sh
check-clients: ## programs in Python, Java, JavaScript and Go, ODBC, BI tools against a throw-away server (CLIENTS="jdbc pgx": these)
	@test/clients.sh $(CLIENTS)
check-packages: ## build the Debian packages, the file for PGXN and the image for trial, and test each where nothing else is
	@test/package.sh
demo: ## install what is missing, start a server with sample data, ask it questions (FULL=1: a million series)
	@FULL='$(FULL)' test/demo/demo.sh start
demo-stop: ## stop the demo server and remove all of it
	@test/demo/demo.sh stop
lint: ## check the rules of the layout: includes, symbols, scripts, expected files
	@VXP_SQL_PARTS='$(VXP_SQL_PARTS)' VXP_VERSION='$(VXP_VERSION)' test/lint.sh
compile-matrix: ## compile every file for PostgreSQL 15, 17 and 18 with gcc and clang (downloads their headers)
	@VXP_CFLAGS='$(PG_CFLAGS)' test/compile_matrix.sh
freeze: ## write this version's install script into sql/upgrade, where released scripts are; refuses once it is released
	@VXP_SQL_PARTS='$(VXP_SQL_PARTS)' VXP_VERSION='$(VXP_VERSION)' test/freeze.sh
docs: ## write docs/reference.md, and the outputs in README.md, from a real run
	@test/docs.sh
bench: ## measure indexes and requests against their peers, write docs/performance.md (BENCH=dql, lineage or versions: one part; BENCH_ROWS=100000: small; TEMPORAL_TABLES=1: with that extension)
	@test/bench/bench.sh
dist: ## make build/vxp_query-VERSION.zip from the committed files
	@mkdir -p build
	git archive --format=zip --prefix=vxp_query-$(VXP_VERSION)/ -o build/vxp_query-$(VXP_VERSION).zip HEAD
help: ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F '\t' '{printf "  make %-17s %s\n", $$1, $$2}'

ifneq ($(filter $(VXP_GOALS),$(MAKECMDGOALS)),)
# what stands beside one of our goals on the command line is for PGXS, by a make of its own
VXP_OTHER := $(filter-out $(VXP_GOALS),$(MAKECMDGOALS))
ifneq ($(VXP_OTHER),)
$(VXP_OTHER):
	+@$(MAKE) $@
endif
else
all install uninstall installcheck:
	@echo 'make $@ needs the pg_config of a PostgreSQL with server headers (Debian: postgresql-server-dev-NN);' \
		'set PG_CONFIG=, or use "make check" and "make demo", which install it' >&2
	@exit 1
clean: vxp-clean
	rm -f $(OBJS) $(MODULE_big).so $(EXTRA_CLEAN)
endif
endif

.DEFAULT_GOAL := all
.PHONY: all install uninstall installcheck clean vxp-clean $(VXP_GOALS)

vxp-clean:
	@test/demo/demo.sh stop --quiet
	rm -rf build
