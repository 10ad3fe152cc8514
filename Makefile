# Two commands do all set-up: `make demo` (light, no torch) and `make test` (everything the tests need).
# Both install what the lock names (constraints.txt, constraints-hashes.txt) on the newest Python that it covers.
# Another Python: make test PYTHON=/path/to/python3.12
# Tests in a random order, which a number repeats: make test SHUFFLE=7
# On Linux PyPI's torch is the one for NVIDIA's GPUs, some gigabytes; the one for the CPU alone:
#   make test TORCH_INDEX=https://download.pytorch.org/whl/cpu

VENV := .venv
DEMO := .venv-demo
LATEST := .venv-latest
WORKERS := 2
SHUFFLE :=
TORCH_INDEX :=

# Tried by running them: a launcher may be on the PATH without its Python.
COVERED := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON := $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
	$$python -c '$(COVERED)' 2>/dev/null && { echo $$python; break; }; done)
INSTALL = $(PYTHON) tools/environment.py
LOCK := constraints.txt constraints-hashes.txt tools/environment.py tools/lock.py pyproject.toml

# The tests reach no network. With one process for each core, threads would only get in each other's way.
OFFLINE := HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 HF_DATASETS_OFFLINE=1 TOKENIZERS_PARALLELISM=false \
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
PYTEST = $(OFFLINE) $(VENV)/bin/python -m pytest -n $(WORKERS) --dist worksteal $(if $(SHUFFLE),--shuffle $(SHUFFLE))

.PHONY: help demo test test-all test-latest test-wheel lint docs wheel lock clean check-python

help:
	@echo "make demo         set up a light environment and show what Yukawa does"
	@echo "make test         set up the full environment, then lint, type-check and run the quick tests"
	@echo "make test-all     everything, with coverage; what CI runs"
	@echo "make test-wheel   build wheel and sdist, install the wheel in an empty folder, run the guides' commands"
	@echo "make test-latest  the tests against the newest releases of all that Yukawa depends on"
	@echo "make lint         ruff, mypy and the import floors only"
	@echo "make docs         build the documentation site"
	@echo "make wheel        build wheel and sdist into dist/"
	@echo "make lock         renew the lock; needs Python 3.11, 3.12 and 3.13 (PYTHONS='...' names them)"
	@echo "make clean        remove caches, builds and every environment but $(VENV)"

demo: $(DEMO)/.installed
	$(DEMO)/bin/yukawa demo

test: lint
	$(PYTEST) -m "not slow" --hypothesis-profile quick

test-all: lint
	$(PYTEST) --cov --cov-report=term:skip-covered

lint: $(VENV)/.installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

test-latest: | check-python
	$(INSTALL) $(LATEST) --latest test --torch-index "$(TORCH_INDEX)"
	$(OFFLINE) $(LATEST)/bin/python -m pytest -n $(WORKERS) --dist worksteal

test-wheel: wheel
	$(DEMO)/bin/python tools/test_wheel.py dist

docs: $(VENV)/.docs
	$(VENV)/bin/mkdocs build --strict

wheel: $(DEMO)/.installed
	rm -rf dist
	$(DEMO)/bin/python -m hatchling build -d dist

lock:
	$(or $(PYTHON),python3) tools/lock.py $(if $(PYTHONS),--python $(PYTHONS))

clean:
	rm -rf $(DEMO) $(LATEST) build dist site .coverage
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is written by the last line of its recipe: an interrupted installation leaves none and is repeated.
$(DEMO)/.installed: $(LOCK) $(shell find src -type f -not -name '*.pyc') | check-python
	rm -f $@
	$(INSTALL) $(DEMO) --sections build core
	touch $@

$(VENV)/.installed: $(LOCK) | check-python
	rm -f $@ $(VENV)/.docs
	$(INSTALL) $(VENV) --sections build core test --editable --torch-index "$(TORCH_INDEX)"
	touch $@

$(VENV)/.docs: $(VENV)/.installed
	$(INSTALL) $(VENV) --sections docs
	touch $@

check-python:
	@$(or $(PYTHON),false) -c '$(COVERED)' 2>/dev/null || { \
		echo "Yukawa is locked for Python 3.11 to 3.13; found:" \
			"$$($(or $(PYTHON),python3) --version 2>/dev/null || echo none)." >&2; \
		echo "Install one with its venv module, or type: make $(MAKECMDGOALS) PYTHON=/path/to/python3.13" >&2; exit 1; }
