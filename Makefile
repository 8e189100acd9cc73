# `make demo` and `make test` are all a new machine needs: each makes the environment first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO_HOME ?= simsong-data
DEMO_PORT ?= 8080
DAGSTER_FOLDER ?= $(CURDIR)/.dagster_home
DAGSTER_PORT ?= 3000

.PHONY: help install demo serve test test-slow lint types dagster release clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "SimSong needs Python 3.11 or newer, and $(PYTHON) is %d.%d; name another one: make PYTHON=python3.11" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(BIN)/simsong models fetch musicnn || true  # it says in a line what is missing; commands try again
	@touch $@

install: $(VENV)/.installed  ## create .venv with the pinned packages

demo: install  ## sample catalogue, whole pipeline, a few recommendations, a report
	$(BIN)/simsong demo --home $(DEMO_HOME)

serve: install  ## the page of the sample catalogue on http://127.0.0.1:8080
	$(BIN)/simsong serve --home $(DEMO_HOME) --port $(DEMO_PORT)

test: install lint types  ## lint, types, import contracts and the test suite
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

test-slow: install  ## the tests marked slow
	$(BIN)/python -m pytest -m slow -n auto --maxprocesses 2 --dist loadfile --no-loadscope-reorder

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: install
	$(BIN)/mypy

$(DAGSTER_FOLDER)/dagster.yaml: deploy/dagster-local.yaml
	@mkdir -p $(@D) && cp $< $@

dagster: install $(DAGSTER_FOLDER)/dagster.yaml  ## Dagster's web interface on http://localhost:3000
	DAGSTER_HOME=$(DAGSTER_FOLDER) PYTHONWARNINGS='ignore:Function `dev_command` is superseded' $(BIN)/dagster dev --port $(DAGSTER_PORT)

release: install  ## wheel, sdist, list of parts and notices, checked in an empty environment: dist/
	$(BIN)/python -m deploy.release.notices --check
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m deploy.release.check

clean:  ## remove the environment (data stay)
	rm -rf $(VENV)
