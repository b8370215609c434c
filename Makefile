# Everything a person or CI does with this repository. `make` alone prints this list.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SPEC ?= specs/census_income.mlspec
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
JOBS ?= 2

.PHONY: help demo test check lint types mypy pyright layers unit parity fuzz kills wheel test-slow bench docs constraints clean

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

# The installed set is stamped with what decides it, so that a change of a requirement installs again and nothing else does.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) 'hatchling>=1.27' editables
	$(PIP) --no-build-isolation -e '.[all]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --no-build-isolation -e '.[all,torch,dev]'
	@touch $@

demo: $(VENV)/.installed ## install, then run the census example on its real data
	$(BIN)/mlspec run $(SPEC)

test: $(VENV)/.installed-dev ## everything that CI runs (within 30 minutes on 2 quiet cores)
	$(MAKE) --jobs=$(JOBS) lint mypy pyright layers fuzz wheel
	$(MAKE) unit parity kills

check: lint types layers ## the quick part: format, lint, types, layers

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: mypy pyright

mypy pyright: %: $(VENV)/.installed-dev
	$(BIN)/$*

layers: $(VENV)/.installed-dev
	$(BIN)/lint-imports

unit: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m 'not slow'

parity: $(VENV)/.installed-dev ## one spec on every target that runs here: equal digests
	$(BIN)/mlspec parity --suite --case gates_pass --targets local,dvc,kfp

fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m tests.fuzz --seconds 60

kills: $(VENV)/.installed-dev
	$(BIN)/python -m tests.crash.kill_run specs/census_income.mlspec --env dev --kills 10

wheel: $(VENV)/.installed-dev ## build the wheel and try it in an empty environment
	$(BIN)/python -m tests.packaging.smoke

$(VENV)/.installed-ray: $(VENV)/.installed-dev
	$(PIP) --no-build-isolation -e '.[all,torch,ray,transformers,dev]'
	@touch $@

test-slow: $(VENV)/.installed-ray ## the long figures; appends what was reached to docs/ledger.md
	$(BIN)/python -m tests.slow

bench: $(VENV)/.installed-dev ## our figures beside the peers'
	$(BIN)/python -m benchmarks --all

docs: $(VENV)/.installed-dev ## write the generated pages again
	$(BIN)/python -m mlspec.spec.reference docs/language.md
	$(BIN)/python -m mlspec.diff.reference docs/diff.md
	$(BIN)/python -m mlspec.policy.reference docs/policy.md
	$(BIN)/python -m mlspec.lsp.reference docs/editor.md
	$(BIN)/python -m mlspec.diagnostics.index
	$(BIN)/python -m mlspec.cli.reference

constraints: ## freeze a fresh environment into constraints.txt
	$(PYTHON) -m tests.packaging.constraints

clean: ## remove what was built here; the store in .mlspec stays
	rm -rf build dist $(VENV) .pytest_cache .mypy_cache .ruff_cache
