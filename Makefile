# make help lists what there is. Everything runs in .venv, which is made once.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test lint docs lab bench clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,findingemo]'
	@touch $@

demo: .venv/installed  ## run the whole path on the toy world and write figures and report
	$(BIN)/o2b run demo

test: .venv/installed  ## run the tests
	$(BIN)/python -m pytest

lint: .venv/installed  ## check style, types, which layer imports which, and that notebooks carry no outputs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/nbstripout --verify notebooks/*.ipynb

docs: .venv/installed  ## write the pages on results and options from the declarations
	$(BIN)/python -m o2b_helpers.reference

lab: .venv/installed  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks

bench: .venv/installed  ## time the kernels against the peers and the naive way
	$(BIN)/python benchmarks/run.py

clean:  ## remove results, figures' drafts and caches (not .venv)
	rm -rf runs .pytest_cache .ruff_cache .import_linter_cache build *.egg-info
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
