# make train: set up if needed, train the published recipe, test it.   make test: lint, types, tests.
PYTHON ?= python3
CONFIG ?= configs/mlp.yaml
BIN := .venv/bin

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
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -e '.[dev]'
	touch $@
