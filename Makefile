# Each target sets up what it needs: a virtual environment in .venv, torch, the package with its pinned versions.
PYTHON ?= python3
TORCH ?= torch==2.13.0
WORKSPACE ?= workspace
PORT ?= 8501
BIN := .venv/bin

.PHONY: constraints help setup dev-setup start test lint format test-slow bench clean

help:
	@echo "make start      open the course in the browser (creates ./$(WORKSPACE) when there is none)"
	@echo "make test       run all tests"
	@echo "make lint       ruff, mypy and unravel dev check"
	@echo "make test-slow  the proofs that take minutes"
	@echo "make bench      the benchmarks, each a ratio against a named peer"

$(BIN)/python:
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Unravel needs Python 3.11 or newer; say make PYTHON=python3.12"'
	$(PYTHON) -m venv .venv

# torch comes first and alone: a wider request could pull in another build of several gigabytes.
.venv/.course: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH) -c constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[app]' -c constraints.txt
	@touch $@

.venv/.dev: .venv/.course
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[app,nbgrader,dev]' -c constraints.txt
	@touch $@

setup: .venv/.course
dev-setup: .venv/.dev

start: .venv/.course
	@test -d $(WORKSPACE)/.unravel || $(BIN)/unravel init $(WORKSPACE)
	$(BIN)/unravel serve --workspace $(WORKSPACE) --port $(PORT)

test: .venv/.dev
	$(BIN)/python -m pytest -m "not slow"

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=app:src $(BIN)/mypy --explicit-package-bases app/main.py app/parts app/views
	$(BIN)/unravel dev check

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test-slow: .venv/.dev
	$(BIN)/python -m pytest -m slow --timeout 1800

bench: .venv/.dev
	@for script in bench/*.py; do case $$script in */_*) ;; *) echo "== $$script"; $(BIN)/python $$script || exit 1;; esac; done

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache build dist artefacts

# Pins every version that is installed now. Run the whole suite in a fresh environment first.
constraints: .venv/.dev
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt
