# What everyone runs, on a machine with Python 3.11 to 3.13, make and git. Each target does its own set-up.

UV_VERSION := 0.13.8
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
# What set-up installs besides the project; the heavy extras (xgboost, celery, postgres) are not.
EXTRAS := flights,dev,lightgbm,dask
CODE := include plugins dags tests benches
# Two processes pay off on two cores; PYTEST_WORKERS=0 runs in one, for a debugger.
PYTEST_WORKERS ?= 2
PYTEST_ARGS ?=
LOCK_ARGS ?=
# Recipes call tools by path: an activated environment of another project changes nothing.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH
# Byte code is kept: without it every process that a test or the demo starts compiles Airflow anew.
unexport PYTHONDONTWRITEBYTECODE
export FRESH DETACH

.DEFAULT_GOAL := help
.PHONY: help setup uv lock lint format test test-slow bench demo stop clean

help:  ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
	  printf '  make %-10s %s\n' "$$name" "$$text"; done

setup: $(STAMP)  ## build .venv from requirements.lock, every package checked against its hash

# uv checks the hashes of a constraints file, and unlike a requirements file it leaves out what no chosen extra asks for.
$(STAMP): pyproject.toml requirements.lock | uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraints requirements.lock --editable '.[$(EXTRAS)]'
	@touch $@

# A venv whose pip does not run (a broken-off set-up, an upgraded Python) is made anew.
uv:
	@if ! $(BIN)/uv --version 2>/dev/null | grep -qF 'uv $(UV_VERSION)'; then \
	  $(BIN)/python -m pip --version >/dev/null 2>&1 || { $(FIND_PYTHON); "$$found" -m venv --clear $(VENV); } || exit 1; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv==$(UV_VERSION)'; \
	fi

# PYTHON=... names another one to try first. A version manager's stand-in exists without being able to run.
FIND_PYTHON = found=; for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; \
	  then found=$$python; break; fi; done; \
	  [ -n "$$found" ] || { echo 'No Python 3.11, 3.12 or 3.13 on PATH. Install one, or name it: make PYTHON=/path/to/python3.12' >&2; exit 1; }

lock: | uv  ## resolve pyproject.toml anew into requirements.lock (LOCK_ARGS=--upgrade for newer versions)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --all-extras \
	  --python-version 3.11 $(LOCK_ARGS) pyproject.toml -o requirements.lock

lint: setup  ## ruff, mypy strict, the import contracts
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: setup  ## what lint can mend by itself
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

test: setup  ## all tests but the slow ones (PYTEST_ARGS='-k ledger' for some)
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile --durations 10 --durations-min 0.5 $(PYTEST_ARGS)

test-slow: setup  ## the tests marked slow
	$(BIN)/python -m pytest -m slow --durations 10 --timeout 7200 $(PYTEST_ARGS)

bench: setup  ## measure against the budgets, write docs/benchmarks.md; fails where one is missed
	$(BIN)/python -m benches --date "$$(date -u +%Y-%m-%d)"

demo: setup  ## live through nights of flights in Airflow and MLflow (FRESH=1 starts over, DETACH=1 leaves the servers up)
	@$(BIN)/python -m ratchet_airflow.demo

stop:  ## end the servers that `make demo DETACH=1` left up
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m ratchet_airflow.demo --stop; fi

clean:  ## remove .venv and caches; what the project has learnt (.ratchet, .demo) stays
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
