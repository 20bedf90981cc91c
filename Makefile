# Frontdesk: `make run` serves the demo shop, `make test` runs every check. `make help` lists all.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
READY_DEV := $(VENV)/.installed-dev
HOST ?= 127.0.0.1
PORT ?= 8080
# Where torch's CPU build is, if your package index gives the GPU build: gigabytes more.
TORCH_INDEX ?=

.DEFAULT_GOAL := help
.PHONY: help install install-dev run test check fix evaluate clean

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(READY) ## Set everything up and serve on http://127.0.0.1:8080
	$(BIN)/frontdesk serve --host $(HOST) --port $(PORT)

test: $(READY_DEV) browser postgres servers ## Set everything up, then check and test all of it
	$(MAKE) --no-print-directory check
	$(BIN)/python -m pytest

check: $(READY_DEV) ## Check style and types; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(READY_DEV) ## Repair what the style checker can repair
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

evaluate: $(READY) ## Ask the frozen evaluation questions and print a table
	$(BIN)/frontdesk evaluate

install: $(READY) ## Install what running needs into .venv

install-dev: $(READY_DEV) ## Install what testing needs too

clean: ## Delete caches and builds; keeps .venv and var
	rm -rf build *.egg-info .mypy_cache .ruff_cache .pytest_cache test-artifacts

# The exact torch comes first, so that nothing else brings another build of it.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Frontdesk needs Python 3.11 or newer, this is {v.major}.{v.minor}: run make PYTHON=python3.11")'
	@echo "Installing Frontdesk into $(VENV): about 1.5 GB, some minutes the first time ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check "torch==2.13.0" -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
	$(BIN)/pip install -q --disable-pip-version-check -e . -c constraints.txt
	@touch $@

$(READY_DEV): $(READY)
	@echo "Installing the tools for testing ..."
	$(BIN)/pip install -q --disable-pip-version-check -e ".[dev]" -c constraints.txt
	@touch $@

.PHONY: browser postgres servers
browser:
	@sh tests/scenario/need_browser.sh
	@sh tests/clients/need_clients.sh

postgres:
	@sh tests/need_postgres.sh

servers:
	@sh tests/need_redis.sh
	@sh tests/need_fuse.sh
