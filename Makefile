# Needs make and Python >= 3.11, nothing else: the environment is made in .venv by the first target that wants it,
# and made again when pyproject.toml or constraints.txt changes. vLLM has an environment of its own, .venv-vllm.

VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.tamis-installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
VLLM_VENV ?= .venv-vllm
VLLM_BIN := $(VLLM_VENV)/bin
VLLM_INSTALLED := $(VLLM_VENV)/.tamis-installed
VLLM_FILES := tests/vllm/environment/tamis_torchvision.py tests/vllm/environment/tamis_torchvision.pth
VLLM_PIP := $(VLLM_BIN)/python -m pip --disable-pip-version-check --no-input
RAGAS_VENV ?= .venv-ragas
RAGAS_BIN := $(RAGAS_VENV)/bin
RAGAS_INSTALLED := $(RAGAS_VENV)/.tamis-installed
RAGAS_PIP := $(RAGAS_BIN)/python -m pip --disable-pip-version-check --no-input
ARGS ?=

# The first of these that is new enough and can make an environment.
PYTHON ?= python3 python3.13 python3.12 python3.11 python
FIND_PYTHON = for candidate in $(PYTHON); do \
	"$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$candidate"; break; }; done

.DEFAULT_GOAL := help
.PHONY: help install demo test test-vllm test-ragas test-browser check lint types stairs wheel format constraints clean
.DELETE_ON_ERROR:

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

install: $(INSTALLED) ## the environment in .venv, with everything that development needs

demo: $(INSTALLED) ## install, then compare LlamaIndex with and without Tamis on Python's own documentation
	$(BIN)/tamis demo $(ARGS)

test: $(INSTALLED) ## every test (ARGS="-k name" for some)
	$(BIN)/python -m pytest $(ARGS)

test-vllm: $(VLLM_INSTALLED) ## the tests of a real vLLM, in process and as a server, on the CPU
	$(VLLM_BIN)/python -m pytest tests/vllm $(ARGS)

test-ragas: $(RAGAS_INSTALLED) ## the bridge to a real ragas, in an environment of its own
	$(RAGAS_BIN)/python -m pytest tests/eval/bridges tests/eval/metrics/test_context_similarity.py $(ARGS)

test-browser: $(INSTALLED) ## the report's page in a real browser (Debian: apt install chromium)
	@command -v "$${CHROMIUM:-chromium}" > /dev/null || { \
		echo "make test-browser needs Chromium (Debian: apt install chromium), or CHROMIUM=/path/to/it" >&2; exit 1; }
	$(BIN)/python -m pytest tests/browser $(ARGS)

check: lint types stairs wheel ## what must hold before a change lands, beside the tests

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(INSTALLED)
	$(BIN)/mypy

stairs: $(INSTALLED)
	$(BIN)/lint-imports --no-logo

wheel: $(INSTALLED)
	$(BIN)/python tests/house/wheel_files.py

format: $(INSTALLED) ## let ruff format and fix what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

constraints: $(INSTALLED) ## write down what is installed now
	@{ sed -n '/^#/p' constraints.txt; \
	$(PIP) freeze --all --exclude-editable | sed -e '/^wheel==/d' -e 's/+cpu$$//' | LC_ALL=C sort -f; } > constraints.new
	@mv constraints.new constraints.txt

clean: ## remove what was built and cached, but not the environment
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find plugin retrievers rerankers eval tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python $(VLLM_BIN)/python $(RAGAS_BIN)/python:
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then \
		echo "Tamis needs Python 3.11 or newer with its venv module; none of these is that: $(PYTHON)" >&2; \
		echo "Install one (Debian, Ubuntu: apt install python3 python3-venv), or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; \
		exit 1; \
	fi; \
	echo "Making $(patsubst %/bin/python,%,$@) with $$python ($$("$$python" --version))"; \
	"$$python" -m venv --clear $(patsubst %/bin/python,%,$@)

# The stamp is made last, so an interrupted installation is taken up again by the next run.
$(INSTALLED): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV): some minutes the first time"
	$(PIP) install --quiet --constraint constraints.txt --upgrade pip
	$(PIP) install --quiet --constraint constraints.txt --build-constraint constraints.txt --group dev --editable '.[all]'
	@touch $@

# Every package is named in the list, so that pip need not resolve what vLLM and LlamaIndex disagree about.
$(VLLM_INSTALLED): pyproject.toml constraints-vllm.txt $(VLLM_FILES) | $(VLLM_BIN)/python
	@echo "Installing vLLM into $(VLLM_VENV): some minutes the first time"
	$(VLLM_PIP) install --quiet --constraint constraints-vllm.txt --upgrade pip
	$(VLLM_PIP) install --quiet --no-deps --requirement constraints-vllm.txt
	$(VLLM_PIP) install --quiet --no-deps --build-constraint constraints.txt --editable .
	@cp $(VLLM_FILES) "$$($(VLLM_BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	@touch $@

# The list is whole, as vLLM's is: ragas' own dependencies want older releases than the others do.
$(RAGAS_INSTALLED): pyproject.toml constraints-ragas.txt | $(RAGAS_BIN)/python
	@echo "Installing ragas into $(RAGAS_VENV): some minutes the first time"
	$(RAGAS_PIP) install --quiet --constraint constraints-ragas.txt --upgrade pip
	$(RAGAS_PIP) install --quiet --no-deps --requirement constraints-ragas.txt
	$(RAGAS_PIP) install --quiet --no-deps --build-constraint constraints.txt --editable .
	@touch $@
