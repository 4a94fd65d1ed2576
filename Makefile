# What people and CI call. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

SUITE := services/suite
PYTHON := .build/python/bin/python
BUILD_FLAGS := --explicit-target-dependency-import-check error
LEAKS := suppressions=$(CURDIR)/Tests/Support/LeakSuppressions.txt:print_suppressions=0
FUZZ_SECONDS ?= 60
BENCH_ARGUMENTS ?=
CONFORMANCE_ARGUMENTS ?=
DIFFERENTIAL_ARGUMENTS ?= --seconds 600

.PHONY: help up down build test unit integration lint format packages-build packages-test python \
	bench bench-smoke conformance conformance-client differential fuzz openapi clean

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: build ## Installs what is missing, builds, starts a three-level cascade and says how to use it
	@$(SUITE)/install-packages.sh run
	@$(SUITE)/up.sh

down: ## Stops what `make up` started; the data stays in .headwater/
	@$(SUITE)/down.sh

packages-build:
	@$(SUITE)/install-packages.sh build

packages-test: packages-build
	@$(SUITE)/install-packages.sh run test

build: packages-build ## Builds the three services at .build/release/
	swift build -c release $(BUILD_FLAGS) --product headwater-node
	swift build -c release $(BUILD_FLAGS) --product headwater-coordinator
	swift build -c release $(BUILD_FLAGS) --product headwater-admin

test: unit integration ## Runs every test: units with checks of memory and leaks, then the real services

unit: packages-test
	swift build --build-tests --sanitize=address $(BUILD_FLAGS)
	ASAN_OPTIONS=detect_leaks=1 LSAN_OPTIONS=$(LEAKS) \
	swift test --skip-build --sanitize=address --disable-xctest

integration: build packages-test python
	$(PYTHON) -m pytest -q Tests/Integration

python: .build/python/.complete

.build/python/.complete: Tests/Integration/requirements.txt
	python3 -m venv .build/python
	.build/python/bin/pip install -q --disable-pip-version-check -r $<
	@touch $@

lint: ## Checks formatting, shell scripts and the committed contract
	swift format lint --strict --recursive --parallel Package.swift Sources Tests services
	@$(SUITE)/install-packages.sh lint
	shellcheck -x $(SUITE)/*.sh docker/*.sh Tests/Fuzz/run.sh .ci/run

format: ## Formats the Swift sources in place
	swift format --in-place --recursive --parallel Package.swift Sources Tests services

bench: build packages-test python ## Compares with redis-server and Valkey in one interleaved run
	$(PYTHON) Tests/Benchmarks/bench.py $(BENCH_ARGUMENTS)

bench-smoke: build packages-test python
	$(PYTHON) Tests/Benchmarks/bench.py --smoke

conformance: packages-build python ## Runs the test suite of Redis against the node
	@$(SUITE)/install-packages.sh run test conformance
	swift build -c release $(BUILD_FLAGS) --product headwater-node
	$(PYTHON) Tests/Conformance/run.py $(CONFORMANCE_ARGUMENTS)

conformance-client: packages-test python ## Runs the test suite of redis-py against the node
	swift build -c release $(BUILD_FLAGS) --product headwater-node
	$(PYTHON) Tests/Conformance/client.py $(CONFORMANCE_ARGUMENTS)

differential: build packages-test python ## Plays random sessions to the node, redis-server and Valkey
	$(PYTHON) Tests/Differential/run.py $(DIFFERENTIAL_ARGUMENTS)

fuzz: ## Runs the coverage-guided fuzzers, FUZZ_SECONDS each
	FUZZ_SECONDS=$(FUZZ_SECONDS) Tests/Fuzz/run.sh

openapi: ## Renders openapi/admin.yaml from the route table
	.build/release/headwater-admin --print-openapi > openapi/admin.yaml

clean: ## Removes build products; the data in .headwater/ stays
	rm -rf .build
