# vxp_query: build, test and demo.  "make help" lists the targets.
EXTENSION = vxp_query
MODULE_big = vxp_query
VXP_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" vxp_query.control)

VXP_C_FILES := $(sort $(wildcard src/*.c src/*/*.c))
OBJS = $(VXP_C_FILES:.c=.o)

# the parts of the install script, in the order of dependency
VXP_SQL_PARTS = src/vxp_query.sql \
	$(wildcard src/lineage/lineage.sql src/lineage/lineage_gist.sql src/lineage/lineage_gin.sql src/lineage/lineage_support.sql) \
	$(wildcard src/dql/dql_type.sql src/dql/dql_eval.sql src/catalog/catalog.sql src/dql/dql.sql)
DATA_built = vxp_query--$(VXP_VERSION).sql
DATA = $(wildcard sql/upgrade/vxp_query--*.sql)

PG_CPPFLAGS = -Isrc
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Wvla -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Wno-declaration-after-statement -fvisibility=hidden
REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS_OPTS = --inputdir=. --load-extension=vxp_query
ISOLATION = $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=vxp_query
EXTRA_CLEAN = vxp_query--$(VXP_VERSION).sql $(wildcard src/*.bc src/*/*.bc)

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

vxp_query--$(VXP_VERSION).sql: $(VXP_SQL_PARTS) vxp_query.control
	cat $(VXP_SQL_PARTS) > $@

$(OBJS): $(wildcard src/*/*.h)
