# Every target works on a fresh machine with Python 3.11+ and make: it installs what it needs first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python

.PHONY: setup demo serve quick test lint types contracts check coverage notebooks lock clean
.DEFAULT_GOAL := check

setup: $(VENV)/.dev ## everything: training, notebooks, tests

demo: $(VENV)/.runtime ## the main job, end to end, on sample images
	$(BIN)/lookalike demo

serve: $(VENV)/.runtime ## the service on 127.0.0.1:8080, its store under data/
	$(BIN)/lookalike serve --data data

test: $(VENV)/.dev
	$(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

check: lint types contracts test

quick: lint types contracts ## what to run while working: everything but the slow tests
	$(BIN)/python -m pytest -q -m "not slow"

# Of the rooms in which a line that is never run could be a match that is never found, by their own
# quick tests. Held to a floor in pyproject.toml, which only rises.
coverage: $(VENV)/.dev
	$(BIN)/python -m pytest -q -m "not slow" $(COVERING) --cov --cov-report=term:skip-covered
COVERING := tests/service/formats tests/service/store tests/service/urls tests/service/test_matching.py \
	tests/service/test_signals.py tests/service/test_signal_types.py tests/service/test_columns.py

notebooks: $(VENV)/.dev ## execute every notebook and write it beside its source
	OMP_NUM_THREADS=1 $(BIN)/lookalike-eval notebooks

lock: $(VENV)/.bootstrap ## rewrite the hash-pinned locks from requirements/*.in
	sh requirements/lock.sh $(BIN)/uv

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.bootstrap: requirements/bootstrap.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	touch $@

# Running needs about a gigabyte; developing adds torch with CUDA, several more. So demo and serve
# wait only for the first.
$(VENV)/.runtime: $(VENV)/.bootstrap requirements/runtime.txt pyproject.toml
	$(INSTALL) --require-hashes -r requirements/runtime.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	# Now, rather than when the service first starts: half a minute.
	-$(BIN)/python -c "from index.kernels.build.loading import warm_up; warm_up()"
	touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	$(INSTALL) --require-hashes -r requirements/dev.txt
	touch $@
