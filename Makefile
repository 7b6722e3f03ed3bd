# Two commands matter: `make demo` and `make test`. Each does all its set-up; Python 3.11+ and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test lint types rooms check bench docs screenshots lock system clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 22

demo: $(VENV)/.run ## a living town on this machine; `make demo ARGS="--town county --port 8050"`
	@$(BIN)/gridpost demo $(ARGS)

# On all cores, at most four: each worker has servers and browsers of its own. Whoever is done takes over from the
# other. `ARGS="-n 0"` runs them one after the other, as plain `pytest` does.
SPREAD := -n auto --maxprocesses 4 --dist worksteal

test: $(VENV)/.test system ## lint, types, rooms and all tests; `make test ARGS="tests/geo -x"`
	$(MAKE) --no-print-directory lint types rooms
	$(BIN)/pytest $(SPREAD) $(ARGS)

lint: $(VENV)/.test ## ruff
	$(BIN)/ruff check

types: $(VENV)/.test ## mypy --strict
	$(BIN)/mypy

rooms: $(VENV)/.test ## import-linter: app → streams → geo, never back
	$(BIN)/lint-imports

bench: $(VENV)/.test ## the benchmarks, each against the plain way in the same run
	$(BIN)/gridpost bench $(ARGS)

docs: $(VENV)/.run ## write docs/workflow.md from the table of acts
	$(BIN)/python -m app.workflow_page

screenshots: $(VENV)/.test system ## pictures of every page, in build/screenshots; renews the README's picture
	$(BIN)/python tests/screenshots.py $(ARGS)

lock: $(VENV)/.test ## renew constraints.txt from what pyproject asks for
	$(BIN)/uv pip compile --quiet --no-header --no-annotate --universal --extra test --output-file constraints.txt --upgrade pyproject.toml

clean: ## remove what make made (not state/)
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info

# What the browser, broker and Redis tests need from Debian. Installed where we may; else those tests are skipped and
# the summary says which and why.
PACKAGES := chromium mosquitto redis-server fonts-noto-cjk
system:
	@sh tests/system.sh $(PACKAGES)

# uv resolves and downloads in parallel: seconds where pip takes a minute.
$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Gridpost needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; say make PYTHON=/path/to/python3.11")'
	@echo "Gridpost: setting up $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.run: $(VENV)/bin/uv pyproject.toml constraints.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.test: $(VENV)/bin/uv pyproject.toml constraints.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@ $(VENV)/.run
