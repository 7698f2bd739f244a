#!/bin/sh
# The fast checks: lint, types, import direction, unit tests.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin
$bin/ruff check .
$bin/ruff format --check .
$bin/mypy
$bin/lint-imports
$bin/pytest -q -n 2 -m 'not live and not lab and not slow'
