# parcelgate: every command of daily work. `make` or `make help` lists them; all install into .venv in this checkout.
.DEFAULT_GOAL := help
SHELL := /bin/sh
# Which Python to set up with; python3.11 or else python3, if not given.
PYTHON ?=
FUZZ_SECONDS ?= 300
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := pyproject.toml hatch_build.py $(shell find proto -name '*.proto')

.PHONY: help demo demo-cluster up test fuzz lint bench lists lock clean

help: ## Show this list.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 16

# An environment that was moved or copied with its checkout still points to the old place, so the stamp names the place.
ifneq "$(shell cat $(STAMP) 2>/dev/null)" "$(CURDIR)"
.PHONY: $(STAMP)
endif

$(STAMP): $(SOURCES)
	@./deploy/setup.sh "$(PYTHON)" "$(VENV)"

demo: $(STAMP) ## Set everything up, send sample traffic through the gateway, and show what became of it.
	@$(BIN)/parcelgate demo

demo-cluster: $(STAMP) ## The same as a cluster on private RabbitMQ and PostgreSQL nodes; then under kills, three seeds, judged.
	@./deploy/engines.sh
	@$(BIN)/parcelgate demo --cluster --data build/demo-cluster
	@$(BIN)/python tests/faults/cluster.py --seeds 1,2,3 --kills 20

up: $(STAMP) ## Serve the gateway with the data of the demo until Ctrl-C.
	@$(BIN)/parcelgate up --data build/demo

test: $(STAMP) ## Run linters, types, floors and all tests.
	@./deploy/engines.sh
	@./deploy/browser.sh
	@$(BIN)/ruff check . && $(BIN)/ruff format --check -q . && $(BIN)/mypy && $(BIN)/lint-imports
	@$(BIN)/pytest -n 2

fuzz: $(STAMP) ## Fuzz every engine for FUZZ_SECONDS (300) each; what breaks one is kept in build/fuzz.
	@for syntax in $$($(BIN)/parcelgate formats --json | $(BIN)/python -c 'import json, sys; print(*sorted({one["syntax"] for one in json.load(sys.stdin)}))'); do \
		echo "$$syntax ..."; $(BIN)/python tests/fuzz/fuzz.py $$syntax --seconds $(FUZZ_SECONDS) 2>build/fuzz-$$syntax.log || { tail -40 build/fuzz-$$syntax.log; exit 1; }; \
		tail -1 build/fuzz-$$syntax.log; \
	done

lint: $(STAMP) ## Format, lint, check types, floors and (where buf is present) the contracts.
	@$(BIN)/ruff format . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports
	@if command -v buf >/dev/null; then buf lint proto; else echo "buf is not here; its lint was left out"; fi

bench: $(STAMP) ## Measure the budgets as ratios in one run; writes build/bench.json.
	@./deploy/engines.sh
	@$(BIN)/python tests/bench/run.py

lists: $(STAMP) ## Write the generated lists of docs/.
	@$(BIN)/python tests/architecture/lists.py

lock: $(STAMP) ## Add new messages, fields and calls to the contract lock.
	@$(BIN)/python tests/architecture/contract_lock.py

clean: ## Remove the environment, builds (with the demo's data) and caches; other data folders stay.
	@rm -rf $(VENV) build dist services/parcelgate/api .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
