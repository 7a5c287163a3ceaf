# `make help` lists the targets. Python 3.11 and make are all a machine needs.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help demo test check bench faults lock openapi clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(STAMP): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: $(STAMP) ## the tour: hub, simulated providers, signed samples; ONCE=1 asserts every outcome and exits
	$(BIN)/raccordo demo $(if $(ONCE),--once)

# Tests start hundreds of processes: where the environment forbids it to keep what it compiled, each compiles the hub anew.
test faults: export PYTHONDONTWRITEBYTECODE :=
test: $(STAMP) ## every test
	$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

check: $(STAMP) ## ruff, mypy --strict, import-linter, OpenAPI drift
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/raccordo openapi --check

bench: $(STAMP) ## rates and ratios, measured in one run
	$(BIN)/python -m tests.bench $(ARGS)

faults: $(STAMP) ## the fault matrix and random kills, about an hour; ARGS="--minutes 10 --jobs 2 --seed 7"
	$(BIN)/python -m tests.faults --report docs/faults.md $(ARGS)

openapi: $(STAMP) ## write openapi/ anew from the code
	$(BIN)/raccordo openapi

lock: ## pin requirements.txt anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --group dev --group build pyproject.toml -o requirements.txt

clean: ## remove the virtual environment and the demo's home
	rm -rf $(VENV) .raccordo/demo
