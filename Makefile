# Millrace. `make run` shows it work, `make test` runs the whole suite; both install what they need.
# `make help` lists the targets: the lines that begin with two hash signs.

## make                 build bin/ and config/
## make deps            install the Debian packages (root)
## make run             three brokers, a replicated topic, a kill, nothing lost (deploy/demo.sh)
## make test            everything: build, tidy, unit, simulation, cluster and client tests
## make check           the same without the client tests
## make unit sim        unit tests; whole clusters in one thread from a seed
## make cluster clients real daemons; real clients
##                      T=NAME runs one of these: make unit T=wire/frame, make cluster T=kills
## make attack          every hostile client at once against three nodes, nine minutes
## make fuzz            mutated input for every decoder
## make mutants         bugs on purpose, each caught by some seed of the simulation
## make tidy            the style and layering rules
## make format          clang-format over the C files; tidy says where it has not run
## make lint            gcc's static analysis of broker, controller, common and tools
## make asan tsan       the suite under sanitizers, at most half an hour each
## make bench           speed, side by side with a peer where one is installed
## make install         programs and settings to PREFIX (/usr/local), below DESTDIR
## make deb             a Debian package, in build/
## make container       the server in a container of its own files, by podman or docker
## make clean           remove what was built
## V=1                  show the whole commands

CC      ?= gcc
BUILD   ?= build
SANITIZE ?=
OPT     ?= -O2
T       ?=
PREFIX  ?= /usr/local
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
PKGS    := libuv libprotobuf-c liblz4 libzstd zlib
CFLAGS_BASE := -std=gnu11 -D_GNU_SOURCE -g $(OPT) -Wall -Wextra -Wshadow -Wstrict-prototypes \
  -Wmissing-prototypes -Wformat=2 -Werror -fno-omit-frame-pointer -fstack-protector-strong -fPIE \
  $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
CPPFLAGS_BASE := -I. -Icommon -I$(BUILD)/gen
DEPFLAGS = -MMD -MP
LDLIBS  := -lraft -luv -lprotobuf-c -llz4 -lzstd -lz -lsnappy -lisal -lpcre2-8 -lpthread -lm
LDFLAGS_BASE := -pie -Wl,-z,relro,-z,now
ifneq ($(SANITIZE),)
# Instrumented code hides from the compiler what it knows of sizes: the plain build has this warning.
CFLAGS_BASE  += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -Wno-format-truncation
LDFLAGS_BASE += -fsanitize=$(SANITIZE)
endif

