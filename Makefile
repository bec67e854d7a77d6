# Two commands on a fresh machine with Python >= 3.11 and make:  make demo   make test
# Nothing here sends a packet off this machine: PROBE_NET=loopback holds the program to that.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

RUNS ?= 400
TRACES ?= 100
NETNS ?= netns and not slow
MINUTES ?= 10
AGAIN ?=
# tests/again.sh: what failed runs once more, by itself (.ci/run)
export PROBE_NET := loopback
export PROBE_STORE ?= $(CURDIR)/results/probe.sqlite
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONDONTWRITEBYTECODE
# the tests start probe some hundred times: each module is compiled once, not at each start

.PHONY: demo test test-all test-netns test-rules fuzz lint types imports docs check-docs locales verdicts protocols bench bench-patterns bench-throttle bench-trace wheel smoke lock clean help

help:  ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(VENV)/.run  ## fourteen days on a censored network inside this machine, with a report
	@$(BIN)/probe demo --out results

test: $(VENV)/.dev  ## the fast tests
	@$(AGAIN) $(BIN)/python -m pytest -q -n 3

test-all: $(VENV)/.dev  ## the fast tests, then the slow ones
	@$(AGAIN) $(BIN)/python -m pytest -q -n 3
	@$(AGAIN) $(BIN)/python -m pytest -q -n 2 --dist loadgroup -m '(slow or browser) and not netns' --timeout 300

test-netns: $(VENV)/.dev  ## the tests on real packets, in network namespaces; says why where that cannot be
	@if why=$$($(BIN)/probe lab check -o json 2>&1 >/dev/null); then \
		sh tests/netns/labs.sh "$(CURDIR)/$(BIN)" "$(NETNS)"; \
	else \
		echo "skipped: no test on real packets was run. $$why"; \
	fi

test-rules: $(VENV)/.dev  ## mutants of the rule table: each must make a test fail
	@$(BIN)/python tests/analysis/mutate_rules.py

fuzz: $(VENV)/.dev  ## broken bytes for everything that reads a network, for MINUTES (10)
	@nice -n 10 $(BIN)/python tests/fuzz/fuzz.py --minutes $(MINUTES)

lint: $(VENV)/.dev  ## ruff: rules and layout
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## mypy, strict
	@$(BIN)/mypy
	@$(BIN)/mypy --exclude '/conftest\.py$$' tests
	@for each in $$(find tests -name conftest.py); do $(BIN)/mypy $$each || exit 1; done

imports: $(VENV)/.dev  ## the import contracts
	@$(BIN)/lint-imports

docs: $(VENV)/.dev  ## write the generated pages again
	@$(BIN)/python docs/generate.py

locales: $(VENV)/.dev  ## write the catalogues of languages again; fails for a text without translation
	@$(BIN)/python docs/locales.py

verdicts: $(VENV)/.dev  ## play all scenarios in all stages; docs/verdicts.md says what was found
	@$(BIN)/python tests/scenarios/verdicts.py $(VERDICTS); code=$$?; \
	$(BIN)/python docs/generate.py; exit $$code

protocols: $(VENV)/.dev  ## play each protocol in its six situations; docs/protocols.md says what was found
	@$(BIN)/python tests/scenarios/protocols.py; code=$$?; \
	$(BIN)/python docs/generate.py; exit $$code

bench: $(VENV)/.dev  ## speed and memory; figures go to docs/benchmarks.md
	@$(BIN)/python tests/bench/run.py

bench-patterns: $(VENV)/.bench  ## daily windows against known truth and other methods: docs/benchmarks-patterns.md
	@nice -n 10 $(BIN)/python tests/bench/bench_patterns.py --runs $(RUNS) $(if $(CELLS),--cells $(CELLS)) $(if $(PARTS),--parts $(PARTS))

bench-throttle: $(VENV)/.bench  ## slowed transfers against known truth, beside Wehe's rule: a section of docs/benchmarks.md
	@nice -n 10 $(BIN)/python tests/bench/bench_throttle.py --play $(if $(CELLS),--cells $(CELLS))

bench-trace: $(VENV)/.dev  ## whether traces name the right hop: docs/benchmarks-trace.md
	@folder=$$(mktemp -d) && for loss in 0.02 0.1; do \
		for case in $$($(BIN)/python tests/bench/bench_trace.py); do \
			nice -n 10 $(BIN)/probe lab up none --world small --no-daemons -- \
				$(CURDIR)/$(BIN)/python tests/bench/bench_trace.py $$case --runs $(TRACES) \
				--loss $$loss --out $$folder/$$case-$$loss.jsonl || exit 1; \
		done; \
	done && $(BIN)/python tests/bench/bench_trace.py --page docs/benchmarks-trace.md \
		--from $$folder/*.jsonl && rm -r $$folder

wheel: $(VENV)/.dev  ## build dist/*.whl
	@rm -rf dist && $(BIN)/python -m build --wheel --no-isolation --outdir dist . >/dev/null && ls dist

smoke: wheel  ## the wheel in an environment of its own, without development dependencies
	@sh tests/smoke/wheel.sh $(PYTHON)

lock: $(VENV)/.dev  ## resolve the dependencies anew, with hashes and no index address
	@$(BIN)/python -m pip install -q uv
	@$(BIN)/uv pip compile pyproject.toml --group build --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header -q --upgrade -o requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --group build --group dev --extra web --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header -q --upgrade -c requirements.lock -o requirements-dev.lock

	@$(BIN)/uv pip compile pyproject.toml --group bench --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header -q --upgrade -c requirements-dev.lock -o requirements-bench.lock

clean:  ## remove what these commands made
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# --- the environment: made once, again only when a lock file changes --------------------------

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "probe needs Python 3.11 or newer (set PYTHON=...)"; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { \
		rm -rf $(VENV); \
		$(PYTHON) -m venv --without-pip $(VENV) && \
		$(PYTHON) -m pip --python $(VENV)/bin/python install -q pip; }

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing what probe needs"
	@test -e $(VENV)/.dev || $(BIN)/python -m pip install -q --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing what the tests need"
	@$(BIN)/python -m pip install -q --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run

$(VENV)/.bench: requirements-bench.lock $(VENV)/.dev
	@echo "installing what the benchmark of windows compares with"
	@$(BIN)/python -m pip install -q --require-hashes -r requirements-bench.lock
	@touch $@
