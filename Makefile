SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

BIN := .venv/bin

# What may be set on the command line: make demo DEMO_ARGS="--for 60 --report report.json"
DEMO_ARGS ?=
BENCH_ARGS ?=
PYTEST_ARGS ?=
WORKERS ?= 2
KILLS ?= 20
CASES ?= 10000
MINUTES ?= 7
SEED ?=

.PHONY: help demo test check unit format bench kill-test garbage-test lock clean venv-demo venv-dev servers

help: ## Show what can be made (this list)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: venv-demo ## Run a small school on this machine and show it live (needs Python packages only)
	$(BIN)/campus demo $(DEMO_ARGS)

test: servers venv-dev check unit ## Install what the tests need, check the code, run all tests

check: venv-dev ## Check style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Tests marked "alone" measure time or load the machine, so nothing runs beside them. They come
# first; pytest's 5 means that there are none.
unit: venv-dev ## Run all tests, with what is installed already
	$(BIN)/python -m pytest -m "alone and not campaign" $(PYTEST_ARGS) || [ $$? -eq 5 ]
	$(BIN)/python -m pytest -m "not alone and not campaign" -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

format: venv-dev ## Bring the code into its form (ruff)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: servers venv-dev ## Measure; the figures of docs/benchmarks.md (BENCH_ARGS=… for one of them)
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

kill-test: servers venv-dev ## Kill every part KILLS times (20) while a school runs, then check what is stored
	$(BIN)/python -m tests.campaigns.kill --kills $(KILLS) $(if $(SEED),--seed $(SEED))

garbage-test: servers venv-dev ## Answer with CASES bad replies (10000), send a whole agent's devices through every fault for MINUTES (7)
	$(BIN)/python -m tests.campaigns.bus_garbage --cases $(CASES) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.campaigns.garbage_agent --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

lock: venv-dev ## Resolve the dependencies anew into requirements/
	scripts/lock --upgrade

clean: ## Remove the virtual environment, caches and what was built
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv-demo:
	@scripts/venv demo

venv-dev:
	@scripts/venv dev

servers:
	@scripts/servers