PROTOS  := $(wildcard common/meta/*.proto)
GEN_C   := $(PROTOS:%.proto=$(BUILD)/gen/%.pb-c.c)
GEN_H   := $(GEN_C:.c=.h)
COMMON  := $(sort $(wildcard common/base/*.c common/env/timers.c common/env/files.c common/env/steady_clock.c common/env/line_limit.c common/env/told.c common/wire/*.c common/kafka/*.c \
  common/kafka/*/*.c common/meta/*.c common/config/*.c))
ENV_UV  := common/env/env_uv.c $(sort $(wildcard common/env/uv_*.c))
BROKER  := $(sort $(wildcard broker/*.c broker/*/*.c))
CONTROL := $(sort $(wildcard controller/*.c))
TOOLS   := $(sort $(wildcard tools/*.c))
AGENT   := $(sort $(wildcard tools/agent/*.c))
obj      = $(patsubst %.c,$(BUILD)/%.o,$(1))
GEN_OBJ := $(patsubst $(BUILD)/gen/%.c,$(BUILD)/gen/%.o,$(GEN_C))

SERVER  := $(BUILD)/millrace-server
CLI     := $(BUILD)/millrace
LOAD    := $(BUILD)/millrace-load
UNIT    := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(sort $(shell find tests/unit -name '*_test.c')))
SIM     := $(patsubst tests/sim/%.c,$(BUILD)/tests/sim/%,$(sort $(wildcard tests/sim/*_test.c)))
SIM_ENV := $(filter-out %_test.c,$(sort $(wildcard tests/sim/*.c)))
FUZZ    := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(sort $(wildcard tests/fuzz/*_fuzz.c)))
FUZZ_ENV := $(filter-out %_fuzz.c,$(sort $(wildcard tests/fuzz/*.c)))
TEST_LIB := $(sort $(wildcard tests/lib/*.c))
CLANG_FORMAT ?= clang-format
ANALYZE := -fanalyzer
# What fuzzing needs to see which code an input reaches.
COVER   ?=

# One short line for each file, or with V=1 the whole command.
V ?=
quiet = $(if $(V),,@printf '  %-7s %s\n' $(1) $@;)

.DEFAULT_GOAL := all
.PHONY: all help deps run test check tidy asan tsan bench clean unit sim cluster clients
.SECONDARY:
.DELETE_ON_ERROR:

# The packages of the build; the stamp keeps `make` from asking the package manager every time.
DEPS_STAMP := $(BUILD)/.deps
$(DEPS_STAMP): deploy/packages.txt
	@mkdir -p $(BUILD)
	@deploy/install-packages.sh $<
	@touch $@
deps: ; @mkdir -p $(BUILD) && deploy/install-packages.sh deploy/packages.txt && touch $(DEPS_STAMP)

help:
	@sed -n 's/^## \?//p' Makefile

all: $(DEPS_STAMP)
	@$(MAKE) --no-print-directory build-all
.PHONY: build-all build-tests build-units
build-all: $(SERVER) $(CLI) $(LOAD) links
build-units: $(UNIT)
build-tests: $(UNIT) $(SIM)

# bin/ stands for the plain build: a build under a sanitizer does not move it.
.PHONY: links
links: $(SERVER) $(CLI)
	@[ $(BUILD) != build ] || deploy/make-links.sh $(BUILD)

$(BUILD)/gen/%.pb-c.c $(BUILD)/gen/%.pb-c.h: %.proto
	@mkdir -p $(BUILD)/gen
	$(call quiet,PROTO)protoc-c --c_out=$(BUILD)/gen $<

# Generated protobuf code is not ours: it is compiled without our warnings.
$(BUILD)/gen/%.o: $(BUILD)/gen/%.c | $(GEN_H)
	$(call quiet,CC)$(CC) -std=gnu11 -g $(OPT) -fPIE $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -I$(BUILD)/gen -c $< -o $@

$(BUILD)/%.o: %.c | $(GEN_H)
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CPPFLAGS_BASE) $(CPPFLAGS) $(CFLAGS_BASE) $(COVER) $(CFLAGS) $(DEPFLAGS) -c $< -o $@

LIB_OBJ := $(call obj,$(COMMON) $(filter-out %/main.c,$(BROKER) $(CONTROL))) $(GEN_OBJ)
$(BUILD)/libmillrace.a: $(LIB_OBJ)
	@rm -f $@
	$(call quiet,AR)$(AR) rcs $@ $^
$(BUILD)/libenv_uv.a: $(call obj,$(ENV_UV))
	@rm -f $@
	$(call quiet,AR)$(AR) rcs $@ $^
# For the unit tests of tools: what needs librdkafka is never pulled in there.
$(BUILD)/libtools.a: $(call obj,$(filter-out tools/main.c,$(TOOLS)))
	@rm -f $@
	$(call quiet,AR)$(AR) rcs $@ $^
# The agent, for its unit tests.
$(BUILD)/libagent.a: $(call obj,$(AGENT))
	@rm -f $@
	$(call quiet,AR)$(AR) rcs $@ $^
$(BUILD)/libenv_sim.a: $(call obj,$(SIM_ENV))
	@rm -f $@
	$(call quiet,AR)$(AR) rcs $@ $^
# The daemon but its main program: tests put controllers together as it does.
$(BUILD)/libserver.a: $(call obj,$(filter-out %/main.c,$(wildcard tools/server/*.c)))
	@rm -f $@
	$(call quiet,AR)$(AR) rcs $@ $^
# What all kinds of tests share.
$(BUILD)/libtests.a: $(call obj,$(TEST_LIB))
	@rm -f $@
	$(call quiet,AR)$(AR) rcs $@ $^

# The archives refer to each other: env uses base, and everything uses env.
ARCHIVES = -Wl,--start-group $(filter %.a,$^) -Wl,--end-group
$(SERVER): $(call obj,tools/server/main.c) $(BUILD)/libserver.a $(BUILD)/libmillrace.a $(BUILD)/libenv_uv.a
	$(call quiet,LD)$(CC) $(LDFLAGS_BASE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) $(LDLIBS)
# What ThreadSanitizer has to be shown of librdkafka's threads (tests/sanitize).
ifneq ($(filter thread,$(SANITIZE)),)
RDKAFKA_OBJ := $(call obj,tests/sanitize/c11_threads.c)
endif
$(CLI): $(call obj,$(TOOLS) $(AGENT)) $(RDKAFKA_OBJ) $(BUILD)/libserver.a $(BUILD)/libmillrace.a $(BUILD)/libenv_uv.a
	$(call quiet,LD)$(CC) $(LDFLAGS_BASE) -Wl,--as-needed $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) -lrdkafka \
	  -ljansson -lhttp_parser $(LDLIBS)
# The load program is a client like any other: nothing of Millrace is in it.
$(LOAD): $(call obj,tests/bench/load.c) $(if $(RDKAFKA_OBJ),$(RDKAFKA_OBJ) $(BUILD)/libmillrace.a)
	$(call quiet,LD)$(CC) $(LDFLAGS_BASE) $(LDFLAGS) -o $@ $^ -lrdkafka -lpthread
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libtests.a $(BUILD)/libmillrace.a $(BUILD)/libenv_uv.a
	$(call quiet,LD)$(CC) $(LDFLAGS_BASE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) -ljansson $(LDLIBS)
$(BUILD)/tests/unit/tools/%: $(BUILD)/tests/unit/tools/%.o $(BUILD)/libtools.a \
  $(BUILD)/libmillrace.a $(BUILD)/libenv_uv.a
	$(call quiet,LD)$(CC) $(LDFLAGS_BASE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) -ljansson $(LDLIBS)
$(BUILD)/tests/unit/tools/server/%: $(BUILD)/tests/unit/tools/server/%.o $(BUILD)/libserver.a \
  $(BUILD)/libtests.a $(BUILD)/libmillrace.a $(BUILD)/libenv_uv.a
	$(call quiet,LD)$(CC) $(LDFLAGS_BASE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) $(LDLIBS)
$(BUILD)/tests/unit/agent/%: $(BUILD)/tests/unit/agent/%.o $(RDKAFKA_OBJ) $(BUILD)/libagent.a $(BUILD)/libtools.a \
  $(BUILD)/libtests.a $(BUILD)/libmillrace.a $(BUILD)/libenv_uv.a
	$(call quiet,LD)$(CC) $(LDFLAGS_BASE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) -lrdkafka -ljansson -lhttp_parser $(LDLIBS)
# Of the agent only what a test names is pulled in: the rest knows files by inodes, and processes.
$(BUILD)/tests/sim/agent_%: $(BUILD)/tests/sim/agent_%.o $(BUILD)/libagent.a $(BUILD)/libmillrace.a $(BUILD)/libenv_sim.a
	$(call quiet,LD)$(CC) $(LDFLAGS_BASE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) $(LDLIBS)
$(BUILD)/tests/sim/%: $(BUILD)/tests/sim/%.o $(BUILD)/libtests.a $(BUILD)/libserver.a $(BUILD)/libmillrace.a \
  $(BUILD)/libenv_sim.a
	$(call quiet,LD)$(CC) $(LDFLAGS_BASE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) $(LDLIBS)
$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(call obj,$(FUZZ_ENV)) $(BUILD)/libtests.a $(BUILD)/libserver.a \
  $(BUILD)/libmillrace.a $(BUILD)/libenv_sim.a
	$(call quiet,LD)$(CC) $(LDFLAGS_BASE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) -ljansson $(LDLIBS)
# Of the agent only what a target names is pulled in.
$(BUILD)/tests/fuzz/agent_%: $(BUILD)/tests/fuzz/agent_%.o $(call obj,$(FUZZ_ENV)) $(BUILD)/libagent.a \
  $(BUILD)/libtests.a $(BUILD)/libserver.a $(BUILD)/libmillrace.a $(BUILD)/libenv_sim.a
	$(call quiet,LD)$(CC) $(LDFLAGS_BASE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) -ljansson $(LDLIBS)
$(call obj,$(FUZZ_ENV) $(TEST_LIB)): override COVER =

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

JOBS := $(shell nproc)
# The programs of a list that T names, by the end of the path; all of them without T.
one = $(if $(T),$(or $(filter %/$(T) %/$(T)_test %/$(T).t,$(1)),$(error no test is called $(T))),$(1))
unit: $(DEPS_STAMP)
	@$(MAKE) --no-print-directory -j$(JOBS) $(call one,$(UNIT))
	prove $(if $(T),-v) -j$(JOBS) $(call one,$(UNIT))
sim: $(DEPS_STAMP)
	@$(MAKE) --no-print-directory -j$(JOBS) $(call one,$(SIM))
	prove -v -j$(JOBS) $(call one,$(SIM))

# Bugs on purpose, built into folders of their own (common/base/mutation.h).
.PHONY: mutants
mutants: $(DEPS_STAMP)
	@mkdir -p build-mutants && touch build-mutants/.deps
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-mutants CPPFLAGS=-DMUTANTS \
	  build-mutants/tests/sim/mutants_test
	build-mutants/tests/sim/mutants_test

# The tests with real daemons. The clients they use are installed once, beside the builds; what can't
# be had is skipped by the tests, which print the reason.
CLIENTS := build/clients
TEST_DEPS := build/.deps-test
VENV    := build/venv/.done
JAVA21  := $(CLIENTS)/java-2.1/classes/Client.class
KAFKA_TOOLS := $(CLIENTS)/kafka-tools/.done
PYTHON  := build/venv/bin/python
PROVE_DAEMONS = BUILD=$(BUILD) prove -v --timer --exec $(PYTHON)

$(TEST_DEPS): deploy/packages-test.txt
	@mkdir -p $(@D)
	@deploy/install-packages.sh $< || echo "going on without: their tests are skipped"
	@touch $@
# Each package by itself, so that one that can't be had takes no other with it.
$(VENV): tests/cluster/requirements.txt tests/clients/requirements.txt | $(TEST_DEPS)
	python3 -m venv build/venv
	for package in $$(cat $^); do \
	  build/venv/bin/pip install -q --disable-pip-version-check $$package || \
	    echo "pip failed: the tests that need $$package are skipped"; done
	@touch $@
$(JAVA21): tests/clients/java-2.1/pom.xml $(wildcard tests/clients/java-2.1/src/*.java) | $(TEST_DEPS)
	@mkdir -p $(@D)
	-mvn -q -B -f $< dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(CLIENTS)/java-2.1/lib && \
	  javac -d $(@D) -cp '$(CLIENTS)/java-2.1/lib/*' $(filter %.java,$^)

$(KAFKA_TOOLS): tests/clients/kafka-tools/pom.xml | $(TEST_DEPS)
	@mkdir -p $(@D)
	-mvn -q -B -f $< dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(@D)/lib && touch $@

# The programs of the client matrix. Always run: each of their build tools knows what is up to date.
.PHONY: test-clients client-programs
client-programs: $(VENV)
	@tests/clients/build.sh $(CLIENTS)
test-clients: $(TEST_DEPS) $(VENV)
	@$(MAKE) --no-print-directory -k $(JAVA21) $(KAFKA_TOOLS) || true
cluster: all test-clients
	$(PROVE_DAEMONS) $(call one,$(wildcard tests/cluster/*.t))
.PHONY: attack
attack: all test-clients
	ATTACK_S=$${ATTACK_S:-540} $(PROVE_DAEMONS) tests/cluster/attack.t
clients: all test-clients client-programs
	$(PROVE_DAEMONS) $(call one,$(wildcard tests/clients/*.t))

run: all
	@deploy/demo.sh $(BUILD)

# Each target for a bounded number of inputs, from a fixed seed and from a fresh one (tests/fuzz).
.PHONY: fuzz fuzz-run
fuzz: $(DEPS_STAMP)
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-fuzz SANITIZE=address,undefined \
	  COVER=-fsanitize-coverage=trace-pc,trace-cmp fuzz-run
fuzz-run: $(FUZZ)
	prove -j$(JOBS) $(FUZZ)

tidy: $(TEST_DEPS)
	@prove -Q -e sh tests/tidy/rules_test.sh
	@tests/tidy.sh

# The C files that are formatted: tables in columns stand between "clang-format off" and "on".
FORMATTED = $(sort $(shell git ls-files -co --exclude-standard '*.c' '*.h'))
.PHONY: format lint compile_commands.json install
format:
	@$(CLANG_FORMAT) -i $(FORMATTED)

# What gcc's analyzer finds in our own code; each finding fails.
lint: $(DEPS_STAMP)
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-lint CFLAGS='$(ANALYZE)' \
	  $(patsubst build/%,build-lint/%,$(call obj,$(COMMON) $(ENV_UV) $(BROKER) $(CONTROL) $(TOOLS) $(AGENT) $(wildcard tools/server/*.c)))

# For editors and tools that ask how a file is compiled.
SOURCES = $(COMMON) $(ENV_UV) $(BROKER) $(CONTROL) $(TOOLS) $(AGENT) $(wildcard tools/server/*.c) \
  $(sort $(shell find tests -name '*.c'))
compile_commands.json: $(GEN_H)
	@{ printf '['; separator=; for file in $(SOURCES); do \
	  printf '%s\n{"directory": "%s", "file": "%s", "command": "$(CC) $(CPPFLAGS_BASE) $(CFLAGS_BASE) -c %s"}' \
	    "$$separator" "$(CURDIR)" "$$file" "$$file"; separator=,; done; printf '\n]\n'; } > $@

install: all
	@deploy/install.sh $(BUILD) "$(DESTDIR)" "$(PREFIX)" "$(SYSCONFDIR)"

.PHONY: deb container
deb: all
	@deploy/make-deb.sh $(BUILD) $(BUILD)
container:
	@tool=$$(command -v podman || command -v docker) || { echo "there is no podman and no docker" >&2; exit 1; }; \
	  "$$tool" build -f deploy/container/Containerfile -t millrace .

check: all tidy unit sim cluster
test: check clients

# The suite under sanitizers, the daemons and tools included, for a bounded time (tests/sanitize). The
# simulation has one thread, so that ThreadSanitizer has nothing to see in it.
SANITIZED = $(MAKE) --no-print-directory -j$(JOBS) OPT=-O1
asan: all test-clients
	@$(SANITIZED) BUILD=build-asan SANITIZE=address,undefined build-all build-tests
	@tests/sanitize/run.sh build-asan
tsan: all test-clients
	@$(SANITIZED) BUILD=build-tsan SANITIZE=thread build-all build-units
	@tests/sanitize/run.sh build-tsan

bench: all test-clients
	$(PYTHON) tests/bench/bench.py

clean:
	rm -rf $(BUILD) build-asan build-tsan build-fuzz build-mutants build-lint bin config compile_commands.json
