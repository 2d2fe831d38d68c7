# The two commands that matter: `make demo` and `make test`. Each does all of its own set-up.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null 2>&1 && \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO_OPTIONS ?=
DISCOVER_OPTIONS ?=
UP_OPTIONS ?=
PYTEST_OPTIONS ?=
CHAOS_OPTIONS ?=

.DEFAULT_GOAL := help
.PHONY: help install install-dev demo discover up screenshots test test-fast chaos check format vendor bench clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python >= 3.11 with venv found. Install one (on Debian: apt install python3-venv) or call: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)

# The stamps hold the install back until the requirements change.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing backprop-evo into $(VENV) (torch is large: a few minutes the first time) ..."
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing what tests and checks need ..."
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

install: $(VENV)/.installed  ## Create the environment and install the product

install-dev: $(VENV)/.installed-dev  ## The same, with what tests and checks need

demo: install  ## A whole search on real CIFAR-10 images, through the real stack, in under 5 minutes
	$(BIN)/backprop-evo demo $(DEMO_OPTIONS)

discover: install  ## The real thing, resumable: search, confirm, compare, report; in at most 3 hours on two cores
	$(BIN)/backprop-evo discover $(DISCOVER_OPTIONS)

up: install  ## Serve API and pages at http://127.0.0.1:8000 until Ctrl-C
	$(BIN)/backprop-evo up $(UP_OPTIONS)

test: install-dev  ## Every test: real Redis, Celery worker, SQLite and PostgreSQL
	$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_OPTIONS)

test-fast: install-dev  ## Tests that take no more than a few seconds each
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not slow' $(PYTEST_OPTIONS)

chaos: install-dev  ## Load and faults on both databases, as one table: about two hours; CHAOS_OPTIONS="--only storm"
	$(BIN)/python -m tests.chaos $(CHAOS_OPTIONS)

screenshots: install-dev  ## Every page, light and dark, wide and narrow, into build/screenshots; the README's three into docs/images
	$(BIN)/python -m tests.browser.screenshots build/screenshots
	$(BIN)/python -m tests.browser.screenshots --readme

check: install-dev  ## Format, lint, types, import contracts, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/backprop-evo db check

format: install-dev  ## Let ruff format and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

vendor: install  ## Fetch the browser libraries again that are in api/static/vendor (needs npm)
	$(BIN)/python -m api.vendoring

bench: install-dev  ## Ratios measured interleaved in one run (about a quarter of an hour on a quiet machine)
	$(BIN)/python benchmarks/language.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/methods.py

clean:  ## Remove the environment and caches; never data or databases
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
