# Community Reporting. Each target sets up what it needs first; a second run finds it there.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# EXTRAS=                  leaves the second engine (openai-whisper, with torch) out of tests and benchmarks
# TORCH_INDEX=<address>    an index with torch's builds for processors alone
# DEMO_EXIT=1              the demo stops everything when its stories have arrived
# TESTS="tests/storage"    which tests to run;  JOBS=4  in how many processes
EXTRAS ?= openai-whisper
TORCH_INDEX ?=
# Tests wait for children, stores and clocks a third of their time: two processes more than two cores have.
JOBS ?= 4
# Each process takes tests that lie beside one another, and so makes once what they share; the idle take from the busy.
TESTS ?= tests
export TORCH_INDEX

# Tests start many a service: each is compiled once, also where the environment would have it compiled each time.
export PYTHONDONTWRITEBYTECODE :=
# And share two cores: torch's threads wait for each other by running in circles, unless told to sleep.
export OMP_WAIT_POLICY := PASSIVE

RUN := .venv/bin/
# They write much, and sync it: into memory where there is plenty.
RUN_TESTS := setup/in_memory.sh $(RUN)python -m pytest
PYTEST := $(RUN_TESTS) -n $(JOBS) --dist worksteal -rs $(TESTS)
# For the tests whose length is asked for: cutting the power thousands of times takes hours.
WITHOUT_END := -o faulthandler_timeout=0

.PHONY: help demo serve test test-access test-web test-long test-erasure test-faults test-night screenshots bench \
    bench-upload lint format docs audit sbom lock clean set-up set-up-tests

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: set-up ## send fictional stories the whole way, then leave the service running (DEMO_EXIT=1: stop it)
	@$(RUN)community-reporting demo $(if $(filter-out 0 no false,$(DEMO_EXIT)),--exit)

serve: set-up ## run the service on this machine
	@$(RUN)community-reporting serve

test: set-up-tests ## run every test but the long ones, and beside them check style, types and layers
	@said=$$(mktemp); $(MAKE) lint >$$said 2>&1 & checking=$$!; \
	$(PYTEST) -m "not long"; tested=$$?; \
	wait $$checking; checked=$$?; cat $$said; rm -f $$said; exit $$((tested || checked))

test-access: set-up-tests ## open every route as every role over a story in every stage; the last line counts
	@$(RUN_TESTS) -n $(JOBS) --dist worksteal -q tests/access

test-web: set-up-tests ## open every page in all its languages, on a phone and wide, by the keyboard; its figures last
	@figures=$$(mktemp); WEB_FIGURES=$$figures $(RUN_TESTS) -n $(JOBS) --dist worksteal -rs tests/web; status=$$?; \
	$(RUN)python -m tests.web.figures $$figures; rm -f $$figures; exit $$status

screenshots: set-up-tests ## make a picture of every page into build/screenshots (PAGES=teller: of those named so)
	@$(RUN)python -m tests.web.screenshots $(PAGES)

test-long: set-up-tests ## run the long tests
	@$(PYTEST) -m "long and not faults"

test-erasure: set-up-tests ## publish, pull and take back a story, and look for it in every byte; its figures last
	@figures=$$(mktemp); ERASURE_FIGURES=$$figures $(RUN_TESTS) -n $(JOBS) --dist worksteal -rs \
	    tests/erasure tests/storage/test_embedded_rebuild.py tests/storage/test_physical_erasure.py; status=$$?; \
	$(RUN)python -m tests.erasure.figures $$figures; rm -f $$figures; exit $$status

test-faults: set-up-tests ## fail at every write boundary in turn, then cut the power 200 times; its figures last
	@figures=$$(mktemp); FAULTS_FIGURES=$$figures $(RUN_TESTS) -n $(JOBS) -rs -s $(WITHOUT_END) -m faults tests/faults; status=$$?; \
	$(RUN)python -m tests.faults.figures $$figures; rm -f $$figures; exit $$status

test-night: set-up-tests ## the same with 3,000 cuts, and 10,000 steps against the model: some hours
	@FAULTS_KILLS=3000 FAULTS_EVERY=1 FAULTS_STEPS=10000 $(MAKE) test-faults
	@UPLOAD_KILLS=1000 $(RUN_TESTS) -rs -s $(WITHOUT_END) -m long tests/app/uploads/test_killed.py

bench: set-up-tests ## measure; one line a figure, its name first
	@for file in tests/bench/[a-z]*.py; do \
	    module=$$(echo $${file%.py} | tr / .); $(RUN)python -m $$module || exit 1; \
	done

bench-upload: set-up-tests ## measure taking in 1 GiB, beside a route that only writes and hashes it, and the tus project's server
	@$(RUN)python -m tests.bench.upload

lint: set-up-tests ## check style (ruff), types (mypy) and layers (import-linter)
	@$(RUN)ruff check --quiet .
	@$(RUN)ruff format --quiet --check . || { echo "Not as the style checker writes it: make format"; exit 1; }
	@$(RUN)mypy --no-error-summary
	@$(RUN)mypy --no-error-summary setup
	@report=$$($(RUN)lint-imports --no-logo) || { echo "$$report"; exit 1; }

format: set-up-tests ## mend what the style checker can mend by itself
	@$(RUN)ruff check --quiet --fix .
	@$(RUN)ruff format --quiet .

docs: set-up ## write the pages that are made from code
	@$(RUN)python setup/reference.py

audit: ## compare the lock files with known weaknesses (OSV); where it cannot be reached, say so
	@setup/audit.sh

sbom: ## write what the service is made of to build/sbom.json (CycloneDX)
	@mkdir -p build
	@$$(setup/python.sh which) setup/sbom.py > build/sbom.json

lock: set-up-tests ## write the lock files anew from pyproject.toml and package.json
	@setup/lock.sh

clean: ## remove what checkers, tests and builds left (not .venv, not data)
	@rm -rf .mypy_cache .ruff_cache .import_linter_cache .hypothesis .pytest_cache build *.egg-info
	@find . -name __pycache__ -not -path './.venv/*' -not -path './node_modules/*' -prune -exec rm -rf {} +

set-up:
	@setup/system.sh run
	@setup/python.sh runtime
	@setup/browser.sh run
	@$(RUN)python -m setup.language_data

set-up-tests:
	@setup/system.sh test
	@EXTRAS="$(EXTRAS)" setup/python.sh development
	@setup/browser.sh test
	@$(RUN)python -m setup.language_data
