# make train: set up if needed, train the published recipe, test it.   make test: lint, types, tests.
PYTHON ?= python3
CONFIG ?= configs/mlp.yaml
BIN := .venv/bin
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11) and "digitrec needs Python 3.11 or newer: make PYTHON=python3.11")

.PHONY: train test

train: .venv/installed
	$(BIN)/python -m digitrec fit --config $(CONFIG)
	$(BIN)/python -m digitrec test --config $(CONFIG)
	@echo
	@echo 'Next:  . .venv/bin/activate                                                # use this environment'
	@echo '       tensorboard --logdir lightning_logs                                 # look at the run'
	@echo '       digitrec read DIR                                                   # read your own pictures'

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadfile

# The stamp is newer than pyproject.toml once everything is in place, so a second call installs nothing.
.venv/installed: pyproject.toml
	@$(BIN)/python -c 'import pip; $(NEW_ENOUGH)' 2>/dev/null || { \
	  $(PYTHON) -c '$(NEW_ENOUGH)' && $(PYTHON) -m venv --clear .venv; }
	@echo 'Installing digitrec and its dependencies into .venv: some minutes and several GB the first time.'
	$(BIN)/python -m pip install -e '.[dev]'
	@touch $@
