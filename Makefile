# make train: set up if needed, train the published recipe, test it.   make test: lint, types, tests.
PYTHON ?= python3
CONFIG ?= configs/mlp.yaml
BIN := .venv/bin
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11) and "digitrec needs Python 3.11 or newer: make PYTHON=python3.11")

.PHONY: train test

train: .venv/installed
	$(BIN)/python -m digitrec fit --config $(CONFIG)
	$(BIN)/python -m digitrec test --config $(CONFIG)

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

# The stamp is newer than pyproject.toml once everything is in place, so a second call installs nothing.
.venv/installed: pyproject.toml
	@$(BIN)/python -c 'import pip; $(NEW_ENOUGH)' 2>/dev/null || { \
	  $(PYTHON) -c '$(NEW_ENOUGH)' && $(PYTHON) -m venv --clear .venv; }
	@echo 'Installing into .venv: some minutes the first time.'
	@$(BIN)/python -m pip install -q -e '.[dev]'
	@touch $@
