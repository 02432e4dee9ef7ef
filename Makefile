# make audit   from a bare clone: audit the two shipped specimens (light install: no torch, no GPU)
# make test    install everything and run all checks
# make check   run all checks in an installed environment
# make attacks try every attack and print the table, level by level
# make fuzz    feed the readers inputs near real ones for FUZZ_SECONDS; what breaks one is kept in out/fuzz
# make site    the documentation as a site in out/site (installs mkdocs-material)
# make docs    rewrite the generated texts (rules/README.md, parts of README.md)

VENV ?= .venv
PYTHON ?= python3
FUZZ_SECONDS ?= 300
# Compiled once: many tests start the program anew, and compiling takes longer than what most of them ask of it.
PACKAGES := auditor rules reference_impl tests
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# One version on the interpreter that CI runs, so that golden losses compare; elsewhere what is there.
TORCH := $(shell $(PYTHON) -c 'import sys; print("torch==2.13.0" if sys.version_info[:2] == (3, 11) else "torch>=2.6")')

.PHONY: audit test check attacks bench fuzz docs site clean

audit: $(VENV)/.light
	@$(BIN)/python -m auditor.specimens

test: $(VENV)/.full
	@$(MAKE) --no-print-directory check

check:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m compileall -q $(PACKAGES)
	$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist worksteal

attacks: $(VENV)/.full
	$(BIN)/python -m pytest -q tests/attacks --attack-table

fuzz: $(VENV)/.full
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)

bench: $(VENV)/.full
	$(BIN)/python tests/benchmarks/bench_audit.py
	$(BIN)/python -m tests.docs.readme

site: $(VENV)/.full
	$(PIP) --editable '.[docs]'
	$(BIN)/python -m tests.docs.site
	$(BIN)/python -m mkdocs build --quiet

docs:
	$(BIN)/python -m rules
	$(BIN)/python -m tests.docs.commands
	$(BIN)/python -m tests.docs.readme

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.light: $(BIN)/python pyproject.toml
	$(PIP) --editable .
	@touch $@

$(VENV)/.full: $(BIN)/python pyproject.toml
	$(PIP) '$(TORCH)'
	$(PIP) --editable '.[test,reference,replay]'
	@touch $@ $(VENV)/.light

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
