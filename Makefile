# `make` tells what there is. Needs Python 3.11 or newer and make (GNU make 3.81, as on macOS, is enough).

SHELL := /bin/sh
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-header --quiet
SIZE := full
YEARS := 1
NIGHTS := 180
PUPILS := 300
SEED := 1
JOBS := 1
ARGS :=
# All tests run in two processes, each with a database server of its own; some of them in one, where that starts sooner.
TESTERS = $(if $(ARGS),,-n 2 --dist worksteal)

.PHONY: help demo test check lint types contracts run bench simulate setup lock smells clean
.NOTPARALLEL:
.DEFAULT_GOAL := help

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(firstword $(MAKEFILE_LIST)) | while IFS='|' read -r name says; do \
		printf '  make %-8s %s\n' "$$name" "$$says"; done

demo: $(VENV)/.package-stamp ## Load an invented district, run two days, serve it (ARGS="--once --json --port 8000 …")
	@$(VENV)/bin/schoolpassport demo $(ARGS)

test: $(VENV)/.dev-stamp ## Run the tests (ARGS="tests/unit -k guard")
	@$(PY) -m pytest $(TESTERS) $(ARGS)

check: lint types contracts test ## All that must hold before a change is merged

lint: $(VENV)/.dev-stamp
	$(PY) -m ruff check
	$(PY) -m ruff format --check

types: $(VENV)/.dev-stamp
	$(PY) -m mypy

contracts: $(VENV)/.dev-stamp
	$(VENV)/bin/lint-imports

run: $(VENV)/.package-stamp ## Serve what is in the database (ARGS="--port 8000")
	@$(VENV)/bin/schoolpassport serve $(ARGS)

bench: $(VENV)/.dev-stamp ## Measure every figure beside its floor (SIZE=small: under three minutes)
	@$(PY) -m bench --size $(SIZE) $(ARGS)

simulate: $(VENV)/.dev-stamp ## Live through school years beside an oracle (YEARS=10 JOBS=2 SEED=1 NIGHTS=180 PUPILS=300 ARGS=--tell)
	@$(PY) -m tests.simulator --years $(YEARS) --seed $(SEED) --nights $(NIGHTS) --pupils $(PUPILS) --jobs $(JOBS) $(ARGS)

setup: $(VENV)/.dev-stamp ## Make .venv with everything for working on the code

lock: ## Write the pinned requirements anew, with uv (ARGS=--upgrade takes newer releases)
	@command -v uv >/dev/null || { echo "make lock needs uv on the PATH (any Python: pip install uv)." >&2; exit 1; }
	$(LOCK) $(ARGS) requirements/runtime.in -o requirements/runtime.txt
	$(LOCK) $(ARGS) requirements/dev.in -c requirements/runtime.txt -o requirements/dev.txt
	$(LOCK) $(ARGS) requirements/ldap.in -c requirements/runtime.txt -o requirements/ldap.txt

smells: $(VENV)/.dev-stamp ## Show the ten largest files, functions and tests: a hint, never a limit
	@$(PY) -m tests.house.smells

clean: ## Remove all that was made here, .venv included; data directories are not touched
	rm -rf $(VENV) build .mypy_cache .ruff_cache .hypothesis .import_linter_cache src/*.egg-info
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# ------------------------------------------------------------------------------------------------- the environment

# Order-only: the interpreter's own date says nothing. A .venv whose Python has gone is made anew.
$(PY):
	@old=; bare=; \
	for candidate in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
		"$$candidate" -c '' 2>/dev/null || continue; \
		"$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { old=$$candidate; continue; }; \
		"$$candidate" -c 'import ensurepip, venv' 2>/dev/null || { bare=$$candidate; continue; }; \
		exec "$$candidate" -m venv --clear $(VENV); \
	done; \
	if [ -n "$$bare" ]; then \
		echo "$$bare has no venv module. On Debian and Ubuntu: apt install python3-venv" >&2; \
	elif [ -n "$$old" ]; then \
		echo "School Passport needs Python 3.11 or newer; $$old is" \
			"$$("$$old" -c 'import platform; print(platform.python_version())')." \
			"Name another one by: make PYTHON=/path/to/python3" >&2; \
	else \
		echo "School Passport needs Python 3.11 or newer, and there is no python3 on the PATH." >&2; \
	fi; \
	exit 1

# What is installed must be what was locked: pip checks every file against its hash.
$(VENV)/.runtime-stamp: requirements/runtime.txt | $(PY)
	@echo "Installing what School Passport needs into $(VENV) …"
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null
	@$(PIP) install --require-hashes -r requirements/runtime.txt
	@touch $@

$(VENV)/.package-stamp: pyproject.toml $(VENV)/.runtime-stamp
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev-stamp: requirements/dev.txt $(VENV)/.package-stamp
	@echo "Installing what working on it needs …"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@
