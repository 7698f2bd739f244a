#!/bin/sh
# Everything: slow and live tests on this machine's kernel, labs, the demo, the scenarios.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin
trap '$bin/netwright lab down --all' EXIT

say() { printf '\n==> %s\n' "$*"; }

say "tests on the real kernel, and the slow ones"
$bin/pytest -q -m '(live or slow) and not lab'
say "tests on lab hosts"
$bin/pytest -q -m lab
say "the demo"
sh scripts/demo.sh
