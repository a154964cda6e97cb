# Two commands do everything: `make demo` and `make test`. `make explore` looks further than the tests' fixed
# examples: make explore ARGS="tests/exchange"
PYTHON ?= python3
# On Linux without a GPU: make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
UV := UV_LINK_MODE=copy VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv

.PHONY: demo test explore format lint types unit lock clean

demo: $(INSTALLED)
	@$(BIN)/learnloop demo $(ARGS)

test: lint types unit

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(INSTALLED)
	$(BIN)/mypy

unit: $(INSTALLED)
	$(BIN)/pytest

explore: $(INSTALLED)
	$(BIN)/pytest --hypothesis-profile explore $(ARGS)

# torch comes first and by pip, which honours local wheel folders and the index given above;
# the lock holds everything else with exact versions, so nothing is resolved here. Bytecode is
# compiled now because some machines forbid writing it later, and every start would pay for that.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Learnloop needs Python 3.11 or newer. Try: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked dependencies into $(VENV) (a few minutes, once)" >&2
	@$(BIN)/pip install -q --disable-pip-version-check uv==0.13.9 1>&2
	@$(BIN)/pip install -q --disable-pip-version-check $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch==2.13.0 1>&2
	@$(UV) pip install -q --no-deps --compile-bytecode -r requirements.lock 1>&2
	@$(UV) pip install -q --no-deps --no-build-isolation -e . 1>&2
	@$(BIN)/python -m compileall -qq -j 0 $$($(BIN)/python -c 'import torch, os; print(os.path.dirname(torch.__file__))') || true
	@touch $@

# Run after changing dependencies in pyproject.toml.
lock: $(INSTALLED)
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --extra dev --no-emit-package torch \
	  --no-header --no-annotate pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
