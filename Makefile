# Every verb sets up what it needs by itself, and does nothing twice. Start with: make demo
.DEFAULT_GOAL := help
.PHONY: help setup demo demo-script test check lint format-check types walls house bench chaos docs locks clean erp editor debian

PYTHON ?= python3
TEST_WORKERS ?= 3
BIN := .venv/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --compile-bytecode --python .venv
# Handed to the demo, so that the times it prints count from here, set-up included.
BEGUN := $(shell date +%s.%N)
SET_UP = start=$$(date +%s) && $(MAKE) --no-print-directory erp && echo "set-up: $$(($$(date +%s) - start)) s"
# Also where the user's environment says otherwise: each process that a test starts would compile it anew.
KEEP_COMPILED := PYTHONDONTWRITEBYTECODE=
ROOMS := domain planning connectors templates store intake activities workflows authoring admin api infra
export PYTHON

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: erp ## Install the product, build the demo plant's ERP and the console's editor
	-@$(MAKE) --no-print-directory editor

demo: ## The whole plant on this machine; prints one link
	@$(SET_UP)
	@$(BIN)/mos demo --begun $(BEGUN)

demo-script: ## The same, played by a script; exits 0 only if all of it happened
	@$(SET_UP)
	@$(BIN)/mos demo --script --begun $(BEGUN)

test: debian ## All tests
	@$(MAKE) --no-print-directory -j2 .venv/.tests erp
	-@$(MAKE) --no-print-directory editor
	@$(KEEP_COMPILED) $(BIN)/pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: .venv/.dev ## Lint, format, types, walls and house rules
	@$(MAKE) --no-print-directory -k -j2 --output-sync=target lint format-check types walls house

lint: .venv/.dev
	@$(BIN)/ruff check --quiet && echo "lint: ok"

format-check: .venv/.dev
	@$(BIN)/ruff format --quiet --check || { echo "format: run .venv/bin/ruff format"; exit 1; }
	@echo "format: ok"

types: .venv/.dev
	@$(BIN)/mypy

walls: .venv/.dev
	@$(BIN)/lint-imports --no-logo

house: .venv/.dev
	@$(BIN)/pytest -q tests/house

bench: .venv/.dev erp ## Benchmarks, as ratios to the peers
	@$(BIN)/python -m bench $(ARGS)

chaos: .venv/.dev erp ## The kill tests, what make test tries at a smaller size, and new random examples
	@MOS_EXAMPLES=new MOS_CHAOS_POSTINGS=$${MOS_CHAOS_POSTINGS:-10000} $(BIN)/pytest -m "chaos or full or hypothesis" $(ARGS)

docs: .venv/.dev ## Check that the docs are complete and their links lead somewhere
	@$(BIN)/pytest -q tests/house -k docs

locks: .venv/.uv ## Rewrite infra/locks from pyproject.toml (LOCK_ARGS=--upgrade for newer versions)
	@infra/locks/write.sh $(LOCK_ARGS)

clean: ## Remove environments and caches; the data in .mos stays
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@rm -rf infra/editor/node_modules templates/console/static/build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: an environment is made again when its lock, our own metadata, or the place of the clone has changed.
$(shell [ "$$(cat .venv/.folder 2>/dev/null)" = "$(CURDIR)" ] || rm -f .venv/.uv)

.venv/.uv: infra/locks/uv.txt
	@echo "mos setup: making the virtual environment"
	@infra/setup/venv.sh
	@touch $@

.venv/.runtime: .venv/.uv infra/locks/runtime.txt pyproject.toml
	@echo "mos setup: installing the product"
	@$(INSTALL) --require-hashes -r infra/locks/runtime.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q $(ROOMS)
	@touch $@

.venv/.dev: .venv/.runtime infra/locks/dev.txt
	@echo "mos setup: installing the test and check tools"
	@$(INSTALL) --require-hashes -r infra/locks/dev.txt
	@touch $@

# The tests compiled, once, beside the building of the ERP: the workers would each do it, all at the same time.
.venv/.tests: .venv/.dev
	-@$(KEEP_COMPILED) $(BIN)/pytest -q --collect-only >/dev/null && touch $@

debian:
	@infra/setup/debian.sh chromium libatomic1 mosquitto

# The demo does not wait for it: without it, definitions are written in a plain text field.
editor: templates/console/static/build/editor.js ## Build the console's editor for definitions

templates/console/static/build/editor.js: .venv/.uv infra/locks/editor.txt $(wildcard infra/editor/*.json infra/editor/*.mjs infra/editor/src/*.js)
	@infra/setup/editor.sh
	@touch $@

# The demo plant's ERP lives in an environment of its own and is built once; a second call finds it ready.
erp: .venv/.runtime
ifneq ($(wildcard infra/plant/erp/__main__.py),)
	@$(BIN)/python -m infra.plant.erp build
endif
