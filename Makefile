# Each target makes ready what it needs first (tools/setup.py); what is ready is skipped in a second.
SETUP := @sh tools/python.sh -m tools.setup
BIN := .venv/bin
LAB_ARGS ?=
GRADE_ARGS ?=
SAMPLES ?=
TEST_ARGS ?=
ANSWERS_ARGS ?=
GPU_ARGS ?=
PYTEST := $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help lab test test-fast test-gpu mutants grade formgrader colab-exact build lint pins clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1|/' | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

lab:  ## open the course in JupyterLab, in work/           (LAB_ARGS=--no-browser)
	$(SETUP) student --build --work
	@sh tools/python.sh -m tools.lab student $(LAB_ARGS)

test:  ## every check and test; under an hour on two cores (TEST_ARGS="-k words", ANSWERS_ARGS="--seed 7")
	$(SETUP) author --programs bubblewrap chromium postgresql
	@$(BIN)/course build --check
	$(SETUP) author --build
	@$(MAKE) --no-print-directory checks
	@$(BIN)/course answers --changed $(ANSWERS_ARGS)
	@$(PYTEST) $(TEST_ARGS)

mutants:  ## every wrong and right answer and every mutant of every notebook; renews the records in solutions/
	$(SETUP) author
	@$(BIN)/course answers --record

test-fast:  ## the tests that take seconds
	$(SETUP) author --build
	@$(PYTEST) -m "not slow and not browser" $(TEST_ARGS)

test-gpu:  ## on a CUDA GPU: its tests, then the capstone's tokens a second and utilisation (GPU_ARGS="--minutes 3")
	$(SETUP) author --build
	@if $(BIN)/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then \
	  $(BIN)/pytest -m cuda && $(BIN)/python benchmarks/capstone_gpu.py --json build/gpu.json $(GPU_ARGS); \
	else echo "no CUDA GPU here: nothing to test"; fi

grade:  ## grade the sample submissions and show the result (SAMPLES="backprop bert": of these notebooks alone)
	$(SETUP) instructor --programs bubblewrap --build
	@$(BIN)/python -m tools.sample_submissions build/samples $(SAMPLES)
	@$(BIN)/course grade build/samples $(GRADE_ARGS)

formgrader:  ## nbgrader's formgrader on the gradebook that `make grade` fills
	$(SETUP) instructor --build
	@sh tools/python.sh -m tools.lab instructor $(LAB_ARGS)

colab-exact:  ## every notebook on Python 3.13 with Colab's own torch, 5 GB (COLAB_PYTHON=path/of/python3.13)
	$(SETUP) author --build
	@COLAB_EXACT=1 $(BIN)/pytest tests/colab $(TEST_ARGS)

build:  ## sources in solutions/ to notebooks in modules/ and the library in internals/
	$(SETUP) author
	@$(BIN)/course build

lint:  ## ruff and mypy
	$(SETUP) author
	@$(MAKE) --no-print-directory checks

.PHONY: checks
checks:
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

pins:  ## constraints.txt anew, from what is installed in .venv now
	$(SETUP) author
	@{ sed '/^[^#]/,$$d' constraints.txt; $(BIN)/pip freeze --exclude-editable | sed 's/+.*//'; } > .venv/pins
	@mv .venv/pins constraints.txt

clean:  ## remove what was generated outside of git, but never work/
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache .hypothesis
