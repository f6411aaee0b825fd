# Postern. `make help` lists what can be done; everything made lies under .venv/ and var/.
PYTHON ?= python3
BIN := .venv/bin
ONCE ?=
OPTIONS ?=
ROUNDS ?= 500
SEED ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo test check thorough crash bench lock clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/run  ## run the gateway on sample mail and show what becomes of it (ONCE=1: and exit)
	@$(BIN)/python -m gateway demo $(if $(ONCE),--once) var/demo

test: .venv/dev  ## run the whole test suite
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 3 -m "not slow and not long" $(OPTIONS)

check: .venv/dev  ## format, lint, types and the layers
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/python -m pytest -q tests/test_layers.py tests/test_docs.py

thorough: .venv/dev  ## what takes half an hour or more: thousands of kills, faults and damaged mails
	@$(BIN)/python -m pytest -n 4 --dist worksteal -m long $(OPTIONS)

crash: .venv/dev  ## kill the parts at every named point and at random, and check what must hold (ROUNDS=500 SEED=1)
	@$(BIN)/python -m tests.crash --rounds $(ROUNDS) --seed $(SEED) $(OPTIONS)

bench: .venv/dev  ## print benchmark ratios
	@$(BIN)/python -m benchmarks

lock: .venv/dev  ## pin the dependencies anew, with hashes
	@$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra build pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra build --extra dev pyproject.toml -c requirements.lock -o requirements-dev.lock

clean:  ## remove everything that was made
	rm -rf .venv var build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Postern needs Python 3.11 or newer; try make PYTHON=python3.12")'
	@$(PYTHON) -m venv .venv

.venv/run: .venv/bin/python requirements.lock pyproject.toml
	@echo "Setting up (only the first time) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: .venv/run requirements-dev.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
