# make demo    a lab, converged and verified        make test   everything, as CI does
# make check   the fast part, for every commit      make bench  tools measured side by side
.PHONY: help demo test check bench docs fix packages lab-down clean
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
# What tests on this machine's own kernel use; there are two packages with an arping.
TEST_PACKAGES := conntrack gpg gpg-agent graphviz netcat-openbsd nftables shellcheck socat
# What hosts with the engine vm need; Debian's kernel for them is an amd64 one.
VM_PACKAGES := $(if $(filter x86_64,$(shell uname -m)),e2fsprogs qemu-system-x86)
INVENTORY ?= inventories/lab.py

help: ## these lines
	@sed -n 's/^\([a-z.-]*\):.*## /  make \1	/p' $(MAKEFILE_LIST)

.venv: .venv/.made ## the virtual environment with everything in it
.venv/.made: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -c 'import ensurepip' 2> /dev/null || sh lab/setup.sh python3-venv
	@echo "--> Python packages into .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

packages:
	@sh lab/setup.sh $(TEST_PACKAGES) $(VM_PACKAGES) $$(command -v arping > /dev/null || echo iputils-arping)

demo: .venv packages ## a lab of three hosts: converge, verify, a second run without change
	@sh scripts/demo.sh $(INVENTORY)

check: .venv ## lint, types, import direction, unit tests; under a minute
	@sh scripts/check.sh

test: .venv packages check ## everything, from nothing
	@sh scripts/test.sh

bench: .venv packages ## all tools side by side on a lab host; writes docs/benchmarks.md
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@$(BIN)/python -m benchmarks --write; status=$$?; PYTHONPATH=. $(BIN)/netwright lab down benchmarks/bench_host.py; exit $$status

docs: .venv ## the docs site, into build/site; a warning is an error
	@rm -rf build/site
	@$(BIN)/python scripts/docs.py build/docs
	@$(BIN)/mkdocs build --strict --quiet

fix: .venv ## let ruff mend what it can
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

lab-down: .venv ## take every lab down
	@$(BIN)/netwright lab down --all

clean: lab-down ## no lab, no virtual environment; the root image stays
	@rm -rf .venv build dist *.egg-info
